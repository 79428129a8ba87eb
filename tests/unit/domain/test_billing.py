"""A ledger beside a bill: what agrees, what differs, and what a bill can prove (ledger rule 7)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptreel.domain import billing, call_rules
from promptreel.domain.billing import Bill, BillRow, Verdict
from promptreel.domain.call import Call
from promptreel.domain.states import CallState
from promptreel.errors import Invalid
from tests.factories import a_call, later

CLIP = 3_200_000
PREFIX = "jobs/job-1/clips/scene-01/call-1/"


def a_clip(state: CallState, **fields: Any) -> Call:
    cost = CLIP if state in {CallState.SETTLED, CallState.ADOPTED} else 0
    times = {"sent_at": later(0), "answer_by": later(60), "window_end": later(1000)}
    return a_call(state=state, cost_micros=cost, prefix=PREFIX, **{**times, **fields})


def a_picture(call_id: str, state: CallState, *, cost: int = 0, sent_s: float = 0) -> Call:
    times = {"sent_at": later(sent_s), "answer_by": later(sent_s + 60)}
    return a_call(call_id, kind="image", model="painter", state=state, cost_micros=cost, reserved_micros=90, **times)


def a_bill(*rows: BillRow, since_s: float = -100, until_s: float = 5000) -> Bill:
    return Bill(since=later(since_s), until=later(until_s), rows=rows)


def a_row(micros: int, at_s: float = 1, **fields: Any) -> BillRow:
    return BillRow(at=later(at_s), micros=micros, **{"model": "veo-3.1-generate-001", **fields})


def verdicts(bill: Bill, *calls: Call) -> list[Verdict]:
    return [finding.verdict for finding in billing.compare("job-1", calls, bill).findings]


HERE: dict[str, Any] = {"storage_uri": f"gs://artifacts/{PREFIX}"}


@pytest.mark.parametrize(
    ("state", "rows", "verdict"),
    [
        (CallState.SETTLED, [a_row(CLIP, **HERE)], Verdict.AGREES),
        (CallState.SETTLED, [a_row(CLIP, operation="operations/1")], Verdict.AGREES),
        (CallState.SETTLED, [a_row(CLIP + 1, **HERE)], Verdict.DIFFERS),
        (CallState.SETTLED, [a_row(CLIP, **HERE), a_row(CLIP, **HERE)], Verdict.DIFFERS),
        (CallState.SETTLED, [], Verdict.DIFFERS),
        (CallState.ADOPTED, [a_row(CLIP, **HERE)], Verdict.AGREES),
        (CallState.RELEASED, [], Verdict.AGREES),
        (CallState.RELEASED, [a_row(0, **HERE)], Verdict.AGREES),
        (CallState.RELEASED, [a_row(CLIP, **HERE)], Verdict.DIFFERS),
        (CallState.LOST, [a_row(CLIP, **HERE)], Verdict.AGREES),
        (CallState.LOST, [a_row(CLIP - 1, **HERE)], Verdict.DIFFERS),
        (CallState.LOST, [], Verdict.NEVER_BILLED),
        (CallState.LOST, [a_row(0, **HERE)], Verdict.NEVER_BILLED),
        (CallState.LOST, [a_row(CLIP, storage_uri="gs://artifacts/jobs/job-2/clips/")], Verdict.NEVER_BILLED),
        (CallState.SENT, [], Verdict.OPEN),
    ],
)
def test_clip_gets_its_verdict_from_the_bill(state: CallState, rows: list[BillRow], verdict: Verdict) -> None:
    assert verdicts(a_bill(*rows), a_clip(state, operation="operations/1")) == [verdict]


@pytest.mark.parametrize(("since_s", "until_s"), [(1, 5000), (-100, 999)])
def test_bill_proves_nothing_when_it_does_not_cover_the_calls_whole_time(since_s: float, until_s: float) -> None:
    bill = a_bill(since_s=since_s, until_s=until_s)

    assert verdicts(bill, a_clip(CallState.LOST), a_clip(CallState.SETTLED)) == [Verdict.NOT_COVERED] * 2


def test_keyframes_match_bill_lines_by_model_time_and_amount_each_line_once() -> None:
    first, second = a_picture("a", CallState.SETTLED, cost=70), a_picture("b", CallState.SETTLED, cost=70, sent_s=30)
    one = a_row(70, 40, model="painter")

    assert verdicts(a_bill(one, one), first, second) == [Verdict.AGREES] * 2
    assert verdicts(a_bill(one), first, second) == [Verdict.AGREES, Verdict.DIFFERS]
    assert verdicts(a_bill(a_row(70, 500, model="painter")), first) == [Verdict.DIFFERS]
    assert verdicts(a_bill(a_row(70, 40, model="writer")), first) == [Verdict.DIFFERS]


def test_lost_keyframe_is_never_billed_only_if_no_line_can_be_its_own() -> None:
    lost, paid = a_picture("a", CallState.LOST), a_picture("b", CallState.SETTLED, cost=70)
    its_line, another = a_row(70, 5, model="painter"), a_row(71, 5, model="painter")

    assert verdicts(a_bill(its_line), lost, paid) == [Verdict.NEVER_BILLED, Verdict.AGREES]
    assert verdicts(a_bill(its_line, another), lost, paid) == [Verdict.UNCLEAR, Verdict.AGREES]
    assert verdicts(a_bill(its_line, a_row(71, 300, model="painter")), lost, paid)[0] is Verdict.NEVER_BILLED


def test_lost_clip_is_never_billed_only_if_no_operation_of_the_bill_can_be_its_own() -> None:
    unnamed, named = a_clip(CallState.LOST), a_clip(CallState.LOST, operation="p1")
    prediction = a_row(CLIP, operation="p2")

    assert verdicts(a_bill(prediction), unnamed) == [Verdict.UNCLEAR]
    assert verdicts(a_bill(prediction), named) == [Verdict.NEVER_BILLED]
    assert verdicts(a_bill(a_row(CLIP, operation="p2", model="another")), unnamed) == [Verdict.NEVER_BILLED]
    assert verdicts(a_bill(a_row(CLIP, 3000, operation="p2")), unnamed) == [Verdict.NEVER_BILLED]
    assert verdicts(a_bill(a_row(CLIP, operation="p2", storage_uri="gs://b/jobs/j/")), unnamed) == [
        Verdict.NEVER_BILLED
    ]


def test_bill_line_is_reported_when_no_call_explains_it() -> None:
    stray = a_row(CLIP, storage_uri="gs://artifacts/jobs/job-1/clips/scene-09/call-9/")
    others = a_row(CLIP, storage_uri="gs://artifacts/jobs/job-11/clips/scene-09/call-9/")

    assert billing.compare("job-1", [a_clip(CallState.RELEASED)], a_bill(stray, others)).unknown == (stray,)


@given(
    st.lists(st.tuples(st.sampled_from(CallState), st.sampled_from([0, 70, 90])), max_size=5),
    st.lists(st.tuples(st.sampled_from([0, 70, 90]), st.integers(-200, 300)), max_size=5),
)
def test_only_lost_calls_are_never_billed_and_no_line_is_counted_twice_for_any_ledger_and_bill(
    calls: list[tuple[CallState, int]], rows: list[tuple[int, int]]
) -> None:
    call_rules = [a_picture(f"call-{n}", state, cost=cost) for n, (state, cost) in enumerate(calls)]
    bill = a_bill(*(a_row(micros, at_s, model="painter") for micros, at_s in rows))

    findings = billing.compare("job-1", call_rules, bill).findings

    never = [finding.call.state for finding in findings if finding.verdict is Verdict.NEVER_BILLED]
    assert set(never) <= {CallState.LOST}
    assert sum(finding.billed_micros or 0 for finding in findings) <= sum(micros for micros, _ in rows)
    agreeing = [finding for finding in findings if finding.verdict is Verdict.AGREES]
    assert all(finding.call.counted_micros == (finding.billed_micros or 0) for finding in agreeing)


@pytest.mark.parametrize("state", CallState)
def test_release_unbilled_moves_only_a_lost_call(state: CallState) -> None:
    call = a_clip(state, reason="The operation did not end.")

    moved = call_rules.release_unbilled(call, later(2000))

    if state is CallState.LOST:
        assert moved is not None
        assert (moved.state, moved.cost_micros) == (CallState.RELEASED, 0)
        assert moved.reason == "Never billed. The operation did not end."
    else:
        assert moved is None


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        ({}, "since: Field required"),
        ([], "bill: "),
        ({"since": "2026-11-21T10:00:00Z", "until": "2026-11-21T09:00:00Z"}, "until must not be before since"),
        ({"since": "2026-11-21T10:00:00", "until": "2026-11-21T11:00:00Z"}, "timezone"),
        (
            {"since": "2026-11-21T09:00:00Z", "until": "2026-11-21T11:00:00Z", "rows": [{"micros": -1, "usd": "1"}]},
            "rows.0.micros",
        ),
    ],
)
def test_bill_is_refused_with_the_field_when_invalid(payload: Any, fault: str) -> None:
    with pytest.raises(Invalid) as refused:
        billing.parse_bill(payload)

    assert fault in refused.value.message
