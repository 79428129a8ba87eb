"""When the client repeats a request, how long it waits, and when it gives up."""

from typing import Any

import pytest

from client.api import PromptreelClient
from client.errors import NotReachable, ProblemError, Retries
from client.transport import Flow, Wait

JOB = "/v1/jobs/film-1"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_request_is_retried_after_a_transient_failure(
    fake_api: Any, api_client: PromptreelClient, answer: Any, waits: list[float], status: int
) -> None:
    fake_api.on("GET", JOB, answer(status), answer(status), answer(200, {"id": "film-1"}))

    assert api_client.job("film-1")["id"] == "film-1"
    assert waits == [0.25, 0.5]


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500, 501])
def test_request_is_not_retried_after_a_permanent_failure(
    fake_api: Any, api_client: PromptreelClient, answer: Any, waits: list[float], status: int
) -> None:
    fake_api.on("GET", JOB, answer(status))

    with pytest.raises(ProblemError) as caught:
        api_client.job("film-1")

    assert caught.value.status == status
    assert (len(fake_api.requests), waits) == (1, [])


def test_request_fails_after_four_transient_failures(fake_api: Any, api_client: PromptreelClient, answer: Any) -> None:
    fake_api.on("GET", JOB, answer(503))

    with pytest.raises(ProblemError):
        api_client.job("film-1")

    assert len(fake_api.requests) == 4


def test_submission_is_repeated_with_the_same_key_when_its_answer_breaks_off(
    fake_api: Any, api_client: PromptreelClient, answer: Any
) -> None:
    submitted = {"id": "film-1", "state": "PENDING"}
    fake_api.on("POST", "/v1/jobs", answer(202, submitted, cut_at=5), answer(202, submitted))

    api_client.submit({"prompt": "A lighthouse"}, "key-1")

    assert [request.headers["idempotency-key"] for request in fake_api.requests] == ["key-1", "key-1"]
    assert fake_api.requests[0].body == fake_api.requests[1].body


@pytest.mark.usefixtures("no_retries")
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_submit_prints_the_key_to_repeat_with_when_its_answer_is_lost(
    run: Any, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    fake_api.on("POST", "/v1/jobs", answer(status))

    assert run("submit", "A lighthouse") != 0

    key = fake_api.requests[0].headers["idempotency-key"]
    shown = capsys.readouterr().err
    assert f"Idempotency-Key: {key}" in shown
    assert f"--idempotency-key {key}" in " ".join(shown.split())


def test_submit_prints_no_key_to_repeat_with_when_it_was_refused(
    run: Any, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("POST", "/v1/jobs", answer(422, {"code": "invalid", "message": "scenes: too many"}))

    assert run("submit", "A lighthouse") != 0
    assert "--idempotency-key" not in capsys.readouterr().err


def test_expired_token_is_renewed_once_for_each_request(fake_api: Any, answer: Any) -> None:
    fresh = iter(["second", "third"])
    fake_api.on("GET", JOB, answer(401), answer(200, {"id": "film-1"}), answer(401), answer(401))

    with PromptreelClient(fake_api.url, "first", renew=lambda: next(fresh)) as client:
        assert client.job("film-1")["id"] == "film-1"
        with pytest.raises(ProblemError):
            client.job("film-1")

    sent = [request.headers["authorization"].removeprefix("Bearer ") for request in fake_api.requests]
    assert sent == ["first", "second", "second", "third"]


def test_token_command_is_run_when_no_token_is_given(
    run: Any, fake_api: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_api.on("GET", "/v1/jobs", answer(200, {"jobs": [], "next_page_token": None}))
    monkeypatch.delenv("PROMPTREEL_TOKEN")
    monkeypatch.setenv("PROMPTREEL_TOKEN_COMMAND", "echo printed-token")

    assert run("list") == 0
    assert fake_api.requests[0].headers["authorization"] == "Bearer printed-token"


@pytest.mark.parametrize("command", ["false", "true", "no-such-program --x", "'"])
def test_token_command_that_prints_nothing_is_refused_with_its_name(
    run: Any, fake_api: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.delenv("PROMPTREEL_TOKEN")
    monkeypatch.setenv("PROMPTREEL_TOKEN_COMMAND", command)

    assert run("list") == 2
    assert "PROMPTREEL_TOKEN_COMMAND" in capsys.readouterr().err
    assert fake_api.requests == []


def test_retry_waits_as_long_as_the_server_demands(
    fake_api: Any, api_client: PromptreelClient, answer: Any, waits: list[float]
) -> None:
    date = {"Date": "Sat, 21 Nov 2026 09:00:00 GMT", "Retry-After": "Sat, 21 Nov 2026 09:00:30 GMT"}
    fake_api.on("GET", JOB, answer(429, None, {"Retry-After": "7"}), answer(503, None, date), answer(200, {}))

    api_client.job("film-1")

    assert waits == [7.25, pytest.approx(30.5, abs=0.5)]


def test_request_fails_at_once_when_the_server_demands_too_long_a_wait(
    fake_api: Any, api_client: PromptreelClient, answer: Any, waits: list[float]
) -> None:
    fake_api.on("GET", JOB, answer(503, None, {"Retry-After": "3600"}))

    with pytest.raises(ProblemError):
        api_client.job("film-1")

    assert (len(fake_api.requests), waits) == (1, [])


def test_request_fails_as_not_reachable_after_four_refused_connections(unused_port: int, waits: list[float]) -> None:
    retries = Retries(sleep=waits.append, chance=lambda: 1.0)

    with (
        PromptreelClient(f"http://127.0.0.1:{unused_port}", "t", retries=retries) as client,
        pytest.raises(NotReachable),
    ):
        client.job("film-1")

    assert waits == [0.5, 1.0, 2.0]


def test_wait_doubles_up_to_its_limit() -> None:
    retries = Retries(attempts=9, chance=lambda: 1.0)

    assert [retries.wait_s(failed, None) for failed in (1, 2, 5, 8)] == [0.5, 1.0, 8.0, 8.0]
    assert retries.wait_s(9, None) is None


def test_programming_error_is_not_retried(api_client: PromptreelClient, waits: list[float]) -> None:
    def attempt() -> Flow[int]:
        yield Wait(0)
        return 1 // 0

    with pytest.raises(ZeroDivisionError):
        api_client.run(api_client.retry(attempt))

    assert waits == [0]
