"""When a clip is polled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptreel.usecases import poll_clips


@pytest.mark.parametrize(
    ("elapsed_s", "wait_s"), [(0, 30), (29, 1), (30, 10), (120, 10), (240, 10), (280, 20), (400, 50), (2000, 60)]
)
def test_clip_is_polled_when_it_may_be_ready(elapsed_s: float, wait_s: float) -> None:
    assert poll_clips.wait_s(elapsed_s, 120) == wait_s


@given(st.floats(0, 10_000), st.floats(1, 1000))
def test_wait_is_above_zero_and_at_most_a_minute_when_a_clip_can_be_ready(elapsed_s: float, usual_s: float) -> None:
    assert 0 < poll_clips.wait_s(elapsed_s, usual_s) <= max(poll_clips.LONGEST_S, usual_s * poll_clips.SOONEST)
