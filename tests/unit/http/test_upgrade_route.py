"""``POST /v1/jobs/{id}:upgrade``: a new job of the film's owner, and the old one stays as it is."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptreel.domain.states import JobState
from promptreel.ports.storage import Replace
from tests.factories import altered
from tests.fakes.services import FakeServices
from tests.unit.http.api_requests import bearer
from tests.unit.usecases.test_upgrade import OMNI, VEO, finish, make_film

OPS = bearer("ops@example.com")


def upgrade(http: FlaskClient, job_id: str, body: Any = None, **headers: str) -> TestResponse:
    asked = {"quality": "standard"} if body is None else body
    return http.post(f"/v1/jobs/{job_id}:upgrade", json=asked, headers={**bearer(), **headers})


@pytest.fixture
def film(world: FakeServices) -> str:
    return make_film(world).id


def test_upgrade_is_a_new_job_of_the_same_owner(http: FlaskClient, world: FakeServices, film: str) -> None:
    answer = upgrade(http, film, {"scenes": [2], "models": {"video": VEO}, "budget_usd": 9})

    assert answer.status_code == 202
    made = answer.get_json()
    assert made["id"] != film
    assert any(f"keep their clips by {OMNI}" in warning for warning in made["warnings"])
    assert world.executions.started[-1] == (made["id"], 1)
    finish(world, world.jobs.get_job(made["id"]).value)
    shown = http.get(f"/v1/jobs/{made['id']}", headers=bearer()).get_json()
    assert (shown["upgraded_from"], shown["owner"], shown["state"]) == (film, "mira@example.com", "COMPLETE")
    assert shown["budget"] == {"limit_usd": "9.00", "reserved_usd": "0.00", "spent_usd": "2.40"}
    assert http.get(f"/v1/jobs/{film}", headers=bearer()).get_json()["upgraded_from"] is None


def test_upgrade_is_estimated_at_what_is_filmed_anew(http: FlaskClient, film: str) -> None:
    estimate = upgrade(http, film, {"scenes": [2], "models": {"video": VEO}, "budget_usd": 9}).get_json()["estimate"]

    writing, drawing, filming = estimate["stages"]
    assert {writing[f"{bound}_usd"] for bound in ("low", "expected", "high")} == {"0.00"}
    assert {drawing[f"{bound}_usd"] for bound in ("low", "expected", "high")} == {"0.00"}
    assert float(filming["low_usd"]) <= float(filming["expected_usd"]) <= float(filming["high_usd"])
    assert float(filming["expected_usd"]) == pytest.approx(2.4, rel=0.05)
    assert estimate["needed_usd"] == "2.40"


def test_repeated_key_returns_the_same_upgrade_and_another_request_conflicts(http: FlaskClient, film: str) -> None:
    key = {"Idempotency-Key": "k"}
    first = upgrade(http, film, **key).get_json()["id"]

    assert upgrade(http, film, **key).get_json()["id"] == first
    assert upgrade(http, film, {"quality": "best"}, **key).get_json()["code"] == "idempotency_key_reused"
    submitted = http.post("/v1/jobs", json={"prompt": "A fox"}, headers={**bearer(), **key})
    assert submitted.get_json()["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({}, 422, "invalid"),
        ({"quality": "standard", "budget_usd": 1}, 402, "budget_exceeded"),
        ({"models": {"video": OMNI}}, 422, "nothing_to_upgrade"),
        ({"models": {"video": OMNI}, "resolution": "1080p", "scenes": [1]}, 422, "mixed_resolutions"),
    ],
)
def test_upgrade_is_refused_before_anything_is_stored(
    http: FlaskClient, world: FakeServices, film: str, asked: dict[str, Any], status: int, code: str
) -> None:
    answer = upgrade(http, film, asked)

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert [job.id for job in world.jobs.list_jobs(None, None, None)] == [film]


def test_upgrade_is_refused_while_the_film_is_not_finished(http: FlaskClient, world: FakeServices, film: str) -> None:
    read = world.jobs.get_job(film)
    world.jobs.write(Replace(film, read, altered(read.value, state=JobState.FAILED)))

    assert upgrade(http, film).get_json()["code"] == "job_not_complete"


def test_operator_does_not_upgrade_a_film_at_its_owners_expense(http: FlaskClient, film: str) -> None:
    assert upgrade(http, film, **OPS).status_code == 404
