"""Tokens from the metadata server, and where they may go."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from localcloud.identity import Identity, TokenUnavailable, is_loopback
from localcloud.tests.harness import Metadata, Worker, listening
from localcloud.tests.loopback import free_port

T = TypeVar("T")


def asked(metadata_host: str | None, question: Callable[[Identity], Awaitable[T]]) -> T:
    async def ask() -> T:
        identity = Identity(metadata_host)
        try:
            return await question(identity)
        finally:
            await identity.close()

    return asyncio.run(ask())


def test_token_is_none_when_there_is_no_metadata_server() -> None:
    assert asked(None, lambda identity: identity.id_token("a", "e@local")) is None
    assert asked(None, lambda identity: identity.access_token("e@local")) is None


def test_metadata_server_gets_account_audience_and_flavour_when_a_token_is_requested() -> None:
    with listening(Metadata()) as server:
        host = server.url.removeprefix("http://")
        id_token = asked(host, lambda identity: identity.id_token("https://a/?b=c&d", "e@local"))
        access_token = asked(host, lambda identity: identity.access_token("e@local"))

    assert id_token == "id-token:e@local:https://a/?b=c&d"
    assert access_token == "access-token:e@local"
    accounts = "/computeMetadata/v1/instance/service-accounts/e@local"
    assert [request.path.split("?")[0] for request in server.received] == [f"{accounts}/identity", f"{accounts}/token"]


def test_token_is_unavailable_when_the_metadata_server_refuses() -> None:
    with listening(Worker(statuses=[404])) as server, pytest.raises(TokenUnavailable, match="404"):
        asked(server.url.removeprefix("http://"), lambda identity: identity.id_token("a", "nobody@local"))


def test_token_is_unavailable_when_the_access_token_cannot_be_read() -> None:
    with listening(Worker()) as server, pytest.raises(TokenUnavailable, match="not readable"):
        asked(server.url.removeprefix("http://"), lambda identity: identity.access_token("e@local"))


def test_token_is_unavailable_when_the_metadata_server_does_not_answer() -> None:
    with pytest.raises(TokenUnavailable):
        asked(f"127.0.0.1:{free_port()}", lambda identity: identity.id_token("a", "e@local"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://127.9.9.9/", "http://[::1]:1/", "http://localhost:1/"])
def test_url_is_loopback_when_it_leads_to_this_machine(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url",
    [
        *("https://example.com/", "http://192.0.2.1/", "http://0.0.0.0/", "http://localhost.example.com/", "http:///x"),
        *("http://127.0.0.1@example.com/", "http://[::1/", "nonsense", ""),
    ],
)
def test_url_is_not_loopback_when_it_leads_elsewhere(url: str) -> None:
    assert not is_loopback(url)
