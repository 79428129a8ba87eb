"""Versions read each other's documents: an upgrade, or a rollback, in the middle of a film."""

import json
from typing import Any

import pytest

from promptreel.domain.states import JobState, SceneState
from promptreel.ports.models import Running
from promptreel.usecases import job_lifecycle
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.submit_clip import SubmitClip
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.fakes.models import a_storyboard
from tests.recorded import MOMENTS, RecordedWorld, documents, from_a_newer_version

ROUNDS = 60  # of a minute each: far more than any window
KEPT: tuple[tuple[str | int, ...], ...] = (
    (),
    ("budget",),
    ("history", 0),
    ("plan",),
    ("plan", "style_guide"),
    ("plan", "waves", 0, "items", 0),
    ("request",),
    ("request", "transition"),
    ("start",),
    ("tries", 0),
    ("usage",),
)
BEFORE_THE_CUT = [moment for moment in MOMENTS if moment.split("/")[1] not in {"complete", "deleting", "stitching"}]


def finish(world: RecordedWorld) -> JobState:
    """Carry the job on as the workflow does, to its cut."""
    world.text.answers = [json.dumps(a_storyboard(2))] * (world.job.plan is None)
    if world.job.is_final:
        job_lifecycle.resume(world.job_id, 25_000_000, world)
    for _ in range(ROUNDS):
        job = world.job
        if world.write_storyboard(JobRun(job.id, job.run)).state == "planned":
            job = world.job
            draw(world)
            submit(world)
            for operation, state in list(world.video.states.items()):
                if isinstance(state, Running):
                    world.video.deliver(operation)
            if world.poll(job).state == "done":
                break
        world.clock.pass_s(60)
    return world.job.state


def draw(world: RecordedWorld) -> None:
    for item in [item for wave in world.job.require_plan().waves for item in wave.items]:
        cmd = DrawKeyframe(world.job_id, world.job.run, item.scene, item.frame, item.take)
        while (drawn := world.draw_keyframe(cmd)).state == "busy":
            world.clock.pass_s(drawn.wait_s)


def submit(world: RecordedWorld) -> None:
    for task in list(world.queue.tasks):
        world.submit_clip(SubmitClip(task.job_id, task.run, task.scene, task.take, task.attempt))


@pytest.mark.parametrize("moment", BEFORE_THE_CUT)
def test_recorded_job_is_carried_on_to_its_cut_when_another_version_left_it(moment: str) -> None:
    world = RecordedWorld(documents(moment))

    assert finish(world) is JobState.STITCH

    scenes = [read.value for read in world.jobs.list_scenes(world.job_id)]
    assert [scene.state for scene in scenes] == [SceneState.DONE] * 2
    paid = [(call.scene, call.take) for call in clips(world) if call.is_paid]
    assert sorted(paid) == [("scene-01", 1), ("scene-02", 1)]
    assert not [call.id for call in clips(world) if not call.is_finished]


def clips(world: RecordedWorld) -> list[Any]:
    return [read.value for read in world.jobs.list_calls(world.job_id) if read.value.kind == "video"]


@pytest.mark.parametrize("moment", [moment for moment in MOMENTS if moment.endswith("/deleting")])
def test_recorded_job_is_deleted_to_its_tombstone_when_another_version_began_it(moment: str) -> None:
    world = RecordedWorld(documents(moment))
    for call in clips(world):
        if not call.is_finished and call.operation:
            world.video.deliver(call.operation)

    for _ in range(ROUNDS):
        world.sweep_jobs(SweepJobs())
        world.clock.pass_s(60)

    assert world.job.state is JobState.DELETED
    assert world.jobs.list_calls(world.job_id) == []


@pytest.mark.parametrize("moment", BEFORE_THE_CUT)
def test_newer_job_is_carried_on_and_keeps_its_unknown_fields_when_its_version_was_rolled_back(moment: str) -> None:
    newer = {path: from_a_newer_version(data) for path, data in documents(moment).items()}
    world = RecordedWorld(newer)

    assert finish(world) is JobState.STITCH

    for path, before in newer.items():
        assert unknown_fields(world.jobs.stored(path)).items() >= unknown_fields(before).items() != set(), path


def unknown_fields(document: Any) -> dict[str, Any]:
    """What stands in the unknown field of the document and of the values in it that a version never replaces."""
    return {".".join(map(str, place)): novelty for place in KEPT if (novelty := reached(document, (*place, "novelty")))}


def reached(value: Any, place: tuple[str | int, ...]) -> Any:
    for step in place:
        there = step in value if isinstance(value, dict) else isinstance(value, list) and step in range(len(value))
        value = value[step] if there else None
    return value
