"""How long poll_clips lets the workflow wait, and what it answers when its time is short."""

from collections.abc import Iterable, Mapping

import pytest

from promptreel.domain.states import SceneState
from promptreel.errors import PromptreelError
from promptreel.ports.models import Operation, OperationState
from promptreel.usecases import poll_clips
from promptreel.usecases.submit_clip import SubmitClip
from tests.fakes.services import FakeServices

USUAL_S = 120.0  # of the model that films


@pytest.mark.parametrize(
    ("elapsed_s", "wait_s"), [(0, 30), (10, 20), (40, 10), (240, 10), (280, 20), (400, 50), (700, 60)]
)
def test_wait_grows_to_a_minute_when_every_clip_is_late(world: FakeServices, elapsed_s: float, wait_s: float) -> None:
    job = world.drawn()
    world.submit_queued()
    world.clock.pass_s(elapsed_s)

    assert world.poll(job).wait_s == wait_s


def test_wait_is_short_when_one_clip_may_be_ready_and_another_is_late(world: FakeServices) -> None:
    job = world.drawn()
    world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 1))
    world.clock.pass_s(600)
    for scene in ("scene-02", "scene-03"):
        world.submit_clip(SubmitClip(job.id, job.run, scene, 1, 1))
    world.clock.pass_s(60)

    assert world.poll(job).wait_s == 10


@pytest.mark.parametrize("waiting", ["queued", "to be drawn"])
def test_wait_is_short_when_a_scene_has_no_clip_under_way(world: FakeServices, waiting: str) -> None:
    job = world.drawn()
    for scene in ("scene-01", "scene-02"):
        world.submit_clip(SubmitClip(job.id, job.run, scene, 1, 1))
    if waiting == "to be drawn":
        stored = world.jobs.stored(f"jobs/{job.id}/scenes/scene-03")
        world.jobs.store(f"jobs/{job.id}/scenes/scene-03", {**stored, "state": "PENDING", "end": None})
    world.clock.pass_s(700)

    assert world.poll(job).wait_s == poll_clips.IDLE_WAIT_S


def test_look_takes_what_is_known_when_other_polls_are_not_answered_in_time(world: FakeServices) -> None:
    job = world.drawn()
    world.submit_queued()
    world.video.deliver("operations/3")
    world.clock.pass_s(60)
    poll_all = world.video.poll_all

    def answer_the_last(
        operations: Iterable[Operation], within_s: float
    ) -> Mapping[str, OperationState | PromptreelError]:
        return {name: state for name, state in poll_all(operations, within_s).items() if name == "operations/3"}

    world.video.poll_all = answer_the_last  # type: ignore[method-assign]

    assert world.poll(job).state == "filming"
    assert states(world, job.id) == [SceneState.FILMING, SceneState.FILMING, SceneState.DONE]


def test_look_answers_before_its_time_is_over_and_the_next_one_goes_on_when_the_bucket_is_slow(
    world: FakeServices,
) -> None:
    job = world.drawn()
    world.submit_queued()
    for number in (1, 2, 3):
        world.video.deliver(f"operations/{number}")
    world.clock.pass_s(60)
    checksum = world.artifacts.read_checksum

    def slowly(uri: str) -> str:
        world.clock.pass_s(50)
        return checksum(uri)

    world.artifacts.read_checksum = slowly  # type: ignore[method-assign]
    began = world.clock.now()

    assert world.poll(job).state == "filming"
    assert (world.clock.now() - began).total_seconds() == 100
    assert states(world, job.id) == [SceneState.DONE, SceneState.DONE, SceneState.FILMING]
    assert world.poll(job).state == "done"


def states(world: FakeServices, job_id: str) -> list[SceneState]:
    return [read.value.state for read in world.jobs.list_scenes(job_id)]
