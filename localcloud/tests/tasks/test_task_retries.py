"""The pure rules of what follows an attempt."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.tasks.retries import UNLIMITED, Fate, RetryRule


def a_rule(
    *,
    max_attempts: int = 5,
    max_retry_s: float = 0,
    min_backoff_s: float = 10,
    max_backoff_s: float = 300,
    max_doublings: int = 3,
) -> RetryRule:
    return RetryRule(max_attempts, max_retry_s, min_backoff_s, max_backoff_s, max_doublings)


def test_waits_are_those_of_the_documentation_when_its_example_fails_eight_times() -> None:
    rule = a_rule(min_backoff_s=10, max_backoff_s=300, max_doublings=3)

    assert [rule.wait_s(n) for n in range(1, 9)] == [10, 20, 40, 80, 160, 240, 300, 300]


def test_waits_grow_by_the_shortest_when_the_rule_has_no_doublings() -> None:
    rule = a_rule(min_backoff_s=5, max_backoff_s=18, max_doublings=0)

    assert [rule.wait_s(n) for n in range(1, 6)] == [5, 10, 15, 18, 18]


@settings(deadline=None)  # a busy machine is no reason to fail
@given(st.floats(0, 100), st.floats(0, 3600), st.integers(0, 10_000), st.integers(1, 10_000))
def test_waits_never_shrink_and_stay_within_the_limits_when_a_task_keeps_failing(
    min_backoff_s: float, extra_s: float, max_doublings: int, failures: int
) -> None:
    rule = a_rule(min_backoff_s=min_backoff_s, max_backoff_s=min_backoff_s + extra_s, max_doublings=max_doublings)

    assert min_backoff_s <= rule.wait_s(failures) <= rule.wait_s(failures + 1) <= min_backoff_s + extra_s


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_task_is_done_even_on_its_last_attempt_when_any_success_is_answered(status: int) -> None:
    assert a_rule(max_attempts=1).fate(status, attempts=1, age_s=0) is Fate.DONE


@pytest.mark.parametrize("status", [None, 100, 302, 400, 404, 429, 500, 503])
def test_task_is_repeated_after_any_failure_when_attempts_are_left(status: int | None) -> None:
    assert a_rule(max_attempts=2).fate(status, attempts=1, age_s=0) is Fate.AGAIN
    assert a_rule(max_attempts=2).fate(status, attempts=2, age_s=0) is Fate.GIVEN_UP


def test_task_is_repeated_when_only_one_of_two_limits_is_used_up() -> None:
    rule = a_rule(max_attempts=3, max_retry_s=60)

    assert rule.fate(500, attempts=9, age_s=59) is Fate.AGAIN
    assert rule.fate(500, attempts=2, age_s=61) is Fate.AGAIN
    assert rule.fate(500, attempts=3, age_s=61) is Fate.GIVEN_UP


def test_task_is_given_up_only_by_its_time_limit_when_attempts_are_unlimited() -> None:
    assert a_rule(max_attempts=UNLIMITED).fate(500, attempts=10**6, age_s=10**9) is Fate.AGAIN
    assert a_rule(max_attempts=UNLIMITED, max_retry_s=60).fate(500, attempts=2, age_s=60) is Fate.GIVEN_UP
