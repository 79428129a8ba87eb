"""A job's end, and the artifact that stands before its receipt (DESIGN §3, §5.6)."""

import pytest

from promptreel.domain.models import TokenUsage
from promptreel.domain.states import CallState, JobState
from promptreel.errors import Conflict
from promptreel.ports import Create
from promptreel.protocol import lifecycle
from promptreel.protocol.ledger import Paid, Ticket
from promptreel.protocol.paying import Artifact, Made, pay
from tests.factories import a_job
from tests.fakes.world import FakeWorld

TICKET = Ticket(job_id="job-1", run=1, kind="image", model="m", purpose="k", digest="d", price_micros=100, timeout_s=60)
ARTIFACT = Artifact("jobs/job-1/k.png", "image/png")


def test_cancel_then_also_stops_the_execution(world: FakeWorld) -> None:
    job = world.opened()
    world.executions.active.add(str(job.execution))

    lifecycle.cancel(job.id, jobs=world.jobs, executions=world.executions, clock=world.clock, ids=world.ids)

    assert world.executions.active == set()


def test_job_that_ended_otherwise_then_cannot_be_cancelled(world: FakeWorld) -> None:
    world.jobs.write(Create("job-1", a_job(state=JobState.COMPLETE)))

    with pytest.raises(Conflict, match="only a running job can be cancelled"):
        lifecycle.cancel("job-1", jobs=world.jobs, executions=world.executions, clock=world.clock, ids=world.ids)


def test_death_between_artifact_and_receipt_then_the_artifact_is_adopted_and_nothing_is_paid_again(
    world: FakeWorld,
) -> None:
    world.jobs.write(Create("job-1", a_job()))
    posts = []

    def post(left_s: float) -> Made:
        posts.append(left_s)
        return Made(b"picture", TokenUsage(input=1, output=1), 70)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    settle = world.ledger.settle
    world.ledger.settle = die  # type: ignore[method-assign,assignment]
    with pytest.raises(KeyboardInterrupt):
        pay(TICKET, ARTIFACT, post, ledger=world.ledger, artifacts=world.artifacts, clock=world.clock)
    world.ledger.settle = settle  # type: ignore[method-assign]
    world.clock.pass_s(91)

    claim = pay(TICKET, ARTIFACT, post, ledger=world.ledger, artifacts=world.artifacts, clock=world.clock)

    assert isinstance(claim, Paid)
    assert (claim.call.state, claim.call.cost_micros) == (CallState.ADOPTED, 100)
    assert len(posts) == 1
