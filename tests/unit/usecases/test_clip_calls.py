"""What became of a clip: every answer of the provider, and none (ledger rule 5)."""

import pytest

from promptreel.domain.call import Call
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.errors import Broken, NotFound, Transient
from promptreel.usecases import delete_job, filming
from promptreel.usecases.submit_clip import SubmitClip
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.fakes.services import FakeServices


@pytest.fixture
def call(world: FakeServices) -> Call:
    """A clip that is being filmed."""
    job = world.drawn()
    world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 1))
    return next(read.value for read in world.jobs.list_calls(job.id) if read.value.operation)


def resolve(world: FakeServices, call: Call) -> Call:
    return filming.resolve(call, world)


def refuse_polls(world: FakeServices, error: Exception) -> None:
    def refuse(operation: str) -> None:
        raise error

    world.video.poll = refuse  # type: ignore[method-assign,assignment]


POLL_ERRORS = [
    Transient("poll: 400 bad request"),
    Transient("poll: 503"),
    Broken("poll: 403 permission denied", code="misconfigured"),
    NotFound("no such operation"),
]


@pytest.mark.parametrize("error", POLL_ERRORS, ids=str)
def test_failed_poll_leaves_call_sent_when_its_window_is_open(
    world: FakeServices, call: Call, error: Exception
) -> None:
    refuse_polls(world, error)
    world.clock.pass_s(60 + 900 + 119)

    assert resolve(world, call).state is CallState.SENT


@pytest.mark.parametrize("error", POLL_ERRORS, ids=str)
def test_failed_poll_loses_call_when_its_window_is_over_and_its_bucket_empty(
    world: FakeServices, call: Call, error: Exception
) -> None:
    refuse_polls(world, error)
    world.clock.pass_s(60 + 900 + 121)

    lost = resolve(world, call)
    assert (lost.state, lost.operation) == (CallState.LOST, "operations/1")


@pytest.mark.parametrize("error", POLL_ERRORS, ids=str)
def test_failed_poll_finds_clip_when_it_lies_in_the_bucket(world: FakeServices, call: Call, error: Exception) -> None:
    uri = world.video.deliver("operations/1")
    refuse_polls(world, error)

    found = resolve(world, call)
    assert (found.state, found.artifact) == (CallState.SETTLED, uri)


def test_look_leaves_call_as_it_is_when_bucket_and_provider_are_away(world: FakeServices, call: Call) -> None:
    refuse_polls(world, Transient("503"))

    def away(prefix: str) -> None:
        raise Transient("503")

    world.artifacts.list = away  # type: ignore[method-assign,assignment]
    world.clock.pass_s(60 + 900 + 121)

    assert resolve(world, call).state is CallState.SENT


def test_job_goes_on_when_every_poll_is_refused_for_good(world: FakeServices, call: Call) -> None:
    job = world.jobs.get_job(call.job).value
    refuse_polls(world, Transient("poll: 403 permission denied"))
    world.clock.pass_s(60 + 900 + 121)

    world.poll(job)

    scene = world.jobs.get_scene(job.id, "scene-01").value
    assert (scene.state, scene.attempt) == (SceneState.QUEUED, 2)


def test_deleted_job_ends_when_every_poll_is_refused_for_good(world: FakeServices, call: Call) -> None:
    delete_job.mark(call.job, world)
    refuse_polls(world, Transient("poll: 403 permission denied"))
    for _ in range(4):
        world.clock.pass_s(60 + 900 + 121)
        world.sweep_jobs(SweepJobs())

    assert world.jobs.get_job(call.job).value.state is JobState.DELETED


def test_endless_operation_is_lost_after_its_window_and_settled_when_it_ends_later(
    world: FakeServices, call: Call
) -> None:
    world.clock.pass_s(60 + 900 + 121)
    lost = resolve(world, call)
    assert (lost.state, lost.operation) == (CallState.LOST, "operations/1")

    uri = world.video.deliver("operations/1")

    found = resolve(world, lost)
    assert (found.state, found.artifact) == (CallState.SETTLED, uri)
