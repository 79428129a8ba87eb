"""Whatever can be copied is copied, whatever else has to be encoded beside it."""

from typing import Any

import pytest

from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.planning import MAX_MERGED_FRAMES, MAX_MERGED_TAKES, choose_format, make_plan
from stitcher_service.engine.render_plan import RenderPlan
from stitcher_service.engine.timeline import build_timeline
from stitcher_service.ffmpeg.probe import VideoTrack
from tests.stitcher.tracks import a_track

EIGHT_SECONDS = 192


def a_plan(tracks: list[VideoTrack], kind: str = "cut", duration_s: float = 0, **clip: Any) -> RenderPlan:
    entries: list[dict[str, Any]] = [
        {"path": f"{n}", "transition": {"kind": kind, "duration_s": duration_s}, **clip} for n in range(len(tracks))
    ]
    del entries[-1]["transition"]
    cut_list = CutList.model_validate({"size": [320, 180], "fps": 24, "clips": entries})
    film = choose_format(cut_list, tracks)
    return make_plan(film, build_timeline(cut_list, [track.frames for track in tracks]), tracks)


def test_clips_with_groups_of_24_keep_84_percent_when_crossfaded() -> None:
    plan = a_plan([a_track(EIGHT_SECONDS)] * 10, "crossfade", 0.5)

    assert plan.copied_frames / plan.frames >= 0.84


def test_clips_of_one_group_are_copied_up_to_the_first_transition_when_crossfaded() -> None:
    plan = a_plan([a_track(EIGHT_SECONDS, gop=EIGHT_SECONDS)] * 10, "crossfade", 0.5)

    assert (plan.copied_frames, plan.frames) == (178, 1812)


@pytest.mark.parametrize("gop", [24, 48, EIGHT_SECONDS])
def test_all_is_copied_when_clips_of_any_groups_are_cut_together(gop: int) -> None:
    plan = a_plan([a_track(EIGHT_SECONDS, gop=gop)] * 10)

    assert (plan.copied_frames, plan.frames) == (1920, 1920)


@pytest.mark.parametrize("b_frames", [0, 1, 2, 3])
@pytest.mark.parametrize("gop", [12, 24, EIGHT_SECONDS])
@pytest.mark.parametrize("clips", [1, 2, 3, 10])
def test_trimmed_clips_lose_no_more_than_a_group_of_b_frames_each_when_cut_at_any_point(
    clips: int, gop: int, b_frames: int
) -> None:
    track = a_track(96, gop, b_frames)

    lost = {
        end: a_plan([track] * clips, out_s=end / 24).encoded_frames / clips
        for end in range(1, 97)
        if end > b_frames + 4  # below that a copy would be shorter than four frames
    }

    assert {end: frames for end, frames in lost.items() if frames > b_frames} == {}


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_clip_of_few_frames_is_copied_when_all_of_it_is_shown(frames: int) -> None:
    plan = a_plan([a_track(frames)] * 4)

    assert plan.copied_frames == plan.frames == 4 * frames


def test_plan_names_the_obstacle_when_clips_cannot_be_copied() -> None:
    plan = a_plan([a_track(codec="hevc")] * 2, "crossfade", 0.5)

    assert (plan.copied_frames, plan.frames) == (0, 132)
    assert "codec is hevc" in plan.encoded_segments[0].why


@pytest.mark.parametrize(
    ("frames", "kind", "duration_s"), [(48, "crossfade", 0.5), (24, "crossfade", 0.5), (1, "cut", 0)]
)
def test_no_run_of_ffmpeg_holds_more_than_a_few_clips_when_many_short_ones_are_encoded(
    frames: int, kind: str, duration_s: float
) -> None:
    plan = a_plan([a_track(frames, codec="hevc")] * 60, kind, duration_s)

    assert max(len(segment.takes) for segment in plan.encoded_segments) <= MAX_MERGED_TAKES + 1
    assert max(segment.frames for segment in plan.encoded_segments) <= 2 * MAX_MERGED_FRAMES
