"""The ledger's protocol: who may claim, who may send, and what a lost answer of the store does (rules 1 to 4)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from promptreel.domain.call_rules import Receipt
from promptreel.domain.states import CallState
from promptreel.errors import AnswerLost, BudgetExceeded, Transient, Unpaid, VersionConflict
from promptreel.ledger.claims import Acquired, Busy, CallRequest, Superseded
from promptreel.ports.storage import Change, Create, Replace
from promptreel.usecases import job_lifecycle
from tests.factories import a_job, a_scene, altered
from tests.fakes.services import FakeServices
from tests.fakes.system import START

TICKET = CallRequest(
    job_id="job-1",
    run=1,
    kind="video",
    model="m",
    purpose="clip/scene-01",
    digest="d",
    price_micros=3_000_000,
    timeout_s=60,
    window_s=900,
    scene="scene-01",
    attempt_of_scene=True,
    prefix="p/",
)


@pytest.fixture
def world() -> FakeServices:
    """A running job with one scene and no call yet: every claim is an extra one."""
    fake = FakeServices()
    fake.jobs.write(Create("job-1", a_job(budget={"limit_micros": 5_000_000})), Create("job-1", a_scene()))
    return fake


def mine(world: FakeServices, ticket: CallRequest = TICKET) -> Acquired:
    claim = world.ledger.claim(ticket)
    assert isinstance(claim, Acquired)
    return claim


def cancel(world: FakeServices) -> None:
    job_lifecycle.cancel("job-1", world)


def raise_run(world: FakeServices) -> None:
    read = world.jobs.get_job("job-1")
    world.jobs.write(Replace("job-1", read, read.value.evolve(run=2)))


def change_scene(**fields: int) -> Callable[[FakeServices], None]:
    def change(world: FakeServices) -> None:
        read = world.jobs.get_scene("job-1", "scene-01")
        world.jobs.write(Replace("job-1", read, altered(read.value, **fields)))

    return change


CHANGES = [cancel, raise_run, change_scene(take=2), change_scene(attempt=2)]


@pytest.mark.parametrize("change", CHANGES)
def test_call_is_not_claimed_when_the_caller_is_stale(
    world: FakeServices, change: Callable[[FakeServices], None]
) -> None:
    change(world)

    assert isinstance(world.ledger.claim(TICKET), Superseded)
    assert list(world.jobs.list_calls("job-1")) == []


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_sent_when_the_claim_became_stale(
    world: FakeServices, change: Callable[[FakeServices], None]
) -> None:
    claim = mine(world)
    sent: list[float] = []
    change(world)

    with pytest.raises(VersionConflict):
        world.ledger.send(claim, TICKET, sent.append)
    assert sent == []


OTHER_INPUTS = replace(TICKET, digest="other")


def test_call_is_claimed_with_other_inputs_when_the_provider_refused_it_unpaid(world: FakeServices) -> None:
    claim = mine(world)
    with pytest.raises(Unpaid):
        world.ledger.send(claim, TICKET, lambda left_s: fail(Unpaid("429")))

    assert mine(world, OTHER_INPUTS).call.digest == "other"


def test_call_reserves_the_higher_price_when_it_is_claimed_with_dearer_inputs(world: FakeServices) -> None:
    mine(world)
    world.clock.pass_s(61)

    claim = mine(world, replace(OTHER_INPUTS, price_micros=5_000_000))

    assert claim.call.reserved_micros == 5_000_000
    assert world.jobs.get_job("job-1").value.budget.version == 2


def test_call_is_not_claimed_when_the_budget_does_not_hold_its_dearer_inputs(world: FakeServices) -> None:
    mine(world)
    world.clock.pass_s(61)

    with pytest.raises(BudgetExceeded, match=r"5\.00 USD do not hold clip/scene-01"):
        world.ledger.claim(replace(OTHER_INPUTS, price_micros=5_000_001))
    (call,) = [read.value for read in world.jobs.list_calls("job-1")]
    assert call.reserved_micros == 3_000_000


def test_former_holder_sends_nothing_when_its_call_was_claimed_with_other_inputs(world: FakeServices) -> None:
    former = mine(world)
    world.clock.pass_s(61)
    mine(world, OTHER_INPUTS)
    sent: list[float] = []

    with pytest.raises(VersionConflict):
        world.ledger.send(former, TICKET, sent.append)
    assert sent == []


@pytest.mark.parametrize("error", [None, AnswerLost("reset")])
def test_sent_call_is_not_claimed_with_other_inputs_whatever_its_answer(
    world: FakeServices, error: Exception | None
) -> None:
    claim = mine(world)
    if error is None:
        world.ledger.send(claim, TICKET, lambda left_s: "operations/1")
    else:
        with pytest.raises(AnswerLost):
            world.ledger.send(claim, TICKET, lambda left_s: fail(error))
    world.clock.pass_s(3600)

    assert isinstance(world.ledger.claim(OTHER_INPUTS), Busy)
    assert isinstance(world.ledger.claim(OTHER_INPUTS), Busy)
    (call,) = [read.value for read in world.jobs.list_calls("job-1")]
    assert call.digest == "d"


def fail(error: Exception) -> None:
    raise error


def test_extra_call_is_not_planned_when_one_micro_over_the_limit(world: FakeServices) -> None:
    mine(world)
    other = replace(TICKET, purpose="judge", attempt_of_scene=False, kind="text")

    with pytest.raises(BudgetExceeded, match=r"5\.00 USD do not hold judge"):
        world.ledger.claim(replace(other, price_micros=2_000_001))
    assert len(world.jobs.list_calls("job-1")) == 1
    assert isinstance(world.ledger.claim(replace(other, price_micros=2_000_000)), Acquired)


def test_sum_is_read_on_retry_when_another_extra_call_was_planned_meanwhile(world: FakeServices) -> None:
    other = replace(TICKET, purpose="judge", attempt_of_scene=False, kind="text")
    calls = world.jobs.list_calls
    raced: list[bool] = []

    def race(job_id: str) -> object:
        """Between the sum and the batch, another worker plans an extra call."""
        seen = calls(job_id)
        if not raced:
            raced.append(True)
            world.ledger.claim(other)
        return seen

    world.jobs.list_calls = race  # type: ignore[method-assign,assignment]

    with pytest.raises(BudgetExceeded):
        world.ledger.claim(TICKET)
    assert [read.value.purpose for read in calls("job-1")] == ["judge"]


def test_request_is_not_sent_and_unpaid_when_its_time_is_over(world: FakeServices) -> None:
    claim = mine(world)
    sent: list[float] = []
    write = world.jobs.write

    def slow(*changes: Change) -> None:
        write(*changes)
        world.clock.pass_s(61)

    world.jobs.write = slow  # type: ignore[method-assign]
    with pytest.raises(Unpaid):
        world.ledger.send(claim, TICKET, sent.append)

    assert sent == []
    assert world.jobs.list_calls("job-1")[0].value.state is CallState.PLANNED


def test_request_gets_only_the_time_that_is_left(world: FakeServices) -> None:
    claim = mine(world)
    left: list[float] = []
    world.ledger.send(claim, TICKET, left.append)

    assert left == [60.0]


@pytest.mark.parametrize("lost", ["claim", "sent"])
def test_write_succeeds_when_the_answer_of_an_equal_write_was_lost(world: FakeServices, lost: str) -> None:
    """The store committed, the caller got a conflict: a fresh read shows its own token."""
    state = CallState.RESERVED if lost == "claim" else CallState.SENT
    write = world.jobs.write
    answers_lost: list[bool] = []

    def lossy(*changes: Change) -> None:
        write(*changes)
        written = changes[-1].value
        if getattr(written, "state", None) is state and not answers_lost:
            answers_lost.append(True)
            raise VersionConflict("committed, but the answer was lost")

    world.jobs.write = lossy  # type: ignore[method-assign]
    sent: list[float] = []
    world.ledger.send(mine(world), TICKET, sent.append)

    assert answers_lost == [True]
    assert len(sent) == 1
    assert world.jobs.list_calls("job-1")[0].value.state is CallState.SENT


def test_unexpected_error_after_sent_counts_as_a_lost_answer(world: FakeServices) -> None:
    with pytest.raises(AnswerLost):
        world.ledger.send(mine(world), TICKET, lambda left_s: fail(KeyError("sdk bug")))

    assert world.jobs.list_calls("job-1")[0].value.state is CallState.UNCERTAIN


def test_call_of_a_dead_sender_is_busy_until_its_lease_expires_then_uncertain(world: FakeServices) -> None:
    claim = mine(world)

    def die(left_s: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.ledger.send(claim, TICKET, die)

    assert isinstance(world.ledger.claim(TICKET), Busy)
    assert world.jobs.list_calls("job-1")[0].value.state is CallState.SENT
    world.clock.pass_s(91)
    assert isinstance(world.ledger.claim(TICKET), Busy)
    assert world.jobs.list_calls("job-1")[0].value.state is CallState.UNCERTAIN


@pytest.mark.parametrize("away", ["read", "write", "answer of the write"])
def test_answer_is_recorded_when_the_store_is_reachable_again(world: FakeServices, away: str) -> None:
    claim = mine(world)
    world.ledger.send(claim, TICKET, lambda _: None)
    name, is_done = ("get_call", False) if away == "read" else ("write", away == "answer of the write")
    real, left = getattr(world.jobs, name), [5]

    def failing(*arguments: Any) -> Any:
        answer = real(*arguments) if is_done or not left[0] else None
        if left[0]:
            left[0] -= 1
            raise Transient("503")
        return answer

    setattr(world.jobs, name, failing)
    settled = world.ledger.settle(claim.call, Receipt(55, "gs://b/a"))

    assert (settled.state, settled.cost_micros) == (CallState.SETTLED, 55)
    assert left == ([4] if is_done else [0])
    assert world.clock.now() - START < timedelta(seconds=30)


def test_error_is_raised_when_the_store_stays_unreachable(world: FakeServices) -> None:
    claim = mine(world)
    world.ledger.send(claim, TICKET, lambda _: None)

    def fail(*_: Any) -> None:
        raise Transient("503")

    world.jobs.write = fail  # type: ignore[method-assign]
    with pytest.raises(Transient, match="503"):
        world.ledger.settle(claim.call, Receipt(55, "gs://b/a"))


def test_late_answer_is_recorded_when_the_job_has_ended(world: FakeServices) -> None:
    claim = mine(world)
    world.ledger.send(claim, TICKET, lambda left_s: cancel(world))

    settled = world.ledger.settle(claim.call, Receipt(2_500_000, "gs://clip"))

    assert (settled.state, settled.cost_micros) == (CallState.SETTLED, 2_500_000)


def test_lease_runs_a_minute_from_the_claim(world: FakeServices) -> None:
    claim = mine(world)

    assert claim.call.lease is not None
    assert claim.call.lease.until == world.clock.now() + timedelta(seconds=60)
