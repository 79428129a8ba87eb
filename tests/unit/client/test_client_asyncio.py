"""The client for asyncio does what the blocking one does, by the same flows."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from client import AsyncPromptreelClient, NotReachable, ProblemError, PromptreelClient

T = TypeVar("T")
JOB = "/v1/jobs/film-1"


@pytest.fixture
def call(fake_api: Any, waits: list[float]) -> Callable[..., Any]:
    """Run one call of a client of the scripted server in a new event loop."""

    async def sleep(wait_s: float) -> None:
        waits.append(wait_s)

    async def run(use: Callable[[AsyncPromptreelClient], Awaitable[T]], renew: Callable[[], str] | None) -> T:
        async with AsyncPromptreelClient(fake_api.url, "first", renew=renew, sleep=sleep) as client:
            return await use(client)

    return lambda use, renew=None: asyncio.run(run(use, renew))


def test_async_call_returns_the_answer(fake_api: Any, answer: Any, call: Any) -> None:
    fake_api.on("GET", JOB, answer(200, {"id": "film-1"}))

    assert call(lambda client: client.job("film-1")) == {"id": "film-1"}


def test_async_call_is_retried_after_a_transient_failure(
    fake_api: Any, answer: Any, call: Any, waits: list[float]
) -> None:
    fake_api.on("GET", JOB, answer(503), answer(503), answer(200, {"id": "film-1"}))

    assert call(lambda client: client.job("film-1"))["id"] == "film-1"
    assert len(waits) == 2


def test_async_call_raises_the_problem(fake_api: Any, answer: Any, call: Any) -> None:
    fake_api.on("GET", JOB, answer(404, {"code": "not_found", "message": "There is no job."}))

    with pytest.raises(ProblemError, match="There is no job"):
        call(lambda client: client.job("film-1"))


def test_async_call_raises_not_reachable_when_answers_break_off(fake_api: Any, answer: Any, call: Any) -> None:
    fake_api.on("GET", JOB, answer(200, {"id": "film-1"}, cut_at=3))

    with pytest.raises(NotReachable):
        call(lambda client: client.job("film-1"))


def test_async_call_renews_an_expired_token(fake_api: Any, answer: Any, call: Any) -> None:
    fake_api.on("GET", JOB, answer(401), answer(200, {"id": "film-1"}))

    call(lambda client: client.job("film-1"), lambda: "second")

    assert [request.headers["authorization"] for request in fake_api.requests] == ["Bearer first", "Bearer second"]


def test_async_calls_are_sent_side_by_side(fake_api: Any, answer: Any, call: Any) -> None:
    fake_api.on("GET", JOB, answer(200, {"id": "film-1"}))

    async def many(client: AsyncPromptreelClient) -> list[Any]:
        return list(await asyncio.gather(*(client.job("film-1") for _ in range(20))))

    assert len(call(many)) == 20


def test_async_download_goes_on_where_it_was_cut_off(fake_api: Any, answer: Any, call: Any, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    rest = {"ETag": "one", "Content-Range": "bytes 4-9/10"}
    fake_api.on("GET", "/f", answer(200, b"0123456789", {"ETag": "one"}, cut_at=4), answer(206, b"456789", rest))

    call(lambda client: client.download(f"{fake_api.url}/f", film))

    assert film.read_bytes() == b"0123456789"


def test_methods_say_their_parameters_and_purpose_to_a_notebook(api_client: PromptreelClient) -> None:
    assert list(inspect.signature(api_client.submit).parameters) == ["request", "idempotency_key"]
    assert "Submit a film request" in (api_client.submit.__doc__ or "")


def test_both_clients_have_the_same_methods() -> None:
    def public(client: type) -> set[str]:
        return {name for name in dir(client) if not name.startswith("_")}

    assert public(PromptreelClient) == public(AsyncPromptreelClient)
