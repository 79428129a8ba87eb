"""The film's arithmetic: frames in, frames out, nothing lost to rounding."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.errors import BadInput
from stitcher_service.engine.timeline import build_timeline

RATES = st.sampled_from([23.976, 24, 25, 29.97, 30, 50])


def a_cut_list(clips: list[dict[str, Any]], fps: float = 24) -> CutList:
    return CutList.model_validate({"size": [320, 180], "fps": fps, "clips": clips})


def joined(kind: str, duration_s: float) -> dict[str, Any]:
    return {"transition": {"kind": kind, "duration_s": duration_s}}


def test_seconds_are_rounded_to_frames() -> None:
    shot = build_timeline(a_cut_list([{"path": "a", "in_s": 1.292, "out_s": 2.7}]), [96]).shots[0]

    assert (shot.first, shot.end) == (31, 65)


def test_both_clips_share_the_frames_of_a_crossfade() -> None:
    clips = [{"path": "a", **joined("crossfade", 0.5)}, {"path": "b"}]

    timeline = build_timeline(a_cut_list(clips), [48, 48])

    assert timeline.frames == 84
    assert timeline.starts == (0, 36)


@pytest.mark.parametrize("kind", ["crossfade", "dip"])
@pytest.mark.parametrize("frames", [0, 1, 13])
def test_transition_has_exactly_its_frames_when_they_are_given(kind: str, frames: int) -> None:
    clips: list[dict[str, Any]] = [{"path": "a"}, {"path": "b"}]
    clips[0]["transition"] = {"kind": kind, "duration_frames": frames}

    first, second = build_timeline(a_cut_list(clips, fps=29.97), [48, 48]).shots

    assert (first.overlap, first.fade_out + second.fade_in) == ((frames, 0) if kind == "crossfade" else (0, frames))


def test_each_clip_has_half_of_a_fade_through_black_and_nothing_overlaps() -> None:
    clips = [{"path": "a", **joined("fade_black", 0.5)}, {"path": "b"}]

    timeline = build_timeline(a_cut_list(clips), [48, 48])

    assert timeline.frames == 96
    assert (timeline.shots[0].fade_out, timeline.shots[1].fade_in) == (6, 6)


@pytest.mark.parametrize(
    ("clip", "reason"),
    [
        ({"out_s": 2.1}, "out_s 2.1 is past its end"),
        ({"in_s": 2.0}, "nothing is left"),
        ({"in_s": 1.001, "out_s": 1.002}, "nothing is left"),
    ],
)
def test_range_is_refused_by_name_when_it_is_outside_its_clip(clip: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInput, match=rf"^b\.mp4: {reason}"):
        build_timeline(a_cut_list([{"path": "a.mp4"}, {"path": "b.mp4", **clip}]), [48, 48])


def test_transitions_are_refused_by_name_when_they_are_longer_than_their_clip() -> None:
    clips = [{"path": n, **joined("crossfade", 1.2)} for n in ("a", "b")] + [{"path": "c"}]

    with pytest.raises(BadInput, match=r"^b: its transitions need 58 frames, but only 48 are used"):
        build_timeline(a_cut_list(clips), [96, 48, 96])


MILLISECONDS = st.integers(0, 2000)
LASTING_MS = st.integers(100, 2000)  # a frame at least, whatever the rate
KINDS = st.sampled_from(["cut", "crossfade", "fade_black", "fade_white", "dip"])


@settings(deadline=None)
@given(cuts=st.lists(st.tuples(MILLISECONDS, MILLISECONDS, KINDS, LASTING_MS), min_size=1, max_size=60), fps=RATES)
def test_any_film_has_the_sum_of_its_shots_less_the_overlaps(cuts: list[tuple[int, int, str, int]], fps: float) -> None:
    clips: list[dict[str, Any]] = [
        {"path": f"{n}", "in_s": in_ms / 1000, "out_s": 8 + more_ms / 1000, **joined(kind, duration_ms / 1000)}
        for n, (in_ms, more_ms, kind, duration_ms) in enumerate(cuts)
    ]
    del clips[-1]["transition"]
    cut_list = a_cut_list(clips, fps)
    lengths = [
        round(Fraction(8000 + more_ms, 1000) * cut_list.rate) - round(Fraction(in_ms, 1000) * cut_list.rate)
        for in_ms, more_ms, _, _ in cuts
    ]

    timeline = build_timeline(cut_list, [600] * len(cuts))

    shared = [round(Fraction(ms, 1000) * cut_list.rate) for _, _, kind, ms in cuts[:-1] if kind == "crossfade"]
    assert timeline.frames == sum(lengths) - sum(shared)
    assert timeline.starts[-1] + lengths[-1] == timeline.frames
    for shot, (_, _, kind, ms) in zip(timeline.shots[:-1], cuts, strict=False):
        faded = round(Fraction(ms, 1000) * cut_list.rate) if kind not in {"cut", "crossfade"} else 0
        assert shot.fade_out == faded // 2


@given(fps=RATES, frame=st.integers(0, 10_000_000))
def test_sample_of_any_frame_is_within_half_a_sample(fps: float, frame: int) -> None:
    timeline = build_timeline(a_cut_list([{"path": "a"}], fps), [1])

    assert abs(timeline.sample_at(frame, 48_000) / Fraction(48_000) - frame / timeline.rate) <= Fraction(1, 96_000)
