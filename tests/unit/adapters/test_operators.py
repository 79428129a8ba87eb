"""Operators by address and by group; the groups are looked up at a loopback Cloud Identity with documented answers."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import google.auth
import pytest
from google.oauth2.credentials import Credentials

from promptreel.adapters.operators import KEEP, SCOPE, ListedOperators
from tests.fakes.system import FakeClock
from tests.unit.adapters.conftest import serve


class CloudIdentity:
    """Groups and their direct members, as the v1 API answers for them."""

    def __init__(self) -> None:
        self.url = ""
        self.members = {"ops@example.com": ("groups/01ops", {"mira@example.com"})}
        self.requests: list[str] = []
        self.status: int | None = None

    def answer(self, target: str, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        assert headers["authorization"] == "Bearer of-the-api"
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


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudIdentity]:
    def default(scopes: list[str]) -> tuple[Credentials, str]:
        assert scopes == [SCOPE]
        return Credentials(token="of-the-api"), "p"

    monkeypatch.setattr(google.auth, "default", default)
    page = CloudIdentity()
    with serve(page.answer) as page.url:
        yield page


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
def test_no_address_is_an_operator_when_the_look_up_fails(
    identity: CloudIdentity, clock: FakeClock, status: int
) -> None:
    identity.status = status

    assert not ListedOperators(["group:ops@example.com"], clock, identity.url).is_operator("mira@example.com")


def test_no_address_is_an_operator_when_cloud_identity_is_away(clock: FakeClock, identity: CloudIdentity) -> None:
    operators = ListedOperators(["group:ops@example.com"], clock, "http://127.0.0.1:9")

    assert not operators.is_operator("mira@example.com")


def test_group_query_cannot_be_rewritten_by_an_address(identity: CloudIdentity, clock: FakeClock) -> None:
    operators = ListedOperators(["group:ops@example.com"], clock, identity.url)

    assert not operators.is_operator("x&memberKey.id=mira@example.com")
