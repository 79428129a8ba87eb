"""The transition tables hold for every sequence of events."""

from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptreel.domain import states
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.errors import Conflict
from tests.factories import a_job, later

TABLES = [states.JOB_MOVES, states.SCENE_MOVES, states.CALL_MOVES]


@pytest.mark.parametrize(("table", "kind"), list(zip(TABLES, [JobState, SceneState, CallState], strict=True)))
def test_table_contains_every_state(table: Any, kind: type[StrEnum]) -> None:
    assert set(table) == set(kind)


def test_unfinished_job_can_always_fail_and_be_cancelled() -> None:
    for state in set(JobState) - states.FINAL_JOB_STATES:
        assert {JobState.FAILED, JobState.CANCELLED} <= states.JOB_MOVES[state]


def test_every_job_can_be_deleted_once_and_for_good() -> None:
    for state in set(JobState) - states.DELETED_JOB_STATES:
        assert JobState.DELETING in states.JOB_MOVES[state]
    assert states.JOB_MOVES[JobState.DELETING] == {JobState.DELETED}
    assert states.JOB_MOVES[JobState.DELETED] == frozenset()


@given(st.lists(st.sampled_from(JobState)))
def test_final_state_is_left_only_by_deletion_and_an_illegal_move_changes_nothing(
    wanted: list[JobState],
) -> None:
    job = a_job()
    for state in wanted:
        before = job
        try:
            job = job.to(state, later(1))
        except Conflict:
            assert state not in states.JOB_MOVES[before.state]
            assert job == before
        else:
            assert before.state not in states.FINAL_JOB_STATES or state in states.DELETED_JOB_STATES


def test_paid_call_stays_paid() -> None:
    for state in (CallState.SETTLED, CallState.ADOPTED, CallState.RELEASED):
        assert states.CALL_MOVES[state] == frozenset()
