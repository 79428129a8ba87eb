"""Smart render is chosen where it pays, and the plan says why (E8)."""

from typing import Any

import pytest

from stitcher_service.choice import choose
from stitcher_service.cutlist import CutList
from stitcher_service.ffmpeg.probe import VideoTrack
from stitcher_service.plan import MAX_MERGED_FRAMES, MAX_MERGED_TAKES, film_format
from stitcher_service.segments import Plan
from stitcher_service.timeline import lay_out
from tests.stitcher.tracks import a_track

EIGHT_SECONDS = 192


def chosen(tracks: list[VideoTrack], kind: str = "crossfade", duration_s: float = 0.5) -> Plan:
    entries: list[dict[str, Any]] = [
        {"path": f"{n}", "transition": {"kind": kind, "duration_s": duration_s}} for n in range(len(tracks))
    ]
    del entries[-1]["transition"]
    cut_list = CutList.model_validate({"size": [320, 180], "fps": 24, "clips": entries})
    timeline = lay_out(cut_list, [track.frames for track in tracks])
    return choose(film_format(cut_list, tracks), timeline, tracks)


def test_clips_with_groups_of_24_when_crossfaded_then_84_percent_are_copied() -> None:
    plan = chosen([a_track(EIGHT_SECONDS)] * 10)

    assert plan.why.startswith("smart render: ")
    assert plan.copied_frames / plan.frames >= 0.84


def test_clips_of_one_group_each_when_crossfaded_then_a_plain_encode_is_chosen_and_the_plan_says_why() -> None:
    plan = chosen([a_track(EIGHT_SECONDS, gop=EIGHT_SECONDS)] * 10)

    assert plan.copied_frames == 0
    assert plan.why.startswith("plain encode, as smart render would be slower: 178 of 1812 frames can be copied; ")


@pytest.mark.parametrize("gop", [24, 48, EIGHT_SECONDS])
def test_any_groups_when_only_cut_then_all_is_copied(gop: int) -> None:
    plan = chosen([a_track(EIGHT_SECONDS, gop=gop)] * 10, "cut", 0)

    assert plan.copied_frames == plan.frames == 10 * EIGHT_SECONDS
    assert plan.why == "smart render: 1920 of 1920 frames can be copied"


def test_clips_that_cannot_be_copied_then_the_plan_is_plain_and_names_the_obstacle() -> None:
    plan = chosen([a_track(codec="hevc")] * 2)

    assert plan.why == "plain encode: 0 of 132 frames can be copied"
    assert "codec is hevc" in plan.windows[0].why


@pytest.mark.parametrize(
    ("frames", "kind", "duration_s"), [(48, "crossfade", 0.5), (24, "crossfade", 0.5), (1, "cut", 0)]
)
def test_many_short_clips_that_are_encoded_then_no_run_of_ffmpeg_holds_more_than_a_few(
    frames: int, kind: str, duration_s: float
) -> None:
    plan = chosen([a_track(frames, codec="hevc")] * 60, kind, duration_s)

    assert max(len(window.takes) for window in plan.windows) <= MAX_MERGED_TAKES + 1
    assert max(window.frames for window in plan.windows) <= 2 * MAX_MERGED_FRAMES
