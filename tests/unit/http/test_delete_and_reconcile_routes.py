"""Deleting a job, and comparing its ledger with a bill, over HTTP."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptreel.domain.job import Job
from promptreel.domain.states import CallState
from promptreel.errors import AnswerLost
from promptreel.usecases import delete_job
from promptreel.usecases.submit_clip import SubmitClip
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.fakes.services import FakeServices
from tests.fakes.system import START
from tests.unit.http.api_requests import bearer, submit


def delete(http: FlaskClient, job_id: str, email: str = "mira@example.com") -> TestResponse:
    return http.delete(f"/v1/jobs/{job_id}", headers=bearer(email))


def test_deleted_job_is_not_found_by_any_route_at_once(http: FlaskClient, world: FakeServices) -> None:
    job_id = submit(http).get_json()["id"]
    assert delete(http, job_id, "other@example.com").status_code == 404

    answer = delete(http, job_id)

    assert (answer.status_code, answer.get_json()) == (202, {"id": job_id, "state": "DELETING"})
    for method, path in (("GET", ""), ("GET", "/ledger"), ("POST", ":cancel"), ("POST", ":resume")):
        assert http.open(f"/v1/jobs/{job_id}{path}", method=method, headers=bearer()).status_code == 404, path
    assert http.get("/v1/jobs", headers=bearer()).get_json()["jobs"] == []


def test_repeated_deletion_reports_its_progress_until_the_tombstone_is_removed(
    http: FlaskClient, world: FakeServices
) -> None:
    job_id = submit(http).get_json()["id"]
    assert [delete(http, job_id).status_code for _ in range(2)] == [202, 202]
    world.sweep_jobs(SweepJobs())
    world.clock.pass_s(delete_job.IN_FLIGHT_UPLOAD_GRACE_S)
    world.sweep_jobs(SweepJobs())

    gone = delete(http, job_id)

    assert (gone.status_code, gone.get_data()) == (204, b"")
    assert delete(http, job_id, "other@example.com").status_code == 404
    world.clock.pass_s(delete_job.TOMBSTONE_DAYS * 86_400)
    assert delete(http, job_id).status_code == 404


def test_deleted_job_is_not_recreated_by_its_idempotency_key(http: FlaskClient, world: FakeServices) -> None:
    job_id = submit(http, **{"Idempotency-Key": "k"}).get_json()["id"]
    delete(http, job_id)
    started = list(world.executions.started)

    again = submit(http, **{"Idempotency-Key": "k"})

    assert (again.status_code, again.get_json()["code"]) == (409, "job_deleted")
    assert "new key" in again.get_json()["remedy"]
    assert world.executions.started == started


def test_expired_job_is_not_found_and_no_link_is_signed(http: FlaskClient, world: FakeServices) -> None:
    job = world.drawn(owner="mira@example.com")
    world.artifacts.sign_urls = lambda uris, expires_s: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    world.clock.pass_s(world.keep.total_seconds())

    assert http.get(f"/v1/jobs/{job.id}", headers=bearer()).status_code == 404
    assert http.post(f"/v1/jobs/{job.id}:resume", headers=bearer()).status_code == 404
    assert delete(http, job.id).status_code == 404
    assert http.get("/v1/jobs", headers=bearer()).get_json()["jobs"] == []


def test_list_fills_its_pages_although_deleted_jobs_lie_between(http: FlaskClient, world: FakeServices) -> None:
    ids = []
    for _ in range(9):
        ids.append(submit(http).get_json()["id"])
        world.clock.pass_s(1)
    kept = [ids[0], ids[4], ids[8]]
    for job_id in set(ids) - set(kept):
        delete(http, job_id)

    first = http.get("/v1/jobs?page_size=2", headers=bearer()).get_json()
    second = http.get(f"/v1/jobs?page_size=2&page_token={first['next_page_token']}", headers=bearer()).get_json()

    assert [job["id"] for page in (first, second) for job in page["jobs"]] == kept[::-1]
    assert second["next_page_token"] is None


def lost_clip(world: FakeServices) -> Job:
    """A job whose first clip never answered and was given up: perhaps paid."""
    job = world.drawn(owner="mira@example.com")
    world.video.failures = [AnswerLost("reset")]
    world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 1))
    world.clock.pass_s(60 + 900 + 121)
    world.poll(job)
    return job


def a_bill(world: FakeServices, *rows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    since, until = START.isoformat(), world.clock.now().isoformat()
    return {"since": since, "until": until, "rows": [{"at": since, **row} for row in rows], **fields}


def test_unbilled_lost_clip_is_reported_and_released_only_with_apply(http: FlaskClient, world: FakeServices) -> None:
    job = lost_clip(world)
    path = f"/v1/jobs/{job.id}/ledger:reconcile"

    comparison = http.post(path, json=a_bill(world), headers=bearer()).get_json()
    by_purpose = {call["purpose"]: call for call in comparison["calls"]}
    assert by_purpose["clip/scene-01"]["verdict"] == "never_billed"
    assert by_purpose["storyboard"]["verdict"] == "differs"
    assert (comparison["released"], comparison["totals"]["billed_micros"]) == ([], 0)
    spent = http.get(f"/v1/jobs/{job.id}/ledger", headers=bearer()).get_json()["totals"]["spent_micros"]

    released = http.post(path, json=a_bill(world, apply=True), headers=bearer()).get_json()["released"]

    assert released == [by_purpose["clip/scene-01"]["id"]]
    totals = http.get(f"/v1/jobs/{job.id}/ledger", headers=bearer()).get_json()["totals"]
    assert totals["spent_micros"] == spent - 2_400_000
    assert http.post(path, json=a_bill(world, apply=True), headers=bearer()).get_json()["released"] == []


def test_lost_clip_stays_counted_when_it_was_billed_or_is_in_the_bucket(http: FlaskClient, world: FakeServices) -> None:
    job = lost_clip(world)
    path = f"/v1/jobs/{job.id}/ledger:reconcile"
    (lost,) = [read.value for read in world.jobs.list_calls(job.id) if read.value.state is CallState.LOST]
    billed = {"model": lost.model, "micros": 2_400_000, "storage_uri": f"gs://artifacts/{lost.prefix}"}

    comparison = http.post(path, json=a_bill(world, billed, apply=True), headers=bearer()).get_json()
    assert [call["verdict"] for call in comparison["calls"] if call["id"] == lost.id] == ["agrees"]

    world.artifacts.put(f"{lost.prefix}7/sample_0.mp4", b"clip", "video/mp4")
    comparison = http.post(path, json=a_bill(world, apply=True), headers=bearer()).get_json()
    assert [call["verdict"] for call in comparison["calls"] if call["id"] == lost.id] == ["differs"]
    assert comparison["released"] == []


def test_bill_of_a_month_with_more_than_a_megabyte_of_lines_is_compared(http: FlaskClient, world: FakeServices) -> None:
    """Lines of text and pictures name no job: every one of them is sent."""
    job = world.planned(owner="mira@example.com")
    rows = [{"at": world.clock.now().isoformat(), "model": f"model-{number}", "micros": 1} for number in range(20_000)]

    answer = http.post(f"/v1/jobs/{job.id}/ledger:reconcile", json=a_bill(world, *rows), headers=bearer())

    assert answer.status_code == 200, answer.get_json()


def test_bill_over_thirty_megabytes_is_refused_with_what_helps(http: FlaskClient, world: FakeServices) -> None:
    job = world.planned(owner="mira@example.com")

    answer = http.post(
        f"/v1/jobs/{job.id}/ledger:reconcile", data=b"x" * 30_000_001, content_type="application/json", headers=bearer()
    )

    assert answer.status_code == 413
    assert "30,000,000 bytes" in answer.get_json()["message"]
    assert "fewer lines" in answer.get_json()["remedy"]


def test_bill_is_refused_when_the_job_is_anothers_or_its_period_is_missing(
    http: FlaskClient, world: FakeServices
) -> None:
    job = world.drawn(owner="mira@example.com")
    path = f"/v1/jobs/{job.id}/ledger:reconcile"

    assert http.post(path, json=a_bill(world), headers=bearer("other@example.com")).status_code == 404
    refused = http.post(path, json={"rows": []}, headers=bearer())
    assert (refused.status_code, "since: Field required" in refused.get_json()["message"]) == (422, True)
