"""A stored keyframe that is missing or replaced: it stops its job, and is drawn again when a person resumes."""

import pytest

from promptreel.domain.call import Call, committed_micros
from promptreel.domain.document import Problem
from promptreel.domain.job import Job
from promptreel.domain.scene import Scene
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.errors import PromptreelError
from promptreel.usecases import job_lifecycle
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.fail_job import FailJob
from tests.fakes.services import FakeServices

FAULTS = ["missing", "changed"]


def scene(world: FakeServices, job: Job, number: int) -> Scene:
    return world.jobs.get_scene(job.id, f"scene-0{number}").value


def damage(world: FakeServices, uri: str, fault: str) -> bytes:
    """Delete the object, or put another in its place; its content before."""
    content = world.artifacts.get(uri)
    world.artifacts.delete(uri)
    if fault == "changed":
        world.artifacts.put(uri.removeprefix(world.artifacts.uri("")), b"another picture", "image/png")
    return content


def fail(world: FakeServices, job: Job, problem: Problem | None) -> None:
    """End the job as its workflow does."""
    assert problem is not None
    world.fail_job(FailJob(job.id, job.run, problem.model_dump(mode="json")))


def stop_before_filming(world: FakeServices, fault: str) -> tuple[Job, bytes]:
    """A job that failed before any clip was sent, because the last keyframe of its first scene is damaged.

    Returns: the job, and what the keyframe was.
    """
    job = world.drawn(scenes=3)
    keyframe = scene(world, job, 1).end
    assert keyframe is not None
    content = damage(world, keyframe.uri, fault)
    (task,) = (one for one in world.queue.tasks if one.scene == "scene-01")
    assert world.deliver(task) == f"keyframe_{fault}"
    fail(world, job, world.poll(job).problem)
    return job, content


def finish(world: FakeServices, job: Job) -> None:
    """Draw, redraw and film as the workflow does, until every clip is there."""
    world.draw_all(job)
    for _ in range(6):
        polled = world.poll(job)
        for item in polled.redraw:
            world.draw_keyframe(DrawKeyframe(job.id, job.run, item.scene, item.frame, item.take))
        for task in [one for one in world.queue.tasks if one.run == job.run and one not in world.queue.done]:
            world.deliver(task)
        for operation, state in list(world.video.states.items()):
            if type(state).__name__ == "Running":
                world.video.deliver(operation)
        world.clock.pass_s(130)
    assert world.poll(job).state == "done"


def calls(world: FakeServices, job: Job) -> list[Call]:
    return [read.value for read in world.jobs.list_calls(job.id)]


@pytest.mark.parametrize("fault", FAULTS)
def test_resumed_job_draws_a_damaged_keyframe_again_for_both_scenes_that_share_it(
    world: FakeServices, fault: str
) -> None:
    job, _ = stop_before_filming(world, fault)
    damaged = scene(world, job, 1).end
    drawn = len(world.images.requests)

    resumed = job_lifecycle.resume(job.id, None, world)
    assert resumed.state is JobState.KEYFRAMES
    finish(world, resumed)

    end, start = scene(world, job, 1).end, scene(world, job, 2).start
    assert damaged is not None
    assert end is not None
    assert end == start
    assert end.uri != damaged.uri
    assert len(world.images.requests) == drawn + 1
    assert {(one.first_uri, one.last_uri) for one in world.video.requests} == {
        (first.uri, last.uri)
        for number in (1, 2, 3)
        if (first := scene(world, job, number).start) and (last := scene(world, job, number).end)
    }
    clips = [call for call in calls(world, job) if call.kind == "video" and call.counted_micros]
    assert [call.state for call in clips] == [CallState.SETTLED] * 3


@pytest.mark.parametrize("fault", FAULTS)
def test_resumed_job_pays_for_no_keyframe_when_it_was_restored(world: FakeServices, fault: str) -> None:
    job, content = stop_before_filming(world, fault)
    damaged = scene(world, job, 1).end
    drawn = len(world.images.requests)
    assert damaged is not None
    world.artifacts.delete(damaged.uri)
    world.artifacts.put(damaged.uri.removeprefix(world.artifacts.uri("")), content, "image/png")

    resumed = job_lifecycle.resume(job.id, None, world)
    finish(world, resumed)

    assert len(world.images.requests) == drawn
    assert scene(world, job, 1).end == damaged


def test_resumed_job_draws_the_first_keyframe_before_the_last_when_only_the_last_is_undrawn(
    world: FakeServices,
) -> None:
    job = world.planned(scenes=3)
    world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start", 1))
    first = scene(world, job, 1).start
    assert first is not None
    damage(world, first.uri, "missing")
    with pytest.raises(PromptreelError, match="its first picture is gone") as stopped:
        world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "end", 1))
    fail(world, job, Problem.from_error(stopped.value, step="draw_keyframe", scene="scene-01"))

    resumed = job_lifecycle.resume(job.id, None, world)
    assert world.draw_keyframe(DrawKeyframe(job.id, resumed.run, "scene-01", "end", 1)).state == "busy"
    assert world.draw_keyframe(DrawKeyframe(job.id, resumed.run, "scene-01", "end", 1)).state == "drawn"

    redrawn = scene(world, job, 1).start
    assert redrawn is not None
    assert redrawn.uri != first.uri
    assert world.images.requests[-1].references == (redrawn.uri,)
    finish(world, resumed)


def test_job_that_is_not_resumed_neither_draws_nor_films_from_a_damaged_keyframe(world: FakeServices) -> None:
    job, _ = stop_before_filming(world, "missing")

    finished = [world.deliver(task) for task in list(world.queue.tasks)]

    assert set(finished) == {"superseded"}
    assert scene(world, job, 1).state is SceneState.QUEUED
    assert not world.video.requests


def test_redraw_stops_at_the_budget(world: FakeServices) -> None:
    job, _ = stop_before_filming(world, "missing")
    committed = committed_micros(calls(world, job))
    drawn = len(world.images.requests)

    resumed = job_lifecycle.resume(job.id, committed, world)
    with pytest.raises(PromptreelError, match="budget_usd"):
        world.draw_keyframe(DrawKeyframe(job.id, resumed.run, "scene-01", "end", 1))

    assert len(world.images.requests) == drawn
