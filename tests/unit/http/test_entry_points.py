"""Every entry point under functions-framework: JSON in, JSON or a problem out, whatever breaks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import functions_framework
import pytest
from flask.testing import FlaskClient

from promptreel import composition
from promptreel.errors import QuotaExhausted, Transient, VersionConflict
from promptreel.settings import Settings
from tests.fakes.services import FakeServices

SOURCE = Path(__file__).parents[3] / "functions" / "main.py"


@pytest.fixture(autouse=True)
def _fake_world(world: FakeServices, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    composition.from_environment.cache_clear()
    monkeypatch.setattr(composition, "services_from", lambda settings: world)
    monkeypatch.setattr(Settings, "from_env", classmethod(lambda cls, env: None))
    yield
    composition.from_environment.cache_clear()


def step(name: str) -> FlaskClient:
    client: FlaskClient = functions_framework.create_app(name, str(SOURCE)).test_client()
    return client


def test_film_is_made_up_to_its_cut_through_the_entry_points(world: FakeServices) -> None:
    opened = step("open_job").post("/", json={"execution": "e", "input": {"prompt": "A fox"}}).get_json()
    job = {"job_id": opened["job_id"], "run": opened["run"]}
    plan = step("write_storyboard").post("/", json=job).get_json()
    draw, submit = step("draw_keyframe"), step("submit_clip")
    for wave in plan["waves"]:
        for item in wave["items"]:
            assert draw.post("/", json={**job, **item}).get_json() == {"state": "drawn", "wait_s": 0.0}
    for task in world.queue.tasks:
        body = {**job, "scene": task.scene, "take": task.take, "attempt": task.attempt}
        assert submit.post("/", json=body).get_json() == {"state": "filming"}
    polled = step("poll_clips").post("/", json=job).get_json()

    assert (polled["state"], polled["redraw"], polled["problem"]) == ("filming", [], None)
    assert step("fail_job").post("/", json={**job, "error": "no more"}).get_json() == {"state": "failed"}
    assert step("sweep_jobs").post("/", json={}).get_json()["restarted"] == 0


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (None, "must be a JSON object"),
        ({"job_id": "job-1"}, "run"),
        ({"job_id": "job-1", "run": "one"}, "run"),
        ({"job_id": "job-1", "run": 1, "extra": 1}, "extra: Unexpected keyword argument"),
    ],
)
def test_wrong_body_is_a_422_problem_that_names_the_field(body: Any, fault: str) -> None:
    answer = step("poll_clips").post("/", json=body)

    assert answer.status_code == 422
    assert fault in answer.get_json()["message"]
    assert answer.get_json()["step"] == "poll_clips"


@pytest.mark.parametrize(
    ("error", "status"), [(Transient("away"), 503), (QuotaExhausted("quota"), 429), (ZeroDivisionError("bug"), 500)]
)
def test_failing_step_answers_its_status_and_a_problem(world: FakeServices, error: Exception, status: int) -> None:
    def fail(job_id: str) -> Any:
        raise error

    world.jobs.get_job = fail  # type: ignore[method-assign]

    answer = step("poll_clips").post("/", json={"job_id": "job-1", "run": 1})

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/json")
    assert answer.get_json()["code"]


@pytest.mark.parametrize(
    ("error", "status"), [(Transient("away"), 500), (VersionConflict("late"), 500), (QuotaExhausted("quota"), 429)]
)
def test_queue_is_slowed_only_by_veos_quota_when_a_task_fails(
    world: FakeServices, error: Exception, status: int
) -> None:
    def fail(job_id: str) -> Any:
        raise error

    world.jobs.get_job = fail  # type: ignore[method-assign]

    answer = step("submit_clip").post(
        "/", json={"job_id": "job-1", "run": 1, "scene": "scene-01", "take": 1, "attempt": 1}
    )

    assert (answer.status_code, answer.get_json()["code"]) == (status, getattr(error, "code", ""))


def test_unknown_job_is_a_404_problem() -> None:
    answer = step("close_job").post("/", json={"job_id": "job-1", "run": 1})

    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_api_is_served_by_its_function() -> None:
    api = step("api")

    assert api.get("/healthz").get_json() == {"status": "ok"}
    assert api.post("/v1/jobs", json={"prompt": "A fox"}).status_code == 403
