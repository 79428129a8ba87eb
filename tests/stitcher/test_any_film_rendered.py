"""Films cut at random from tiny clips, really rendered: every frame and sound where arithmetic puts it.

The random numbers are fixed: the same films every time.
"""

import random
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import Seen, listen, pitch, watch

FPS = 24
KINDS = ("cut", "crossfade", "fade_black", "fade_white", "dip")
TONES_HZ = {1: 440.0, 2: 880.0, 3: 1320.0}


def an_order(a_clip: ClipMaker, seed: int) -> list[dict[str, Any]]:
    """Eight shots from three clips, one of them in a long group, trimmed and joined at random."""
    chosen = random.Random(seed)
    order: list[dict[str, Any]] = []
    for _ in range(8):
        mark = chosen.choice([1, 2, 3])
        path = a_clip(mark=mark, frames=60, gop=60 if mark == 3 else 12, tone_hz=TONES_HZ[mark])
        first, end = chosen.randint(0, 14), chosen.randint(40, 60)
        transition = {"kind": chosen.choice(KINDS), "duration_s": chosen.randint(0, 12) / FPS}
        order.append({"path": path, "in_s": first / FPS, "out_s": end / FPS, "transition": transition, "mark": mark})
    order[-1]["transition"] = {"kind": "cut"}
    return order


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_any_film_has_every_frame_and_sound_where_the_arithmetic_puts_it(
    a_clip: ClipMaker, a_film: FilmMaker, seed: int
) -> None:
    order = an_order(a_clip, seed)
    spans = [(round(clip["in_s"] * FPS), round(clip["out_s"] * FPS)) for clip in order]
    lengths = [round(clip["transition"].get("duration_s", 0) * FPS) for clip in order]
    kinds = [clip["transition"]["kind"] for clip in order]
    shared = [n if kind == "crossfade" else 0 for n, kind in zip(lengths, kinds, strict=True)]
    faded = [0 if kind in {"cut", "crossfade"} else n for n, kind in zip(lengths, kinds, strict=True)]
    starts = [0, *accumulate(end - first - both for (first, end), both in zip(spans, shared, strict=True))]

    film, report = a_film([{key: value for key, value in clip.items() if key != "mark"} for clip in order])

    seen, heard = watch(film), listen(film)
    assert len(seen) == report.frames == starts[-1]
    assert [frame.time_s * FPS for frame in seen] == list(range(starts[-1]))
    assert abs(heard.shape[1] - starts[-1] * 2000) <= 1024
    for n, (first, end) in enumerate(spans):
        head = (shared[n - 1] + faded[n - 1] - faded[n - 1] // 2) if n else 0
        tail = shared[n] + faded[n] // 2
        clear = range(starts[n] + head, starts[n] + end - first - tail)
        _assert_shown(seen, clear, order[n]["mark"], first - starts[n])
        _assert_heard(heard, clear, TONES_HZ[order[n]["mark"]])


def _assert_shown(seen: list[Seen], clear: range, mark: int, shift: int) -> None:
    assert [(seen[at].mark, seen[at].frame) for at in clear] == [(mark, at + shift) for at in clear]


def _assert_heard(heard: npt.NDArray[np.float32], clear: range, tone_hz: float) -> None:
    """The tone is there from the first clear frame to the last."""
    assert pitch(heard, clear.start / FPS, clear.start / FPS + 0.1) == pytest.approx(tone_hz, abs=15)
    assert pitch(heard, clear.stop / FPS - 0.1, clear.stop / FPS) == pytest.approx(tone_hz, abs=15)


def test_film_of_sixty_scenes_has_no_drift_of_picture_or_sound_at_its_end(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    """23 frames are 44.9 AAC packets: joined packets would be seconds late by the end."""
    size = (160, 96)
    low = a_clip(mark=1, frames=23, size=size, tone_hz=440)
    high = a_clip(mark=2, frames=23, size=size, tone_hz=1320)

    film, report = a_film([{"path": low}, {"path": high}] * 30, size=size)

    seen, heard = watch(film), listen(film)
    assert report.copied_frames == report.frames == len(seen) == 60 * 23
    assert [(frame.mark, frame.frame) for frame in seen] == [(1 + n // 23 % 2, n % 23) for n in range(60 * 23)]
    for joint in range(1, 60):
        before, after = (440, 1320) if joint % 2 else (1320, 440)
        assert pitch(heard, joint * 23 / FPS - 0.05, joint * 23 / FPS) == pytest.approx(before, abs=60)
        assert pitch(heard, joint * 23 / FPS, joint * 23 / FPS + 0.05) == pytest.approx(after, abs=60)


def test_film_sound_begins_and_ends_with_the_picture(a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path) -> None:
    """AAC begins with a packet that is not played and ends with one that is padded."""
    film, report = a_film([{"path": a_clip(mark=1, frames=47)}])

    heard = listen(film)[0]
    loud = np.flatnonzero(np.abs(heard) > 0.05)
    assert loud[0] < 48_000 / FPS
    assert abs(loud[-1] - report.frames * 2000) < 48_000 / FPS
