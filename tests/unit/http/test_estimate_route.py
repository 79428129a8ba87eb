"""The estimate in the API: asked for before a submission, and kept with the job."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptreel.domain.call import committed_micros
from promptreel.domain.job import Animatic
from promptreel.domain.money import format_usd
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from tests.fakes.models import a_storyboard
from tests.fakes.services import FakeServices
from tests.unit.http.api_requests import PROMPT, bearer, submit


def ask(http: FlaskClient, body: Any = None) -> TestResponse:
    return http.post("/v1/estimate", json=body or PROMPT, headers=bearer())


def test_estimate_names_price_by_stage_wait_models_and_what_was_inferred(http: FlaskClient) -> None:
    answer = ask(http, {"prompt": "A keeper waits, in three scenes", "quality": "draft"}).get_json()

    estimate = answer["estimate"]
    assert estimate["scenes"] == {"fewest": 3, "most": 3}
    assert [part["stage"] for part in estimate["stages"]] == ["storyboard", "keyframes", "check", "clips"]
    for price in (*estimate["stages"], estimate["calls"], estimate["platform"], estimate["total"]):
        assert float(price["low_usd"]) <= float(price["expected_usd"]) <= float(price["high_usd"])
    assert 0 < estimate["wait_s"]["low"] < estimate["wait_s"]["expected"] < estimate["wait_s"]["high"]
    assert [model["kind"] for model in answer["models"]] == ["text", "image", "video"]
    assert answer["inferred"] == [{"field": "scenes", "value": 3, "words": "in three scenes"}]


def test_estimate_stores_nothing_and_calls_no_model(http: FlaskClient, world: FakeServices) -> None:
    assert ask(http).status_code == 200

    assert list(world.jobs.list_jobs(None, None, None)) == []
    requests = [*world.text.requests, *world.images.requests, *world.video.requests]
    assert requests == world.executions.started == []


def test_estimate_is_the_one_that_a_submission_answers_and_a_job_keeps(http: FlaskClient) -> None:
    estimate = ask(http).get_json()["estimate"]
    submitted = submit(http).get_json()

    assert submitted["estimate"] == estimate
    assert http.get(f"/v1/jobs/{submitted['id']}", headers=bearer()).get_json()["estimate"] == estimate


def test_repeated_submission_answers_the_stored_estimate_when_prices_have_changed(
    http: FlaskClient, world: FakeServices
) -> None:
    first = submit(http, **{"Idempotency-Key": "one"}).get_json()
    world.clock.pass_s(60 * 86_400)  # the text model is dearer from the new year on

    assert submit(http, **{"Idempotency-Key": "one"}).get_json()["estimate"] == first["estimate"]
    assert submit(http).get_json()["estimate"] != first["estimate"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"prompt": "A lighthouse", "wings": 2},
        {"prompt": "A lighthouse", "budget_usd": 1},
        {"prompt": "A lighthouse", "duration_s": 5, "scenes": 60},
        {"prompt": "A lighthouse", "models": {"video": "none-such"}},
    ],
    ids=str,
)
def test_request_that_would_be_refused_gets_no_estimate_but_the_same_problem(
    http: FlaskClient, body: dict[str, Any]
) -> None:
    headers = bearer()
    refused = http.post("/v1/jobs", json=body, headers=headers)
    asked = http.post("/v1/estimate", json=body, headers=headers)

    assert asked.status_code == refused.status_code >= 400
    assert [asked.get_json()[name] for name in ("code", "message")] == [
        refused.get_json()[name] for name in ("code", "message")
    ]


def test_caller_without_identity_gets_no_estimate(http: FlaskClient) -> None:
    assert http.post("/v1/estimate", json=PROMPT).status_code == 403


def test_report_on_an_uploaded_prompt_has_the_estimate(world: FakeServices) -> None:
    event = world.inbox.lay_in("idea.json", json.dumps(PROMPT).encode())
    world.open_job(OpenJob("e-1", {"bucket": "prompts", "data": event}))

    assert float(world.inbox.reports["idea.json"]["estimate"]["total"]["expected_usd"]) > 1


def show(http: FlaskClient, job_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = http.get(f"/v1/jobs/{job_id}", headers=bearer()).get_json()
    return shown


def micros(usd: str) -> int:
    return round(float(usd) * 1_000_000)


def test_waiting_job_shows_an_estimate_of_the_plan_beside_the_one_it_was_accepted_with(
    http: FlaskClient, world: FakeServices
) -> None:
    submitted = submit(http, {**PROMPT, "approval": "animatic"}).get_json()
    run = JobRun(submitted["id"], 1)
    world.write_storyboard(run)
    assert show(http, run.job_id)["gate"] is None
    job = world.jobs.get_job(run.job_id).value
    world.draw_all(job)
    world.jobs.update_job(job.id, lambda read: read.evolve(animatic=Animatic(uri="gs://artifacts/a.mp4", frames=9)))
    assert world.close(job) == "awaiting_approval"

    shown = show(http, run.job_id)

    assert shown["estimate"] == submitted["estimate"]
    estimate = shown["gate"]["estimate"]
    assert estimate["scenes"] == {"fewest": 3, "most": 3}
    writing, drawing, filming = estimate["stages"]
    calls = [read.value for read in world.jobs.list_calls(job.id)]
    spent = {kind: sum(call.cost_micros for call in calls if call.kind == kind) for kind in ("text", "image")}
    for stage, kind in ((writing, "text"), (drawing, "image")):
        assert {micros(stage[f"{bound}_usd"]) for bound in ("low", "expected", "high")} == {spent[kind]}
    assert micros(filming["low_usd"]) <= micros(filming["expected_usd"]) <= micros(filming["high_usd"])
    assert estimate["needed_usd"] == format_usd(committed_micros(calls))
    assert estimate["wait_s"]["expected"] < submitted["estimate"]["wait_s"]["expected"]


def test_job_that_waits_after_its_storyboard_is_estimated_with_its_keyframes_still_to_be_drawn(
    http: FlaskClient, world: FakeServices
) -> None:
    submitted = submit(http, {**PROMPT, "scenes": 4, "approval": "storyboard"}).get_json()
    world.text.answers = [json.dumps(a_storyboard(4))]
    world.write_storyboard(JobRun(submitted["id"], 1))

    estimate = show(http, submitted["id"])["gate"]["estimate"]

    accepted = submitted["estimate"]["stages"]
    for stage in (1, 2):
        expected = float(accepted[stage]["expected_usd"])
        assert float(estimate["stages"][stage]["expected_usd"]) == pytest.approx(expected, rel=0.01)
