"""The ledger's rules one by one (docs/ledger.md): what each may write, and that it writes nothing else."""

from typing import Any

import pytest

from promptreel.domain import call_rules
from promptreel.domain.call import Call, CallSource, Lease, committed_micros
from promptreel.domain.call_rules import Receipt, SendTimes
from promptreel.domain.states import CallState
from tests.factories import a_call, later

NOW = later(100)


def held(state: CallState, *, until_s: float = 200, **fields: Any) -> Call:
    """A call whose lease is ours."""
    window = {} if state is CallState.RESERVED else {"sent_at": later(90), "answer_by": later(150)}
    window |= {} if state is CallState.RESERVED else {"window_end": later(1000)}
    return a_call(state=state, lease=Lease(holder="me", until=later(until_s)), digest="d", **{**window, **fields})


def claim(call: Call, holder: str = "you") -> Call | None:
    return call_rules.claim(call, call_rules.new_lease(holder, 1.0, NOW), digest="d", prefix="p/", now=NOW)


def send(call: Call, holder: str = "me") -> Call | None:
    return call_rules.send(call, holder, SendTimes(timeout_s=60, window_s=900, pace=1.0), NOW)


def test_planned_call_is_reserved_with_a_lease_when_claimed() -> None:
    claimed = claim(a_call())

    assert claimed is not None
    assert (claimed.state, claimed.prefix) == (CallState.RESERVED, "p/")
    assert claimed.lease == Lease(holder="you", until=later(160))


def test_reserved_call_is_claimed_only_when_its_lease_has_expired() -> None:
    assert claim(held(CallState.RESERVED)) is None
    assert claim(held(CallState.RESERVED, until_s=100)) is not None


@pytest.mark.parametrize("state", sorted(set(CallState) - {CallState.PLANNED, CallState.RESERVED}))
def test_call_is_not_claimed_when_in_any_other_state(state: CallState) -> None:
    assert claim(held(state, until_s=0)) is None


@pytest.mark.parametrize("state", sorted(CallState))
def test_call_is_settled_by_a_copy_only_by_its_holder_within_its_lease_and_unsent(state: CallState) -> None:
    copied = call_rules.Copied(CallSource(job="job-0", call="call-0"), "gs://b/jobs/job-1/reused/call-0.mp4", "cropped")

    reused = call_rules.reuse(held(state), "me", copied, NOW)

    assert call_rules.reuse(held(state), "you", copied, NOW) is None
    assert call_rules.reuse(held(state, until_s=100), "me", copied, NOW) is None
    assert (reused is not None) == (state is CallState.RESERVED)
    if reused is not None:
        assert (reused.state, reused.source, reused.artifact) == (CallState.SETTLED, copied.source, copied.artifact)
        assert (reused.counted_micros, reused.reason) == (0, "cropped")


def test_window_runs_from_answer_by_for_the_longest_latency_and_two_minutes() -> None:
    sent = send(held(CallState.RESERVED))

    assert sent is not None
    assert (sent.state, sent.sent_at, sent.answer_by) == (CallState.SENT, NOW, later(160))
    assert sent.window_end == later(160 + 900 + 120)
    assert sent.lease == Lease(holder="me", until=later(190))


def test_call_is_sent_only_by_its_holder_within_its_lease() -> None:
    assert send(held(CallState.RESERVED), "you") is None
    assert send(held(CallState.RESERVED, until_s=100)) is None
    assert send(a_call()) is None


def test_unpaid_call_is_planned_again_and_only_released_when_it_was_lost() -> None:
    for state in (CallState.SENT, CallState.UNCERTAIN):
        again = call_rules.record_unpaid(held(state), "me", "429", NOW)
        assert again is not None
        assert (again.state, again.lease, again.reason) == (CallState.PLANNED, None, "429")
    released = call_rules.record_unpaid(held(CallState.LOST), "me", "429", NOW)
    assert released is not None
    assert released.state is CallState.RELEASED


def test_every_later_write_of_a_sender_needs_its_own_token() -> None:
    sent = held(CallState.SENT)

    assert call_rules.record_unpaid(sent, "you", "", NOW) is None
    assert call_rules.record_refused(sent, "you", "", (), NOW) is None
    assert call_rules.record_answer_lost(sent, "you", "", NOW) is None


def test_operation_name_is_stored_once_and_even_on_a_lost_call() -> None:
    for state in (CallState.SENT, CallState.UNCERTAIN, CallState.LOST):
        named = call_rules.record_operation(held(state), "operations/1", NOW)
        assert named is not None
        assert (named.state, named.operation) == (state, "operations/1")
        assert call_rules.record_operation(named, "operations/2", NOW) is None


def test_late_answer_is_recorded_with_its_real_cost_when_the_call_was_lost() -> None:
    settled = call_rules.settle(held(CallState.LOST), Receipt(7, "gs://a"), NOW)

    assert settled is not None
    assert (settled.state, settled.cost_micros) == (CallState.SETTLED, 7)


def test_uncertain_call_is_lost_only_by_a_look_that_began_after_its_window() -> None:
    uncertain = held(CallState.UNCERTAIN)

    assert call_rules.give_up_after_window(uncertain, later(1000), "", later(2000)) is None
    given_up = call_rules.give_up_after_window(uncertain, later(1001), "", later(2000))
    assert given_up is not None
    assert given_up.state is CallState.LOST


def test_any_worker_moves_an_expired_lease_unless_the_call_has_an_operation() -> None:
    reserved = call_rules.expire(held(CallState.RESERVED, until_s=100), NOW)
    sent = call_rules.expire(held(CallState.SENT, until_s=100), NOW)

    assert reserved is not None
    assert sent is not None
    assert (reserved.state, reserved.lease) == (CallState.PLANNED, None)
    assert sent.state is CallState.UNCERTAIN
    assert call_rules.expire(held(CallState.SENT, until_s=100, operation="operations/1"), NOW) is None
    assert call_rules.expire(held(CallState.RESERVED), NOW) is None


def test_planned_call_is_released_and_spends_no_remedy_when_its_job_ended() -> None:
    released = call_rules.abandon(a_call(), NOW)

    assert released is not None
    assert (released.state, released.counts_as_attempt) == (CallState.RELEASED, False)
    assert call_rules.abandon(held(CallState.SENT), NOW) is None


def test_sum_counts_cost_of_paid_and_reserved_price_of_open_and_lost_calls() -> None:
    calls = [
        a_call(state=CallState.SETTLED, reserved_micros=9, cost_micros=5),
        a_call(state=CallState.ADOPTED, reserved_micros=9, cost_micros=9),
        a_call(state=CallState.PLANNED, reserved_micros=100),
        a_call(state=CallState.UNCERTAIN, reserved_micros=1_000),
        a_call(state=CallState.LOST, reserved_micros=10_000),
        a_call(state=CallState.RELEASED, reserved_micros=100_000),
    ]

    assert committed_micros(calls) == 11_114
