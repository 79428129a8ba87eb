"""Encoded segments of one, two and three frames: ffmpeg's filters guess how long such a stream is, a film must not."""

from typing import Any

import pytest

from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import marks, watch

FIRST = 12  # half way between two keyframes: nothing can be copied before the next


def a_part(path: object, frames: int, **more: Any) -> dict[str, Any]:
    return {"path": path, "in_s": FIRST / 24, "out_s": (FIRST + frames) / 24, **more}


@pytest.mark.parametrize(
    "lengths",
    [(1,), (1, 1), (1, 2), (2, 1), (1, 12), (12, 1), (1, 1, 1), (1, 3, 1), (3, 1, 2, 1), (1, 20), (20, 1, 20)],
)
def test_film_has_every_frame_when_windows_of_one_frame_are_cut_together(
    a_clip: ClipMaker, a_film: FilmMaker, lengths: tuple[int, ...]
) -> None:
    parts = [a_part(a_clip(mark=1 + n % 2), frames) for n, frames in enumerate(lengths)]

    film, report = a_film(parts)

    wanted = [(1 + n % 2, FIRST + k) for n, frames in enumerate(lengths) for k in range(frames)]
    assert marks(watch(film)) == wanted
    assert report.warnings == ()


@pytest.mark.parametrize("kind", ["crossfade", "fade_black", "fade_white"])
@pytest.mark.parametrize(
    ("lengths", "shared"),
    [((1, 1), 1), ((1, 12), 1), ((12, 1), 1), ((2, 2), 2), ((3, 2), 2), ((2, 2, 2), 1), ((1, 4), 0)],
)
def test_film_has_every_frame_when_windows_of_few_frames_have_a_transition(
    a_clip: ClipMaker, a_film: FilmMaker, kind: str, lengths: tuple[int, ...], shared: int
) -> None:
    transition = {"kind": kind, "duration_s": shared / 24}
    parts = [a_part(a_clip(mark=1 + n % 2), frames, transition=transition) for n, frames in enumerate(lengths)]
    del parts[-1]["transition"]

    film, report = a_film(parts)

    overlap = shared if kind == "crossfade" else 0
    assert len(watch(film)) == report.frames == sum(lengths) - overlap * (len(lengths) - 1)
    assert report.warnings == ()


def test_copies_are_kept_when_a_cut_leaves_one_frame_to_encode(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    """Frame 61 alone cannot be copied; it shares a run of the encoder with the start of the next clip."""
    film, report = a_film([{"path": a_clip(mark=1), "out_s": 62 / 24}, {"path": a_clip(mark=2), "in_s": 0.5}])

    assert marks(watch(film)) == [(1, n) for n in range(62)] + [(2, n) for n in range(12, 72)]
    assert report.copied_frames >= 56 + 48
    assert report.warnings == ()
