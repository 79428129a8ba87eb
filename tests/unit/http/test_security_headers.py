"""What every answer tells a browser not to do with it."""

import pytest
from flask.testing import FlaskClient

from tests.unit.http.api_requests import bearer


@pytest.mark.parametrize("path", ["/healthz", "/v1/jobs", "/v1/jobs/job-00000000000000000000", "/nothing"])
def test_answer_cannot_be_run_framed_or_guessed_in_a_browser(http: FlaskClient, path: str) -> None:
    headers = http.get(path, headers=bearer()).headers

    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert headers["Cache-Control"] in {"no-store", "private, no-cache"}


def test_problem_is_never_stored_in_a_cache(http: FlaskClient) -> None:
    assert http.get("/v1/jobs").headers["Cache-Control"] == "no-store"


def test_answer_with_a_tag_can_be_asked_for_again(http: FlaskClient) -> None:
    assert http.get("/v1/jobs", headers=bearer()).headers["Cache-Control"] == "private, no-cache"


def test_answer_keeps_the_cache_rule_of_its_view(http: FlaskClient) -> None:
    assert "immutable" in http.get("/v1/styles/film-noir/picture", headers=bearer()).headers["Cache-Control"]
