"""The HTTP API over fakes."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from promptreel.domain.states import JobState
from promptreel.errors import Transient
from promptreel.ports.storage import Replace
from promptreel.usecases.draw_sheet import DrawSheet
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from tests.factories import altered
from tests.fakes.services import FakeServices
from tests.unit.http.api_requests import PROMPT, bearer, submit


def test_submission_is_accepted_at_once_and_its_execution_started(http: FlaskClient, world: FakeServices) -> None:
    answer = submit(http)

    assert answer.status_code == 202
    body = answer.get_json()
    assert (body["state"], body["links"]["self"]) == ("PENDING", f"http://localhost/v1/jobs/{body['id']}")
    assert world.executions.started == [(body["id"], 1)]
    assert world.jobs.get_job(body["id"]).value.owner == "mira@example.com"


def test_submission_says_what_was_read_from_the_prompt_and_what_cannot_be_met(http: FlaskClient) -> None:
    prompt = "A quiet film of two scenes. A fox crosses a square at 9:16. Length: 30 seconds."
    expected = [
        {"field": "scenes", "value": 2, "words": "two scenes"},
        {"field": "duration_s", "value": 30, "words": "30 seconds"},
    ]
    warning = "prompt: “30 seconds” cannot be met with 2 scenes of 4-8 s; the film is planned as 16 s."

    made = submit(http, {"prompt": prompt}, **{"Idempotency-Key": "k"}).get_json()

    assert (made["inferred"], made["warnings"]) == (expected, [warning])
    assert submit(http, {"prompt": prompt}, **{"Idempotency-Key": "k"}).get_json()["inferred"] == expected
    shown = http.get(f"/v1/jobs/{made['id']}", headers=bearer()).get_json()
    assert shown["inferred"] == [{**one, "source": "rules"} for one in expected]
    assert shown["warnings"] == [warning]
    assert submit(http).get_json()["inferred"] == []


def test_submission_that_its_limit_cannot_pay_for_is_refused_and_nothing_is_started(
    http: FlaskClient, world: FakeServices
) -> None:
    refused = submit(http, {"prompt": "A chase, 90 seconds"})

    assert (refused.status_code, refused.get_json()["code"]) == (402, "budget_exceeded")
    assert "12 scenes, 90 s of clips, needs up to 37" in refused.get_json()["message"]
    assert (world.executions.started, world.text.requests) == ([], [])


def test_submission_links_to_the_https_address_when_behind_tls(http: FlaskClient) -> None:
    made = submit(http, **{"X-Forwarded-Proto": "https", "Host": "api-1.us-central1.run.app"}).get_json()

    assert made["links"]["self"] == f"https://api-1.us-central1.run.app/v1/jobs/{made['id']}"


def test_repeated_key_returns_the_same_job_and_another_request_conflicts(http: FlaskClient) -> None:
    first = submit(http, **{"Idempotency-Key": "k"})

    assert submit(http, **{"Idempotency-Key": "k"}).get_json()["id"] == first.get_json()["id"]
    clash = submit(http, {"prompt": "Something else"}, **{"Idempotency-Key": "k"})
    assert (clash.status_code, clash.get_json()["code"]) == (409, "idempotency_key_reused")


def test_repeated_key_returns_the_same_job_when_another_version_stored_it(
    http: FlaskClient, world: FakeServices
) -> None:
    job_id = submit(http, **{"Idempotency-Key": "k"}).get_json()["id"]
    read = world.jobs.get_job(job_id)
    world.jobs.write(Replace(job_id, read, altered(read.value, origin="of the fields that were known then")))

    assert submit(http, **{"Idempotency-Key": "k"}).get_json()["id"] == job_id
    assert submit(http, {"prompt": "Something else"}, **{"Idempotency-Key": "k"}).status_code == 409


def test_submission_is_accepted_when_its_execution_cannot_start(http: FlaskClient, world: FakeServices) -> None:
    world.executions.failure = Transient("Workflows is away")

    answer = submit(http)

    assert answer.status_code == 202
    assert world.jobs.get_job(answer.get_json()["id"]).value.state is JobState.PENDING


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ({}, 403),
        ({"Authorization": "Basic x"}, 403),
        ({"Authorization": "Bearer x.y"}, 403),
        ({"Authorization": "Bearer a.!.c"}, 403),
        (bearer(email_verified=False), 403),
        (bearer(email="\ud800@example.com"), 403),
        (bearer(email="mira@example.com\0"), 403),
    ],
)
def test_caller_is_refused_without_a_verified_address(
    http: FlaskClient, authorization: dict[str, str], status: int
) -> None:
    assert http.get("/v1/jobs", headers=authorization).status_code == status


def in_serverless_header(token: dict[str, str]) -> dict[str, str]:
    return {"X-Serverless-Authorization": token["Authorization"]}


@pytest.mark.parametrize("path", ["", "/{job}", "/{job}/ledger", "/{job}/events"])
@pytest.mark.parametrize(
    "checked", [{"X-Serverless-Authorization": ""}, in_serverless_header(bearer("mallory@example.com"))]
)
def test_request_with_two_identities_is_refused_when_it_reads(
    http: FlaskClient, path: str, checked: dict[str, str]
) -> None:
    """Cloud Run would have checked the other header alone: this Authorization could be anybody's invention."""
    job = submit(http).get_json()["id"]

    answer = http.get(f"/v1/jobs{path.format(job=job)}", headers={**bearer(), **checked})

    assert (answer.status_code, answer.get_json()["code"]) == (403, "two_identities")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ":cancel"),
        ("POST", ":approve"),
        ("POST", ":resume"),
        ("POST", ":upgrade"),
        ("DELETE", ""),
        ("POST", "/ledger:reconcile"),
    ],
)
def test_request_with_two_identities_changes_nothing_when_it_writes(
    http: FlaskClient, world: FakeServices, method: str, path: str
) -> None:
    job = submit(http).get_json()["id"]
    before = world.jobs.get_job(job)

    answer = http.open(
        f"/v1/jobs/{job}{path}",
        method=method,
        headers={**bearer(), **in_serverless_header(bearer("mallory@example.com"))},
    )

    assert (answer.status_code, answer.get_json()["code"]) == (403, "two_identities")
    assert world.jobs.get_job(job) == before


def test_serverless_header_names_the_caller_when_it_is_the_only_one(http: FlaskClient) -> None:
    job = submit(http).get_json()["id"]

    assert http.get(f"/v1/jobs/{job}", headers=in_serverless_header(bearer())).status_code == 200
    assert http.get(f"/v1/jobs/{job}", headers=in_serverless_header(bearer("other@example.com"))).status_code == 404


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ({"json": {}}, 422, "prompt: Field required"),
        ({"json": [1]}, 422, "must be a JSON object"),
        ({"data": "{", "content_type": "application/json"}, 422, "The body is not JSON"),
        ({"data": "x"}, 422, "Content-Type: must be application/json"),
        ({"json": {"prompt": "x" * 1_000_001}}, 413, "larger than 1,000,000 bytes"),
        ({"json": {"prompt": "x" * 20_001}}, 422, "prompt: String should have at most 20000 characters"),
        ({"json": {**PROMPT, "scenes": 200}}, 422, "scenes: Input should be less than or equal to 60"),
        (
            {"json": {**PROMPT, "scenes": 2, "duration_s": 100}},
            422,
            "2 scenes of 4-8 s make a film of 6-16 s",
        ),
    ],
)
def test_invalid_submission_is_a_problem_and_creates_no_job(
    http: FlaskClient, world: FakeServices, options: dict[str, Any], status: int, message: str
) -> None:
    answer = http.post("/v1/jobs", headers=bearer(), **options)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    problem = answer.get_json()
    assert message in problem["message"]
    assert (problem["status"], problem["code"] != "") == (status, True)
    assert list(world.jobs.list_jobs_in_states(set(JobState))) == []


def test_bug_is_a_500_problem_without_internal_details(http: FlaskClient, world: FakeServices) -> None:
    world.jobs.get_job = lambda job_id: 1 / 0  # type: ignore[method-assign,assignment,return-value]

    answer = http.get("/v1/jobs/job-1", headers={**bearer(), "X-Cloud-Trace-Context": "abc/1;o=1"})

    assert answer.status_code == 500
    assert answer.get_json()["code"] == "internal"
    assert answer.get_json()["trace"] == "abc"
    assert "division" not in answer.get_data(as_text=True)


def test_job_is_not_found_when_it_is_anothers(http: FlaskClient) -> None:
    job_id = submit(http).get_json()["id"]
    other = bearer("other@example.com")

    assert http.get(f"/v1/jobs/{job_id}", headers=other).status_code == 404
    assert http.get(f"/v1/jobs/{job_id}/ledger", headers=other).status_code == 404
    assert http.post(f"/v1/jobs/{job_id}:cancel", headers=other).status_code == 404
    assert http.get("/v1/jobs", headers=other).get_json()["jobs"] == []
    assert http.get("/v1/jobs/JOB..%2F1", headers=bearer()).status_code == 404


def test_running_job_shows_scenes_keyframes_money_and_progress(http: FlaskClient, world: FakeServices) -> None:
    job = world.drawn(owner="mira@example.com")

    shown = http.get(f"/v1/jobs/{job.id}", headers=bearer()).get_json()

    assert (shown["state"], shown["planned_duration_s"], shown["planned_frames"]) == ("VIDEO_GEN", 18.0, 432)
    assert shown["progress"] == {"stage": "VIDEO_GEN", "scenes_total": 3, "scenes_done": 0, "fraction": 0.475}
    scene = shown["scenes"][0]
    assert (scene["id"], scene["state"], scene["clip"], scene["duration_s"]) == ("scene-01", "QUEUED", None, 6)
    assert scene["keyframes"]["start"]["url"].startswith("https://signed.example/artifacts/jobs/")
    assert shown["budget"] == {"limit_usd": "25.00", "reserved_usd": "7.20", "spent_usd": "0.28678"}


def test_ledger_lists_every_call_and_its_totals_add_up(http: FlaskClient, world: FakeServices) -> None:
    job = world.drawn(owner="mira@example.com")

    ledger = http.get(f"/v1/jobs/{job.id}/ledger", headers=bearer()).get_json()

    assert len(ledger["calls"]) == 9
    totals = ledger["totals"]
    assert totals["limit_micros"] == 25_000_000
    assert totals["spent_micros"] == sum(call["cost_micros"] for call in ledger["calls"])
    assert totals["reserved_micros"] == sum(
        call["reserved_micros"] for call in ledger["calls"] if call["state"] == "PLANNED"
    )


def test_cancel_stops_job_and_execution_and_may_be_repeated(http: FlaskClient, world: FakeServices) -> None:
    job_id = submit(http).get_json()["id"]

    assert http.post(f"/v1/jobs/{job_id}:cancel", headers=bearer()).get_json()["state"] == "CANCELLED"
    assert http.post(f"/v1/jobs/{job_id}:cancel", headers=bearer()).status_code == 200


def test_failed_job_continues_with_a_new_limit_when_resumed(http: FlaskClient, world: FakeServices) -> None:
    job_id = submit(http).get_json()["id"]
    http.post(f"/v1/jobs/{job_id}:cancel", headers=bearer())

    answer = http.post(f"/v1/jobs/{job_id}:resume", json={"budget_usd": "40"}, headers=bearer())

    assert (answer.status_code, answer.get_json()["state"]) == (202, "PENDING")
    job = world.jobs.get_job(job_id).value
    assert (job.run, job.budget.limit_micros) == (2, 40_000_000)
    assert http.post(f"/v1/jobs/{job_id}:resume", headers=bearer()).status_code == 202
    assert http.post(f"/v1/jobs/{job_id}:resume", json={"budget": 1}, headers=bearer()).status_code == 422
    assert http.post(f"/v1/jobs/{job_id}:resume", headers=bearer("other@example.com")).status_code == 404


def test_waiting_job_shows_its_board_and_gate_and_goes_on_when_approved(http: FlaskClient, world: FakeServices) -> None:
    job_id = submit(http, {**PROMPT, "approval": "storyboard"}).get_json()["id"]
    world.open_job(OpenJob("e-1", {"job_id": job_id, "run": 1}))
    world.write_storyboard(JobRun(job_id, 1))

    shown = http.get(f"/v1/jobs/{job_id}", headers=bearer()).get_json()
    assert shown["state"] == "AWAITING_APPROVAL"
    assert (shown["gate"]["stage"], shown["gate"]["expires"]) == ("storyboard", "2027-02-19T09:00:00Z")
    assert {"style_guide", "characters", "settings", "props"} == shown["board"].keys()
    assert shown["scenes"][0]["motion_prompt"]
    path = f"/v1/jobs/{job_id}:approve"
    assert http.post(path, json={"gate": "clips"}, headers=bearer()).status_code == 409
    assert http.post(path, json={"gate": "attic"}, headers=bearer()).status_code == 422
    assert http.post(path, json={}, headers=bearer("other@example.com")).status_code == 404
    approved = http.post(path, json={"gate": "storyboard"}, headers=bearer())
    assert (approved.status_code, approved.get_json()["state"]) == (202, "KEYFRAMES")
    assert http.post(path, headers=bearer()).status_code == 202, "the answer may be lost"
    assert http.get(f"/v1/jobs/{job_id}", headers=bearer()).get_json()["gate"] is None


def test_job_shows_its_sheets_as_links_and_why_it_has_them(http: FlaskClient, world: FakeServices) -> None:
    submitted = submit(http, {**PROMPT, "continuity": "auto"}).get_json()
    assert submitted["continuity"]["mode"] == "auto"
    job_id = submitted["id"]
    world.open_job(OpenJob("e-1", {"job_id": job_id, "run": 1}))
    world.write_storyboard(JobRun(job_id, 1))
    world.draw_sheet(DrawSheet(job_id, 1, "sheet-01"))

    shown = http.get(f"/v1/jobs/{job_id}", headers=bearer()).get_json()

    assert shown["continuity"]["mode"] == "sheet"
    assert shown["continuity"]["reason"].startswith("1 of its characters, places and props are in several")
    (sheet,) = shown["sheets"]
    assert (sheet["id"], sheet["kind"], sheet["name"]) == ("sheet-01", "character", "Mira")
    assert sheet["description"] == "grey coat, red scarf"
    assert f"/{job_id}/sheets/sheet-01-" in sheet["image"]["uri"]
    assert sheet["image"]["url"].startswith("http")
    assert sheet["prompt"]["sent"].startswith("Reference sheet of one person")
    assert sheet["error"] is None


def test_edit_answers_what_it_redoes_and_an_older_revision_conflicts(http: FlaskClient, world: FakeServices) -> None:
    job_id = submit(http, {**PROMPT, "approval": "storyboard"}).get_json()["id"]
    world.open_job(OpenJob("e-1", {"job_id": job_id, "run": 1}))
    world.write_storyboard(JobRun(job_id, 1))
    path, change = f"/v1/jobs/{job_id}/plan", {"scenes": [{"scene": "scene-02", "motion_prompt": "Slow."}]}

    edited = http.patch(path, json={"revision": 1, **change}, headers=bearer())

    body = edited.get_json()
    assert (edited.status_code, body["revision"], body["changed"]) == (200, 2, ["scene-02.motion_prompt"])
    assert body["redo"] == {"sheets": [], "keyframes": [], "at_most_usd": "0.00"}
    second = http.patch(path, json={"revision": 1, **change}, headers=bearer())
    assert (second.status_code, second.get_json()["code"]) == (409, "plan_changed")
    assert http.patch(path, json=change, headers=bearer()).status_code == 422
    assert http.patch(path, json={"revision": 2, **change}, headers=bearer("other@example.com")).status_code == 404
    shown = http.get(f"/v1/jobs/{job_id}", headers=bearer()).get_json()
    assert (shown["gate"]["revision"], shown["scenes"][1]["motion_prompt"]) == (2, "Slow.")
