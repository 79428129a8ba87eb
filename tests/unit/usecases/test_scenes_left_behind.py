"""Scenes whose worker died between two writes: poll_clips puts their clips into the queue."""

import pytest

from promptreel.domain.job import Job
from promptreel.domain.scene import Scene
from promptreel.domain.states import SceneState
from promptreel.ports.models import Running
from promptreel.ports.storage import Change
from promptreel.usecases import job_lifecycle
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.poll_clips import ClipsPolled
from tests.fakes.hooks import Killed
from tests.fakes.services import FakeServices

REFUSED_PICTURES = "15236754"  # the second remedy of this code redraws both pictures


def kill_worker_once_drawn(world: FakeServices, scene_id: str) -> None:
    """Kill the next worker that has written this scene as DRAWN, right after its write."""
    write = world.jobs.write

    def write_and_die(*changes: Change) -> None:
        write(*changes)
        scenes = [change.value for change in changes if isinstance(change.value, Scene)]
        if any(scene.id == scene_id and scene.state is SceneState.DRAWN for scene in scenes):
            world.jobs.write = write  # type: ignore[method-assign]
            raise Killed

    world.jobs.write = write_and_die  # type: ignore[method-assign]


def refuse_clip(world: FakeServices, job: Job) -> ClipsPolled:
    """Send every queued clip, refuse the first scene's, and poll."""
    world.submit_queued()
    for operation, state in world.video.states.items():
        if isinstance(state, Running) and "/clips/scene-01/" in world.video.prefixes[operation]:
            world.video.filter(operation, REFUSED_PICTURES)
    world.clock.pass_s(60)
    return world.poll(job)


def redraw_and_die(world: FakeServices, job: Job) -> None:
    refuse_clip(world, job)
    polled = refuse_clip(world, job)
    kill_worker_once_drawn(world, "scene-01")
    while polled.redraw:
        item = polled.redraw[0]
        try:
            world.draw_keyframe(DrawKeyframe(job.id, job.run, item.scene, item.frame, item.take))
        except Killed:
            break
        polled = world.poll(job)
    assert world.jobs.get_scene(job.id, "scene-01").value.state is SceneState.DRAWN
    assert world.jobs.get_scene(job.id, "scene-01").value.take == 2


def test_poll_clips_queues_redrawn_scene_when_its_painter_died_before_queuing_it(world: FakeServices) -> None:
    job = world.drawn()
    redraw_and_die(world, job)

    assert world.poll(job).state == "filming"

    assert world.jobs.get_scene(job.id, "scene-01").value.state is SceneState.QUEUED
    assert ("scene-01", 2) in {(task.scene, task.take) for task in world.queue.tasks}


@pytest.mark.parametrize("ended", ["cancelled", "failed"])
def test_resumed_job_queues_redrawn_scene_when_its_painter_died_before_the_job_ended(
    world: FakeServices, ended: str
) -> None:
    job = world.drawn()
    redraw_and_die(world, job)
    if ended == "cancelled":
        job_lifecycle.cancel(job.id, world)
    else:
        world.fail_job(FailJob(job.id, job.run, "the workflow failed"))
    job = job_lifecycle.resume(job.id, None, world)
    world.open_job(OpenJob("execution-1", {"job_id": job.id, "run": job.run}))
    world.draw_all(job)

    world.poll(job)

    assert (job.run, "scene-01", 2) in {(task.run, task.scene, task.take) for task in world.queue.tasks}


def test_poll_clips_queues_drawn_scene_once_when_repeated(world: FakeServices) -> None:
    job = world.drawn()
    redraw_and_die(world, job)
    world.poll(job)
    queued = dict(world.queue.tasks)

    world.poll(job)

    assert world.queue.tasks == queued
