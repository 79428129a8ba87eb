"""Film time in whole frames."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptreel.domain import timeline


@given(st.lists(st.integers(24, 240), min_size=1, max_size=30), st.integers(0, 24))
def test_film_is_as_long_as_its_scenes_less_their_overlaps(scenes: list[int], overlap: int) -> None:
    overlaps = [overlap] * (len(scenes) - 1)

    assert timeline.film_frames(scenes, overlaps) == sum(scenes) - overlap * (len(scenes) - 1)


@pytest.mark.parametrize(("seconds", "expected"), [(0.5, 12), ("1.292", 31), (Fraction(1, 48), 1), (0.1, 2)])
def test_seconds_become_the_nearest_frame(seconds: float, expected: int) -> None:
    assert timeline.to_frames(seconds, 24) == expected
