"""The plan: every frame of the film exactly once, copied wherever a decoder would not notice."""

from fractions import Fraction
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.planning import choose_format, find_copied_segments, make_plan
from stitcher_service.engine.render_plan import EncodedSegment, RenderPlan
from stitcher_service.engine.timeline import build_timeline
from stitcher_service.ffmpeg.probe import Colour, VideoTrack
from tests.stitcher.tracks import a_track


def a_plan(clips: list[dict[str, Any]], tracks: list[VideoTrack], fps: float = 24) -> RenderPlan:
    entries = [{"path": f"clip-{n}", **clip} for n, clip in enumerate(clips)]
    cut_list = CutList.model_validate({"size": [320, 180], "fps": fps, "clips": entries})
    film = choose_format(cut_list, tracks)
    return make_plan(film, build_timeline(cut_list, [track.frames_at(film.rate) for track in tracks]), tracks)


def shape(plan: RenderPlan) -> list[tuple[str, int]]:
    return [(segment.kind, segment.frames) for segment in plan.segments]


def crossfade(duration_s: float) -> dict[str, Any]:
    return {"transition": {"kind": "crossfade", "duration_s": duration_s}}


def test_plan_copies_like_clips_completely() -> None:
    assert shape(a_plan([{}, {}], [a_track(), a_track(48)])) == [("copy", 72), ("copy", 48)]


def test_only_frames_up_to_the_next_keyframe_are_encoded_when_a_clip_starts_off_one() -> None:
    assert shape(a_plan([{"in_s": 0.5}], [a_track()])) == [("encode", 12), ("copy", 48)]


def test_copying_reaches_the_last_gapless_frame_when_a_clip_ends_off_a_keyframe() -> None:
    """Frames 48 | 51 49 50 | 54 52 53 …: up to frame 60 all is decoded, frame 61 needs frame 63, which is cut off."""
    assert shape(a_plan([{"out_s": 62 / 24}], [a_track()])) == [("copy", 61), ("encode", 1)]


def test_copying_stops_before_the_gap_when_pictures_decoded_ahead_are_trimmed() -> None:
    """Frame 7 is decoded before 4 to 6, and they stand behind frame 12, which is beyond the end."""
    order = (0, 1, 2, 3, 7, 12, 5, 4, 6, 8, 9, 10, 11)
    track = a_track(13, packet_frames=order, packet_is_idr=tuple(frame == 0 for frame in order))

    copies = find_copied_segments(track, 0, 0, 10)

    assert [(copy.first, copy.frames) for copy in copies] == [(0, 4)]


def test_only_the_crossfade_and_ragged_ends_are_encoded() -> None:
    plan = a_plan([crossfade(0.5), {}], [a_track(), a_track()])

    assert shape(plan) == [("copy", 58), ("blend", 26), ("copy", 48)]
    segment = plan.encoded_segments[0]
    assert [(take.clip, take.first, take.frames) for take in segment.takes] == [(0, 58, 14), (1, 0, 24)]
    assert segment.overlaps == (12,)
    assert segment.why == (
        "after the last frame that can be copied; crossfade of 12 frames; up to the first IDR picture"
    )


def test_fade_through_black_puts_fades_on_both_ends() -> None:
    fade = {"transition": {"kind": "fade_black", "duration_s": 0.5}}

    segment = a_plan([fade, {}], [a_track(), a_track()]).encoded_segments[0]

    assert (segment.takes[0].fade_out, segment.takes[1].fade_in) == (6, 6)
    assert segment.overlaps == (0,)


@pytest.mark.parametrize(
    ("unlike", "why"),
    [
        ({"codec": "hevc"}, "codec is hevc"),
        ({"width_px": 640}, "size is 640x180"),
        ({"rotation_deg": 90}, "rotated by 90 degrees"),
        ({"pixel_format": "yuv444p"}, "pixel format is yuv444p"),
        ({"pixel_aspect": Fraction(4, 3)}, "pixels are 4/3 wide"),
        ({"is_interlaced": True}, "interlaced"),
        ({"times_s": tuple(Fraction(n, 30) for n in range(72))}, "its frames are not on the film's clock"),
        ({"colour": Colour(9, 16, 9)}, "colour description differs from the film's"),
        ({"packet_sets": (None,) * 72}, "not stored as avcC with 4-byte lengths"),
    ],
)
def test_unlike_clip_is_encoded_and_the_plan_says_why(unlike: dict[str, Any], why: str) -> None:
    plan = a_plan([{}, {}], [a_track(), a_track(**unlike)])

    assert [segment.kind for segment in plan.segments] == ["copy", "encode"]
    assert plan.encoded_segments[0].why == why


@pytest.mark.parametrize("colour", [Colour(1, 1, 1), Colour(6, 6, 6), Colour(2, 2, 6), Colour(1, 13, 1)])
def test_film_has_the_colour_of_its_clips_and_copies_them_when_they_share_one(colour: Colour) -> None:
    plan = a_plan([{}, {}, {}], [a_track(), a_track(colour=colour), a_track(colour=colour)])

    assert plan.film.colour == colour
    assert [segment.kind for segment in plan.segments] == ["encode", "copy", "copy"]


@pytest.mark.parametrize("colour", [Colour(9, 16, 9), Colour(9, 18, 9), Colour(1, 1, 1, is_full_range=True)])
def test_film_is_bt709_when_browsers_cannot_show_the_colour_of_its_clips(colour: Colour) -> None:
    plan = a_plan([{}], [a_track(colour=colour)])

    assert plan.film.colour == Colour(1, 1, 1)
    assert plan.copied_frames == 0


def test_copying_does_not_start_at_a_recovery_point_when_an_open_group_is_trimmed() -> None:
    only_first = tuple(n == 0 for n in range(72))

    assert a_plan([{"in_s": 0.5}], [a_track(packet_is_idr=only_first)]).copied_frames == 0


def test_long_encoded_clip_between_two_crossfades_is_divided() -> None:
    plan = a_plan([crossfade(0.5), crossfade(0.5), {}], [a_track(), a_track(240, codec="hevc"), a_track()])

    assert shape(plan) == [("copy", 58), ("blend", 14), ("blend", 240), ("copy", 48)]


@given(
    frames=st.integers(1, 100),
    gop=st.integers(1, 40),
    b_frames=st.integers(0, 3),
    first=st.integers(0, 60),
    data=st.data(),
)
def test_any_copied_segment_has_the_packets_of_its_frames_and_starts_at_an_idr(
    frames: int, gop: int, b_frames: int, first: int, data: st.DataObject
) -> None:
    track = a_track(frames, gop, b_frames)
    end = first + data.draw(st.integers(0, 60))

    for copy in find_copied_segments(track, 0, first, end):
        shown = track.packet_frames[copy.packet_first : copy.packet_first + copy.frames]
        assert sorted(shown) == list(range(copy.first, copy.end))
        assert first <= copy.first < copy.end <= end
        assert track.packet_is_idr[copy.packet_first]


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_plan_has_every_frame_of_every_shot_once_and_in_order(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 5))
    tracks = [
        a_track(
            data.draw(st.integers(80, 160)),
            data.draw(st.sampled_from([1, 12, 24, 200])),
            data.draw(st.integers(0, 3)),
            codec=data.draw(st.sampled_from(["h264", "hevc"])),
        )
        for _ in range(count)
    ]
    clips: list[dict[str, Any]] = [{"in_s": data.draw(st.integers(0, 20)) / 24} for _ in range(count)]
    for clip in clips[:-1]:
        kind = data.draw(st.sampled_from(["cut", "crossfade", "fade_black", "fade_white", "dip"]))
        clip["transition"] = {"kind": kind, "duration_s": data.draw(st.integers(0, 30)) / 24}
    cut_list = CutList.model_validate(
        {"size": [320, 180], "fps": 24, "clips": [{"path": f"{n}", **clip} for n, clip in enumerate(clips)]}
    )
    timeline = build_timeline(cut_list, [track.frames for track in tracks])

    film = choose_format(cut_list, tracks)
    shown = sorted(
        (start + n, shot.clip, shot.first + n)
        for shot, start in zip(timeline.shots, timeline.starts, strict=True)
        for n in range(shot.frames)
    )

    for plan in (make_plan(film, timeline, tracks), make_plan(film, timeline, tracks, may_copy=False)):
        assert plan.frames == timeline.frames == plan.copied_frames + plan.encoded_frames
        assert sorted(_placed(plan)) == shown


def _placed(plan: RenderPlan) -> list[tuple[int, int, int]]:
    """Film frame, clip and clip frame of everything that is shown; in a crossfade two stand at one film frame."""
    placed = []
    at = 0
    for segment in plan.segments:
        takes: tuple[Any, ...] = segment.takes if isinstance(segment, EncodedSegment) else (segment,)
        overlaps = segment.overlaps if isinstance(segment, EncodedSegment) else ()
        steps = [take.frames - overlap for take, overlap in zip(takes, (*overlaps, 0), strict=True)]
        starts = list(accumulate(steps, initial=at))
        for take, start in zip(takes, starts, strict=False):
            placed += [(start + n, take.clip, take.first + n) for n in range(take.frames)]
        at = starts[-1]
    return placed
