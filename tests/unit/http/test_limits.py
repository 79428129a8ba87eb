"""Each limit of a request, as docs/api.md has it: what is at it is taken, what is over it is refused by name."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from promptreel.domain.request import DURATION_S, MAX_PROMPT_CHARS, MAX_SCENES, MIN_PROMPT_CHARS
from promptreel.domain.requested_references import MAX_REFERENCES
from promptreel.http.routes import MAX_BILL_BYTES, MAX_BODY_BYTES
from promptreel.settings import Settings
from promptreel.usecases.take_in_pictures import MAX_PICTURE_BYTES
from tests.unit.http.api_requests import PROMPT, bearer

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
RICH = {**PROMPT, "budget_usd": 10_000}


def words(chars: int) -> str:
    return ("fox " * chars)[: chars - 1] + "."


def estimate(http: FlaskClient, body: Any) -> tuple[int, str]:
    answer = http.post("/v1/estimate", json=body, headers=bearer())
    return answer.status_code, answer.get_json().get("message", "")


def references(count: int) -> list[dict[str, Any]]:
    return [
        {"kind": "character", "name": f"Person {number}", "uri": "upload:x", "consent": "Agreed in writing."}
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("at", "over", "field"),
    [
        ({"prompt": words(MAX_PROMPT_CHARS)}, {"prompt": words(MAX_PROMPT_CHARS + 1)}, "prompt"),
        ({"prompt": "fox"}, {"prompt": "fo"}, "prompt"),
        ({"scenes": MAX_SCENES}, {"scenes": MAX_SCENES + 1}, "scenes"),
        ({"scenes": 1}, {"scenes": 0}, "scenes"),
        ({"duration_s": DURATION_S[1]}, {"duration_s": DURATION_S[1] + 1}, "duration_s"),
        ({"duration_s": DURATION_S[0]}, {"duration_s": DURATION_S[0] - 1}, "duration_s"),
    ],
)
def test_request_is_taken_at_the_limit_and_refused_over_it(
    http: FlaskClient, at: dict[str, Any], over: dict[str, Any], field: str
) -> None:
    assert estimate(http, {**RICH, **at}) == (200, "")
    status, message = estimate(http, {**RICH, **over})
    assert (status, message.startswith(f"{field}:")) == (422, True)


def test_references_are_refused_over_their_limit(http: FlaskClient) -> None:
    status, message = estimate(http, {**RICH, "references": references(MAX_REFERENCES + 1)})

    assert status == 422
    assert f"references: Tuple should have at most {MAX_REFERENCES} items" in message
    assert "at most" not in estimate(http, {**RICH, "references": references(MAX_REFERENCES)})[1]


@pytest.mark.parametrize(("bytes_over", "status"), [(0, 422), (1, 413)])
def test_body_is_refused_over_its_limit(http: FlaskClient, bytes_over: int, status: int) -> None:
    body = b'"' + b"x" * (MAX_BODY_BYTES - 2 + bytes_over) + b'"'

    answer = http.post("/v1/jobs", data=body, content_type="application/json", headers=bearer())

    assert answer.status_code == status


def test_body_with_a_key_is_refused_over_its_limit_too(http: FlaskClient) -> None:
    body = b'"' + b"x" * MAX_BODY_BYTES + b'"'
    headers = {**bearer(), "Idempotency-Key": "k"}

    answer = http.post("/v1/jobs", data=body, content_type="application/json", headers=headers)

    assert (answer.status_code, answer.get_json()["code"]) == (413, "too_large")


def test_page_for_integrators_names_the_limits_that_hold() -> None:
    fields = Settings.__dataclass_fields__
    quota, rate = (fields[name].default.default for name in ("max_active_jobs", "requests_per_minute"))

    for sentence in (
        f"{MAX_BODY_BYTES:,} bytes (a bill: {MAX_BILL_BYTES:,})",
        f"{MIN_PROMPT_CHARS} to {MAX_PROMPT_CHARS:,} characters",
        f"1 to {MAX_SCENES} |",
        f"{DURATION_S[0]} to {DURATION_S[1]} s",
        f"{MAX_REFERENCES}, of {MAX_PICTURE_BYTES:,} bytes each",
        f"{quota}; the deployment's `max_active_jobs`",
        f"{rate} a minute; the deployment's `requests_per_minute`",
    ):
        assert f"| {sentence}" in PAGE
