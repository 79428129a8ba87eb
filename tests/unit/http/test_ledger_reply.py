"""The ledger as its owner reads it: rows and totals say the same, whatever state a call is in."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptreel.domain.call import committed_micros
from promptreel.domain.money import format_usd
from promptreel.domain.states import FINISHED_CALL_STATES, PAID_CALL_STATES, CallState
from promptreel.http import responses
from promptreel.ports.storage import Create
from promptreel.usecases.job_lifecycle import JobRun
from tests.factories import a_call, a_job
from tests.fakes.services import FakeServices


@st.composite
def any_call(draw: st.DrawFn, state: st.SearchStrategy[CallState]) -> Any:
    found = draw(state)
    cost = draw(st.integers(0, 9_000_000)) if found in PAID_CALL_STATES else 0
    number = draw(st.integers(0, 10**9))
    return a_call(f"call-{number}", state=found, reserved_micros=draw(st.integers(0, 9_000_000)), cost_micros=cost)


def sums(ledger: dict[str, Any]) -> dict[str, int]:
    counted = {"reserved": 0, "spent": 0}
    for row in ledger["calls"]:
        counted[row["counted_as"]] += row["counted_micros"]
    return counted


@settings(deadline=None)
@given(st.lists(any_call(st.sampled_from(CallState)), max_size=12))
def test_rows_add_up_to_the_totals_when_calls_are_in_any_state(calls: list[Any]) -> None:
    ledger = responses.ledger_detail(a_job(), calls)
    totals, shown = ledger["totals"], responses.job_detail(a_job(), [], calls, {})["budget"]

    assert sums(ledger) == {"reserved": totals["reserved_micros"], "spent": totals["spent_micros"]}
    assert totals["reserved_micros"] + totals["spent_micros"] == committed_micros(calls)
    assert (shown["reserved_usd"], shown["spent_usd"]) == (
        format_usd(totals["reserved_micros"]),
        format_usd(totals["spent_micros"]),
    )


@pytest.mark.parametrize("state", CallState)
def test_row_counts_its_cost_when_paid_its_reserve_when_it_may_be_and_nothing_when_released(state: CallState) -> None:
    (row,) = responses.ledger_detail(a_job(), [a_call(state=state, reserved_micros=50, cost_micros=7)])["calls"]

    expected = 0 if state is CallState.RELEASED else 7 if state in PAID_CALL_STATES else 50
    assert (row["counted_micros"], row["counted_as"]) == (
        expected,
        "spent" if state in FINISHED_CALL_STATES else "reserved",
    )


@pytest.mark.parametrize("state", CallState)
def test_closed_job_reports_what_was_spent_without_what_is_still_reserved(
    world: FakeServices, state: CallState
) -> None:
    output = {
        "film_uri": "gs://b/f",
        "poster_uri": "gs://b/p",
        "frames": 1,
        "width_px": 16,
        "height_px": 9,
        "copied_frames": 0,
    }
    job = a_job(state="STITCH", output={**output, "digest": "d"})
    calls = [a_call("c1", state="SETTLED", cost_micros=1_000_000), a_call("c2", state=state, cost_micros=7)]
    world.jobs.write(Create("job-1", job), *(Create("job-1", call) for call in calls))

    closed = world.close_job(JobRun("job-1", job.run))
    totals = responses.ledger_detail(job, [read.value for read in world.jobs.list_calls("job-1")])["totals"]

    assert closed.spent_usd == format_usd(totals["spent_micros"])


def test_row_names_the_call_whose_artifact_was_copied() -> None:
    source = {"job": "job-0", "call": "call-0"}
    calls = [a_call("c1", state="SETTLED", source=source), a_call("c2", state="SETTLED")]

    rows = responses.ledger_detail(a_job(), calls)["calls"]

    assert [row["source"] for row in rows] == [source, None]
