"""A new process imports an SDK for seconds: one that is killed meanwhile leaves no call that was perhaps paid."""

from collections.abc import Callable

import pytest

from promptreel.domain.job import Job
from promptreel.domain.states import CallState
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.submit_clip import SubmitClip
from tests.fakes.hooks import HookedWorld, Killed

Step = Callable[[HookedWorld, Job], object]


def write(world: HookedWorld, job: Job) -> object:
    return world.write_storyboard(JobRun(job.id, job.run)).state


def draw(world: HookedWorld, job: Job) -> object:
    return world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start")).state


def submit(world: HookedWorld, job: Job) -> object:
    return world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 1)).state


@pytest.mark.parametrize(
    ("step", "port", "make_job", "result"),
    [
        (write, "text", HookedWorld.opened, "planned"),
        (draw, "images", HookedWorld.planned, "drawn"),
        (submit, "video", HookedWorld.drawn, "filming"),
    ],
)
def test_call_is_made_once_at_once_when_its_first_worker_was_killed_while_it_imported(
    step: Step, port: str, make_job: Callable[[HookedWorld], Job], result: str
) -> None:
    def die(name: str) -> None:
        raise Killed(name)

    world = HookedWorld()
    job = make_job(world)
    requests = len(getattr(world, port).requests)
    before = [read.value for read in world.jobs.list_calls(job.id)]
    world.at(0, die, only=frozenset({f"{port}.connect"}))
    with pytest.raises(Killed):
        step(world, job)
    assert [read.value for read in world.jobs.list_calls(job.id)] == before

    assert step(world, job) == result

    states = {read.value.state for read in world.jobs.list_calls(job.id)}
    assert states <= {CallState.PLANNED, CallState.SENT, CallState.SETTLED}
    assert len(getattr(world, port).requests) == requests + 1
