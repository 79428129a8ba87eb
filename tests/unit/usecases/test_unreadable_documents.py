"""A document that this version cannot read is reported and left alone, and keeps nothing else from its end."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from promptreel.domain.states import CallState
from promptreel.errors import UnreadableDocument
from promptreel.http import routes
from promptreel.usecases import job_lifecycle
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.submit_clip import SubmitClip
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.fakes.services import FakeServices
from tests.unit.http.api_requests import bearer, submit


def make_unreadable(world: FakeServices, job_id: str) -> None:
    read: Any = world.jobs.get_job(job_id).value
    world.jobs.store(f"jobs/{job_id}", {**read.to_json(), "schema": 2})


def cancel(world: FakeServices, job_id: str) -> None:
    job_lifecycle.cancel(job_id, world)


def test_sweep_restarts_and_releases_the_others_when_one_job_is_unreadable(world: FakeServices) -> None:
    unreadable = world.drawn().id
    make_unreadable(world, unreadable)
    abandoned = world.open_job(OpenJob("e-2", {"prompt": "A whale"})).job_id
    ended = world.open_job(OpenJob("e-3", {"prompt": "A heron"})).job_id
    world.write_storyboard(JobRun(ended, 1))
    cancel(world, ended)
    world.clock.pass_s(300)

    world.sweep_jobs(SweepJobs())

    assert world.executions.started == [(abandoned, 2)]
    assert {read.value.state for read in world.jobs.list_calls(ended)} == {CallState.SETTLED, CallState.RELEASED}
    assert CallState.PLANNED in {read.value.state for read in world.jobs.list_calls(unreadable)}


def test_steps_of_a_job_stop_without_a_payment_when_one_of_its_documents_is_unreadable(world: FakeServices) -> None:
    job = world.drawn()
    scene = world.jobs.get_scene(job.id, "scene-02").value
    world.jobs.store(f"jobs/{job.id}/scenes/scene-02", {**scene.to_json(), "state": "GRADING"})

    with pytest.raises(UnreadableDocument, match="scene-02"):
        world.poll(job)
    with pytest.raises(UnreadableDocument, match="scene-02"):
        world.submit_clip(SubmitClip(job.id, job.run, "scene-02", 1, 1))

    assert world.video.requests == []


def test_owner_lists_the_other_jobs_and_is_answered_why_when_one_job_is_unreadable(world: FakeServices) -> None:
    http: FlaskClient = routes.app(lambda: world).test_client()
    first, second = (submit(http).get_json()["id"] for _ in range(2))
    make_unreadable(world, first)

    listed = http.get("/v1/jobs", headers=bearer()).get_json()["jobs"]
    shown = http.get(f"/v1/jobs/{first}", headers=bearer())

    assert [job["id"] for job in listed] == [second]
    assert (shown.status_code, shown.get_json()["code"]) == (500, "unreadable_document")
    assert first in shown.get_json()["message"]
