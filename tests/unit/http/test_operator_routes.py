"""What operators may do with the jobs of others, and with those whose request named no owner."""

import pytest
from flask.testing import FlaskClient

from promptreel.domain.states import JobState
from promptreel.usecases.open_job import OpenJob
from tests.fakes.services import FakeServices
from tests.unit.http.api_requests import bearer, submit

OPS = bearer("ops@example.com")
OTHER = bearer("other@example.com")


def unowned(world: FakeServices) -> str:
    """A film started by ``gcloud workflows run`` without an owner."""
    return world.open_job(OpenJob("e-9", {"prompt": "A film of the house"})).job_id


@pytest.mark.parametrize("path", ["", "/ledger", "/events"])
def test_operator_sees_the_jobs_of_others(http: FlaskClient, path: str) -> None:
    job = submit(http).get_json()["id"]

    assert http.get(f"/v1/jobs/{job}{path}", headers=OPS).status_code == 200
    assert http.get(f"/v1/jobs/{job}{path}", headers=OTHER).status_code == 404


def test_operator_stops_the_job_of_another_and_lets_it_go_on_within_its_limit(
    http: FlaskClient, world: FakeServices
) -> None:
    job = submit(http).get_json()["id"]

    assert http.post(f"/v1/jobs/{job}:cancel", headers=OTHER).status_code == 404
    assert http.post(f"/v1/jobs/{job}:cancel", headers=OPS).get_json()["state"] == "CANCELLED"
    assert http.post(f"/v1/jobs/{job}:resume", headers=OPS, json={"budget_usd": 99}).status_code == 404
    assert world.jobs.get_job(job).value.state is JobState.CANCELLED
    assert http.post(f"/v1/jobs/{job}:resume", headers=OPS).status_code == 202
    assert world.jobs.get_job(job).value.owner == "mira@example.com"


def test_operator_cannot_delete_or_reconcile_the_job_of_another(http: FlaskClient, world: FakeServices) -> None:
    job = submit(http).get_json()["id"]

    assert http.delete(f"/v1/jobs/{job}", headers=OPS).status_code == 404
    assert http.post(f"/v1/jobs/{job}/ledger:reconcile", headers=OPS, json={}).status_code == 404
    assert world.jobs.get_job(job).value.state is JobState.PENDING


def test_operator_owns_the_film_whose_request_named_no_owner(http: FlaskClient, world: FakeServices) -> None:
    job = unowned(world)

    assert http.get(f"/v1/jobs/{job}", headers=OTHER).status_code == 404
    assert http.get(f"/v1/jobs/{job}", headers=OPS).get_json()["owner"] == "operators"
    assert http.post(f"/v1/jobs/{job}:cancel", headers=OPS).status_code == 200
    assert http.post(f"/v1/jobs/{job}:resume", headers=OPS, json={"budget_usd": 99}).status_code == 202
    assert http.post(f"/v1/jobs/{job}:cancel", headers=OPS).status_code == 200
    assert http.delete(f"/v1/jobs/{job}", headers=OTHER).status_code == 404
    assert http.delete(f"/v1/jobs/{job}", headers=OPS).status_code in {202, 204}


def test_operator_lists_everybody_or_one_owner(http: FlaskClient, world: FakeServices) -> None:
    own, of_mira, of_nobody = submit(http, **OPS).get_json()["id"], submit(http).get_json()["id"], unowned(world)

    def listed(query: str) -> set[str]:
        return {job["id"] for job in http.get(f"/v1/jobs{query}", headers=OPS).get_json()["jobs"]}

    assert listed("") == {own}
    assert listed("?owner=*") == {own, of_mira, of_nobody}
    assert listed("?owner=mira@example.com") == {of_mira}
    assert listed("?owner=operators") == {of_nobody}
    assert listed("?owner=*&state=FAILED") == set()


@pytest.mark.parametrize("owner", ["*", "mira@example.com", "operators", ""])
def test_listing_the_jobs_of_others_is_refused_when_the_caller_is_no_operator(http: FlaskClient, owner: str) -> None:
    submit(http)

    answer = http.get("/v1/jobs", query_string={"owner": owner}, headers=OTHER)

    assert (answer.status_code, answer.get_json()["code"]) == (403, "not_an_operator")
    assert http.get("/v1/jobs?owner=other@example.com", headers=OTHER).status_code == 200
