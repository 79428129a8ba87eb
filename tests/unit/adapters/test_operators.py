"""Operators by address and by group, the groups asked of a loopback Cloud Identity with the documented answers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import google.auth
import pytest
from google.oauth2.credentials import Credentials

from promptreel.adapters.operators import KEEP, SCOPE, ListedOperators
from tests.fakes.system import FakeClock


class CloudIdentity:
    """Groups and their direct members, as the v1 API answers for them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.members = {"ops@example.com": ("groups/01ops", {"mira@example.com"})}
        self.requests: list[str] = []
        self.status: int | None = None

    def answer(self, target: str) -> tuple[int, dict[str, Any]]:
        self.requests.append(target)
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        if self.status is not None:
            return self.status, {"error": {"code": self.status}}
        if parts.path == "/v1/groups:lookup" and query["groupKey.id"][0] in self.members:
            return 200, {"name": self.members[query["groupKey.id"][0]][0]}
        for name, members in self.members.values():
            if parts.path == f"/v1/{name}/memberships:lookup" and query["memberKey.id"][0] in members:
                return 200, {"name": f"{name}/memberships/7"}
        return 403, {"error": {"code": 403, "status": "PERMISSION_DENIED"}}


@contextmanager
def serving() -> Iterator[CloudIdentity]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.headers["Authorization"] == "Bearer of-the-api"
            status, body = page.answer(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        page = CloudIdentity(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield page
        server.shutdown()


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudIdentity]:
    def default(scopes: list[str]) -> tuple[Credentials, str]:
        assert scopes == [SCOPE]
        return Credentials(token="of-the-api"), "p"

    monkeypatch.setattr(google.auth, "default", default)
    with serving() as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_listed_address_is_an_operator_in_any_case(identity: CloudIdentity, clock: FakeClock) -> None:
    operators = ListedOperators(["Ops@Example.com"], clock, identity.url)

    assert operators.is_operator("ops@example.COM")
    assert not operators.is_operator("mira@example.com")
    assert not operators.is_operator("group:ops@example.com")
    assert identity.requests == []


def test_member_of_a_listed_group_is_an_operator_until_removed(identity: CloudIdentity, clock: FakeClock) -> None:
    operators = ListedOperators(["group:ops@example.com"], clock, identity.url)

    assert operators.is_operator("mira@example.com")
    assert not operators.is_operator("mallory@example.com")
    identity.members["ops@example.com"][1].clear()
    assert operators.is_operator("mira@example.com"), "the answer is kept for a few minutes"
    clock.pass_s(KEEP / timedelta(seconds=1))
    assert not operators.is_operator("mira@example.com")


def test_group_itself_is_no_operator_when_its_address_calls(identity: CloudIdentity, clock: FakeClock) -> None:
    assert not ListedOperators(["group:ops@example.com"], clock, identity.url).is_operator("ops@example.com")


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_nobody_becomes_an_operator_when_the_look_up_fails(
    identity: CloudIdentity, clock: FakeClock, status: int
) -> None:
    identity.status = status

    assert not ListedOperators(["group:ops@example.com"], clock, identity.url).is_operator("mira@example.com")


def test_nobody_becomes_an_operator_when_cloud_identity_is_away(clock: FakeClock, identity: CloudIdentity) -> None:
    operators = ListedOperators(["group:ops@example.com"], clock, "http://127.0.0.1:9")

    assert not operators.is_operator("mira@example.com")


def test_group_query_cannot_be_rewritten_by_an_address(identity: CloudIdentity, clock: FakeClock) -> None:
    operators = ListedOperators(["group:ops@example.com"], clock, identity.url)

    assert not operators.is_operator("x&memberKey.id=mira@example.com")
