"""What the client sends, and what it makes of the answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client.api import PromptreelClient
from client.problems import ProblemError, Unusable


def test_idea_when_submitted_then_sent_with_its_token_and_key(
    fake_api: Any, api_client: PromptreelClient, answer: Any
) -> None:
    fake_api.on("POST", "/v1/jobs", answer(202, {"id": "film-1", "state": "PENDING"}))

    submitted = api_client.submit({"prompt": "A lighthouse"}, "key-1")

    asked = fake_api.asked[0]
    assert submitted["id"] == "film-1"
    assert asked.body == {"prompt": "A lighthouse"}
    assert asked.headers["authorization"] == "Bearer the-token"
    assert asked.headers["idempotency-key"] == "key-1"


def test_jobs_when_listed_then_only_given_filters_are_sent(
    fake_api: Any, api_client: PromptreelClient, answer: Any
) -> None:
    fake_api.on("GET", "/v1/jobs", answer(200, {"jobs": [], "next_page_token": None}))

    api_client.jobs(state="FAILED")
    api_client.jobs(page_token="a+c")
    api_client.jobs(owner="*")

    assert fake_api.paths() == [
        "GET /v1/jobs?state=FAILED",
        "GET /v1/jobs?page_token=a%2Bc",
        "GET /v1/jobs?owner=%2A",
    ]


def test_hostile_job_id_when_asked_for_then_it_stays_one_path_part(fake_api: Any, api_client: PromptreelClient) -> None:
    with pytest.raises(ProblemError):
        api_client.job("../ledger?x=1")

    assert fake_api.paths() == ["GET /v1/jobs/..%2Fledger%3Fx%3D1"]


def test_job_when_cancelled_then_posted_with_a_key_of_its_own(
    fake_api: Any, api_client: PromptreelClient, answer: Any, job_json: Callable[..., Any]
) -> None:
    fake_api.on("POST", "/v1/jobs/film-1:cancel", answer(200, job_json(state="CANCELLED")))

    assert api_client.cancel("film-1")["state"] == "CANCELLED"
    api_client.cancel("film-1")

    keys = {asked.headers["idempotency-key"] for asked in fake_api.asked}
    assert len(keys) == 2


def test_problem_when_answered_then_every_part_of_it_is_told(
    fake_api: Any, api_client: PromptreelClient, answer: Any
) -> None:
    body = {"code": "budget_exceeded", "message": "Needs $6.", "remedy": "Raise the limit.", "trace": "t-9"}
    fake_api.on("GET", "/v1/jobs/film-1", answer(402, body, {"Content-Type": "application/problem+json"}))

    with pytest.raises(ProblemError) as caught:
        api_client.job("film-1")

    told = caught.value
    assert (told.status, told.code, told.message, told.remedy, told.trace) == (
        402,
        "budget_exceeded",
        "Needs $6.",
        "Raise the limit.",
        "t-9",
    )


def test_page_of_a_gateway_when_answered_then_it_becomes_a_problem_with_a_way_out(
    fake_api: Any, api_client: PromptreelClient, answer: Any
) -> None:
    fake_api.on("GET", "/v1/jobs/film-1", answer(401, b"<html>Unauthorized</html>"))

    with pytest.raises(ProblemError) as caught:
        api_client.job("film-1")

    assert caught.value.code == "http_401"
    assert "PROMPTREEL_TOKEN" in caught.value.remedy


def test_problem_without_remedy_when_answered_then_none_is_made_up(
    fake_api: Any, api_client: PromptreelClient, answer: Any
) -> None:
    fake_api.on("GET", "/v1/jobs/film-1", answer(404, {"code": "not_found", "message": "There is no job film-1."}))

    with pytest.raises(ProblemError) as caught:
        api_client.job("film-1")

    assert (caught.value.message, caught.value.remedy) == ("There is no job film-1.", "")


def test_success_without_json_when_answered_then_the_address_is_doubted(
    fake_api: Any, api_client: PromptreelClient, answer: Any
) -> None:
    fake_api.on("GET", "/v1/jobs/film-1", answer(200, b"<html>Welcome</html>"))

    with pytest.raises(ProblemError) as caught:
        api_client.job("film-1")

    assert caught.value.code == "not_json"


@pytest.mark.parametrize(
    "address", ["http://films.example", "ftp://127.0.0.1", "films.example", "http://", "https://:x"]
)
def test_address_when_it_would_carry_the_token_in_the_open_then_refused(address: str) -> None:
    with pytest.raises(Unusable):
        PromptreelClient(address, "secret")


@pytest.mark.parametrize(
    "address", ["https://films.example", "http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"]
)
def test_address_when_encrypted_or_on_this_machine_then_accepted(address: str) -> None:
    PromptreelClient(address, "secret").close()


def test_signed_url_when_downloaded_then_the_token_stays_home(
    fake_api: Any, api_client: PromptreelClient, answer: Any, tmp_path: Path
) -> None:
    fake_api.on("GET", "/film.mp4", answer(200, b"frames"))

    saved = api_client.download(f"{fake_api.url}/film.mp4?X-Goog-Signature=abc", tmp_path / "new" / "film.mp4")

    assert saved.read_bytes() == b"frames"
    assert "authorization" not in fake_api.asked[0].headers


def test_download_when_refused_then_no_file_appears(
    fake_api: Any, api_client: PromptreelClient, answer: Any, tmp_path: Path
) -> None:
    fake_api.on("GET", "/film.mp4", answer(403, b"<Error/>"))

    with pytest.raises(ProblemError):
        api_client.download(f"{fake_api.url}/film.mp4", tmp_path / "film.mp4")

    assert list(tmp_path.iterdir()) == []
