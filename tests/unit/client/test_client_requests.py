"""What the client sends, and how it reads the answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client.api import PromptreelClient
from client.errors import InvalidInput, ProblemError


def test_submit_sends_the_request_with_token_and_idempotency_key(
    fake_api: Any, api_client: PromptreelClient, answer: Any
) -> None:
    fake_api.on("POST", "/v1/jobs", answer(202, {"id": "film-1", "state": "PENDING"}))

    submitted = api_client.submit({"prompt": "A lighthouse"}, "key-1")

    request = fake_api.requests[0]
    assert submitted["id"] == "film-1"
    assert request.body == {"prompt": "A lighthouse"}
    assert request.headers["authorization"] == "Bearer the-token"
    assert request.headers["idempotency-key"] == "key-1"


def test_jobs_sends_only_the_given_filters(fake_api: Any, api_client: PromptreelClient, answer: Any) -> None:
    fake_api.on("GET", "/v1/jobs", answer(200, {"jobs": [], "next_page_token": None}))

    api_client.jobs(state="FAILED")
    api_client.jobs(page_token="a+c")
    api_client.jobs(owner="*")

    assert fake_api.paths() == [
        "GET /v1/jobs?state=FAILED",
        "GET /v1/jobs?page_token=a%2Bc",
        "GET /v1/jobs?owner=%2A",
    ]


def test_job_sends_a_hostile_id_as_one_path_segment(fake_api: Any, api_client: PromptreelClient) -> None:
    with pytest.raises(ProblemError):
        api_client.job("../ledger?x=1")

    assert fake_api.paths() == ["GET /v1/jobs/..%2Fledger%3Fx%3D1"]


def test_cancel_sends_a_new_idempotency_key_each_time(
    fake_api: Any, api_client: PromptreelClient, answer: Any, job_json: Callable[..., Any]
) -> None:
    fake_api.on("POST", "/v1/jobs/film-1:cancel", answer(200, job_json(state="CANCELLED")))

    assert api_client.cancel("film-1")["state"] == "CANCELLED"
    api_client.cancel("film-1")

    keys = {request.headers["idempotency-key"] for request in fake_api.requests}
    assert len(keys) == 2


def test_problem_is_raised_with_all_its_fields(fake_api: Any, api_client: PromptreelClient, answer: Any) -> None:
    body = {"code": "budget_exceeded", "message": "Needs $6.", "remedy": "Raise the limit.", "trace": "t-9"}
    fake_api.on("GET", "/v1/jobs/film-1", answer(402, body, {"Content-Type": "application/problem+json"}))

    with pytest.raises(ProblemError) as caught:
        api_client.job("film-1")

    problem = caught.value
    assert (problem.status, problem.code, problem.message, problem.remedy, problem.trace) == (
        402,
        "budget_exceeded",
        "Needs $6.",
        "Raise the limit.",
        "t-9",
    )


def test_error_page_of_a_gateway_is_raised_as_a_problem_with_a_remedy(
    fake_api: Any, api_client: PromptreelClient, answer: Any
) -> None:
    fake_api.on("GET", "/v1/jobs/film-1", answer(401, b"<html>Unauthorized</html>"))

    with pytest.raises(ProblemError) as caught:
        api_client.job("film-1")

    assert caught.value.code == "http_401"
    assert "PROMPTREEL_TOKEN" in caught.value.remedy


def test_problem_without_remedy_is_raised_without_one(fake_api: Any, api_client: PromptreelClient, answer: Any) -> None:
    fake_api.on("GET", "/v1/jobs/film-1", answer(404, {"code": "not_found", "message": "There is no job film-1."}))

    with pytest.raises(ProblemError) as caught:
        api_client.job("film-1")

    assert (caught.value.message, caught.value.remedy) == ("There is no job film-1.", "")


def test_success_without_json_is_raised_as_a_problem(fake_api: Any, api_client: PromptreelClient, answer: Any) -> None:
    fake_api.on("GET", "/v1/jobs/film-1", answer(200, b"<html>Welcome</html>"))

    with pytest.raises(ProblemError) as caught:
        api_client.job("film-1")

    assert caught.value.code == "not_json"


@pytest.mark.parametrize(
    "address", ["http://films.example", "ftp://127.0.0.1", "films.example", "http://", "https://:x"]
)
def test_client_refuses_an_address_that_would_send_the_token_unencrypted(address: str) -> None:
    with pytest.raises(InvalidInput):
        PromptreelClient(address, "secret")


@pytest.mark.parametrize(
    "address", ["https://films.example", "http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"]
)
def test_client_accepts_an_address_that_is_encrypted_or_on_this_machine(address: str) -> None:
    PromptreelClient(address, "secret").close()


def test_download_does_not_send_the_token_to_a_signed_url(
    fake_api: Any, api_client: PromptreelClient, answer: Any, tmp_path: Path
) -> None:
    fake_api.on("GET", "/film.mp4", answer(200, b"frames"))

    saved = api_client.download(f"{fake_api.url}/film.mp4?X-Goog-Signature=abc", tmp_path / "new" / "film.mp4")

    assert saved.read_bytes() == b"frames"
    assert "authorization" not in fake_api.requests[0].headers


def test_download_leaves_no_file_when_refused(
    fake_api: Any, api_client: PromptreelClient, answer: Any, tmp_path: Path
) -> None:
    fake_api.on("GET", "/film.mp4", answer(403, b"<Error/>"))

    with pytest.raises(ProblemError):
        api_client.download(f"{fake_api.url}/film.mp4", tmp_path / "film.mp4")

    assert list(tmp_path.iterdir()) == []
