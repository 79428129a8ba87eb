"""Fades of a few frames, really rendered: as many frames as planned and no warning."""

import pytest

from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import watch


@pytest.mark.parametrize("kind", ["fade_black", "fade_white", "crossfade"])
@pytest.mark.parametrize("frames", [2, 3])
def test_transition_of_a_tenth_of_a_second_gives_the_planned_frames_and_no_warning(
    a_clip: ClipMaker, a_film: FilmMaker, kind: str, frames: int
) -> None:
    clips = [
        {"path": a_clip(mark=1, frames=96, gop=24), "transition": {"kind": kind, "duration_s": frames / 24}},
        {"path": a_clip(mark=2, frames=96, gop=24), "transition": {"kind": kind, "duration_s": 0.1}},
        {"path": a_clip(mark=1, frames=96, gop=96)},
    ]

    film, report = a_film(clips)

    planned = 3 * 96 - (frames + 2 if kind == "crossfade" else 0)
    assert (len(watch(film)), report.frames, report.warnings) == (planned, planned, ())
