"""The three ways to submit a film, with valid and invalid input."""

import json
from collections.abc import Callable
from typing import Any

from localcloud.tests import loopback
from localcloud.tests.waiting import eventually
from tests.e2e.stack import ONE_SHORT_SCENE, Stack

LITE = {"video": "veo-3.1-lite-generate-001"}


def test_one_job_is_created_when_an_idempotency_key_is_submitted_twice(stack: Stack) -> None:
    body = {"prompt": "One scene of a fox in the snow", "cache": False, **ONE_SHORT_SCENE}
    first = stack.api("POST", "/v1/jobs", json=body, headers={"Idempotency-Key": "fox-1"})
    second = stack.api("POST", "/v1/jobs", json=body, headers={"Idempotency-Key": "fox-1"})
    clash = stack.api("POST", "/v1/jobs", json={**body, "title": "Other"}, headers={"Idempotency-Key": "fox-1"})
    other = stack.api("POST", "/v1/jobs", json=body, headers={"Idempotency-Key": "fox-1"}, person="stranger")

    assert (first.status_code, second.status_code, clash.status_code) == (202, 202, 409)
    assert first.json()["id"] == second.json()["id"] != other.json()["id"]
    job = stack.wait(first.json()["id"])
    assert job["state"] == "COMPLETE", job["error"]
    assert len(stack.bill(job["id"])) == 1


def test_uploaded_prompt_becomes_a_film_and_the_report_names_it(stack: Stack) -> None:
    owner = "owner@example.com"
    request = {"prompt": "One scene of a heron at dawn", "owner": owner, **ONE_SHORT_SCENE}

    stack.upload("ideas/heron.json", json.dumps(request).encode(), "application/json")

    report = stack.report("ideas/heron.json")
    assert report["state"] in {"accepted", "complete"}
    assert stack.wait(report["job_id"])["state"] == "COMPLETE"
    film = eventually(lambda: complete(stack, "ideas/heron.json"), "the report on the finished film")
    assert film["job_id"] == report["job_id"]
    assert film["film_uri"].startswith(f"gs://{stack.project}-artifacts/jobs/{report['job_id']}/output/film-")


def test_report_says_what_to_fix_and_execution_is_not_repeated_when_an_upload_is_invalid(stack: Stack) -> None:
    stack.upload("ideas/bad.yaml", b"prompt: A heron\nscenes: many\n")

    report = stack.report("ideas/bad.yaml")

    assert report["state"] == "rejected"
    assert "scenes" in report["message"]
    assert report["remedy"]


def test_problem_names_field_and_remedy_when_a_request_is_invalid(stack: Stack) -> None:
    for body, message in (
        ({}, "prompt: Field required"),
        ({"prompt": "A heron", "sceens": 3}, "sceens: there is no such field"),
        (
            {"prompt": "A heron", "style": "wes-andersen"},
            "style: there is no style 'wes-andersen'",
        ),
        ({"prompt": "A heron", "scenes": 2, "duration_s": 200}, "duration_s: 2 scenes of 4-8 s"),
        ({"prompt": "A heron", "resolution": "4k", "models": LITE}, "resolution: veo-3.1-lite-generate-001 films"),
        ({"prompt": "x" * 20_001}, "prompt: String should have at most 20000 characters"),
    ):
        answer = stack.api("POST", "/v1/jobs", json=body)

        assert answer.status_code == 422, body
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert message in answer.json()["message"]
        assert answer.json()["code"]
    assert stack.api("POST", "/v1/jobs", content=b"x" * 1_000_001).status_code in {413, 422}
    assert stack.api("GET", "/v1/jobs/..%2F..%2Fetc").status_code == 404
    assert stack.api("DELETE", "/v1/jobs").status_code == 405


def test_execution_by_rest_makes_a_film_and_fails_in_words_when_its_request_is_invalid(stack: Stack) -> None:
    good = start_execution(stack, {"prompt": "One scene of an owl", **ONE_SHORT_SCENE})
    bad = start_execution(stack, {"prompt": "One scene of an owl", "sceens": 1})

    failed = eventually(lambda: ended(stack, bad), "the end of the invalid execution")
    assert failed["state"] == "FAILED"
    assert "sceens: there is no such field" in failed["error"]["payload"]
    done = eventually(lambda: ended(stack, good), "the end of the valid execution")
    assert done["state"] == "SUCCEEDED", done.get("error")
    made = json.loads(done["result"])
    assert made["state"] == "complete"
    assert stack.api("GET", f"/v1/jobs/{made['job_id']}").status_code == 404, (
        "a request without an owner belongs to the operators"
    )
    assert stack.api("GET", f"/v1/jobs/{made['job_id']}", person="operator").json()["state"] == "COMPLETE"
    listed = stack.api("GET", "/v1/jobs?owner=operators", person="operator").json()["jobs"]
    assert made["job_id"] in {job["id"] for job in listed}


def test_gcloud_run_makes_a_film_and_gcloud_describes_the_execution(stack: Stack, gcloud: Callable[..., Any]) -> None:
    gcloud("workflows", "deploy", "film-again", "--source=workflows/film.yaml")
    request = json.dumps({"prompt": "One scene of a whale", "owner": "owner@example.com", **ONE_SHORT_SCENE})

    ran = gcloud("workflows", "run", "film", f"--data={request}")
    described = gcloud("workflows", "executions", "describe", ran["name"].rpartition("/")[2], "--workflow=film")

    assert (ran["state"], described["state"]) == ("SUCCEEDED", "SUCCEEDED"), ran.get("error")
    assert stack.job(json.loads(described["result"])["job_id"])["state"] == "COMPLETE"


def complete(stack: Stack, name: str) -> dict[str, Any] | None:
    """The report on a file, once its film is done."""
    report = stack.report(name)
    return report if report["state"] == "complete" else None


def start_execution(stack: Stack, argument: object) -> str:
    """Run the workflow as ``gcloud workflows run`` does, and return the execution's name."""
    film = f"projects/{stack.project}/locations/us-central1/workflows/film"
    url = f"{stack.state['workflows_rest']}/v1/{film}/executions"
    return str(loopback.post(url, json={"argument": json.dumps(argument)}).raise_for_status().json()["name"])


def ended(stack: Stack, name: str) -> dict[str, Any] | None:
    execution = loopback.get(f"{stack.state['workflows_rest']}/v1/{name}").json()
    return dict(execution) if execution["state"] != "ACTIVE" else None
