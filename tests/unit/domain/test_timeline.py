"""Film time in whole frames: B3, E1."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptreel.domain import timeline
from promptreel.errors import Invalid

LEGAL = st.sampled_from([(4, 6, 8), (8,), (5, 10)])


@given(st.integers(1, 60), LEGAL)
def test_planned_durations_then_are_legal_and_longest_first(count: int, legal: tuple[int, ...]) -> None:
    for asked in (None, count * legal[0], count * legal[-1]):
        planned = timeline.plan_durations(count, asked, legal)

        assert len(planned) == count
        assert set(planned) <= set(legal)
        assert planned == sorted(planned, reverse=True)


@given(st.integers(1, 60), st.floats(4, 480), LEGAL, st.sampled_from([0.0, 0.5, 1.0]))
def test_planned_film_then_misses_the_asked_length_by_at_most_half_a_step(
    count: int, asked_s: float, legal: tuple[int, ...], overlap_s: float
) -> None:
    try:
        planned = timeline.plan_durations(count, asked_s, legal, overlap_s)
    except Invalid:
        shortest = count * legal[0] - (count - 1) * overlap_s
        longest = count * legal[-1] - (count - 1) * overlap_s
        assert asked_s < shortest or asked_s > longest
        return
    steps = [after - before for before, after in pairwise(legal)] or [legal[0]]
    assert abs(sum(planned) - (count - 1) * overlap_s - asked_s) <= max(*steps, legal[0]) / 2 + 1e-9


def test_impossible_length_then_names_both_ends_and_the_way_out() -> None:
    with pytest.raises(Invalid, match=r"2 scenes of 4-8 s make a film of 8-16 s, not 60 s") as refusal:
        timeline.plan_durations(2, 60, (4, 6, 8))
    assert "leave out `scenes`" in refusal.value.remedy


@given(st.lists(st.integers(24, 240), min_size=1, max_size=30), st.integers(0, 24))
def test_film_then_is_as_long_as_its_scenes_less_what_they_share(scenes: list[int], overlap: int) -> None:
    overlaps = [overlap] * (len(scenes) - 1)

    assert timeline.film_frames(scenes, overlaps) == sum(scenes) - overlap * (len(scenes) - 1)


@pytest.mark.parametrize(("seconds", "expected"), [(0.5, 12), ("1.292", 31), (Fraction(1, 48), 1), (0.1, 2)])
def test_seconds_then_become_the_nearest_frame(seconds: float, expected: int) -> None:
    assert timeline.frames(seconds, 24) == expected


@pytest.mark.parametrize(("asked_s", "count"), [(None, None), (4, 1), (8, 1), (9, 2), (32, 4)])
def test_asked_length_then_takes_the_fewest_scenes(asked_s: float | None, count: int | None) -> None:
    assert timeline.scene_count(asked_s, (4, 6, 8)) == count
