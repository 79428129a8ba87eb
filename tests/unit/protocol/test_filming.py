"""What became of a clip: every answer of the provider, and none (DESIGN §5.5)."""

import pytest

from promptreel.domain.ledger import Call
from promptreel.domain.states import CallState
from promptreel.errors import NotFound, Transient
from promptreel.protocol import filming
from promptreel.steps.submit_clip import SubmitClip
from tests.fakes.world import FakeWorld


@pytest.fixture
def call(world: FakeWorld) -> Call:
    """A clip that is being filmed."""
    job = world.drawn()
    world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 1))
    return next(read.value for read in world.jobs.calls(job.id) if read.value.operation)


def resolve(world: FakeWorld, call: Call) -> Call:
    return filming.resolve(call, ledger=world.ledger, filmer=world.filmer, artifacts=world.artifacts, clock=world.clock)


def test_poll_that_fails_then_says_nothing_about_the_clip(world: FakeWorld, call: Call) -> None:
    def away(operation: str) -> None:
        raise Transient("503")

    world.filmer.poll = away  # type: ignore[method-assign,assignment]

    assert resolve(world, call).state is CallState.SENT


def test_operation_the_provider_forgot_then_its_output_is_looked_for_in_the_bucket(
    world: FakeWorld, call: Call
) -> None:
    def forgotten(operation: str) -> None:
        raise NotFound("no such operation")

    world.filmer.poll = forgotten  # type: ignore[method-assign,assignment]
    assert resolve(world, call).state is CallState.SENT
    world.artifacts.put(f"{call.prefix}9/sample_0.mp4", b"clip", "video/mp4")

    found = resolve(world, call)

    assert found.is_paid
    assert found.artifact == world.artifacts.uri(f"{call.prefix}9/sample_0.mp4")


def test_operation_that_never_ends_then_is_lost_after_its_window_and_found_again_on_a_later_look(
    world: FakeWorld, call: Call
) -> None:
    world.clock.pass_s(60 + 900 + 121)
    lost = resolve(world, call)
    assert (lost.state, lost.operation) == (CallState.LOST, "operations/1")

    uri = world.filmer.deliver("operations/1")

    found = resolve(world, lost)
    assert (found.state, found.artifact) == (CallState.SETTLED, uri)
