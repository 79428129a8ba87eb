"""Film time in whole frames."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptreel.domain import timeline

LEGAL = st.sampled_from([(4, 6, 8), (8,), (5, 10)])


@given(st.integers(1, 60), LEGAL)
def test_planned_lengths_are_legal_and_longest_first(count: int, legal: tuple[int, ...]) -> None:
    for total in (None, count * legal[0], count * legal[-1]):
        planned = timeline.plan_lengths(count, total, legal)

        assert len(planned) == count
        assert set(planned) <= set(legal)
        assert planned == sorted(planned, reverse=True)


@given(st.integers(1, 8), st.integers(1, 90), LEGAL)
def test_planned_lengths_come_closest_to_their_total_of_all_that_are_possible(
    count: int, total: int, legal: tuple[int, ...]
) -> None:
    planned = sum(timeline.plan_lengths(count, total, legal))

    possible = timeline.possible_totals(count, legal)
    assert planned in possible
    assert abs(planned - total) == min(abs(one - total) for one in possible)


@given(st.lists(st.integers(24, 240), min_size=1, max_size=30), st.integers(0, 24))
def test_film_is_as_long_as_its_scenes_less_their_overlaps(scenes: list[int], overlap: int) -> None:
    overlaps = [overlap] * (len(scenes) - 1)

    assert timeline.film_frames(scenes, overlaps) == sum(scenes) - overlap * (len(scenes) - 1)


@pytest.mark.parametrize(("seconds", "expected"), [(0.5, 12), ("1.292", 31), (Fraction(1, 48), 1), (0.1, 2)])
def test_seconds_become_the_nearest_frame(seconds: float, expected: int) -> None:
    assert timeline.to_frames(seconds, 24) == expected
