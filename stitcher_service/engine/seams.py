"""Find jumps where a film should flow: at both ends of a clip, and at a cut between two of them.

A video model may begin or end a clip with a frame that does not belong to its motion: repeated, flashed, shifted, or in
other colours. Whether two frames jump is told by how much more they differ than the frames beside them do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.float32]

WINDOW = 8  # frames that are looked at on each side of a seam
# What two frames of a clip that flows may differ by, of 255, over the whole picture and in its mean colour, however it
# moves; and how many times as much as beside them. Measured on drawn clips (tests/stitcher/test_seams.py), not on real
# ones yet.
LEAST_JUMP, LEAST_COLOUR_JUMP = 5.0, 3.0
TIMES_USUAL, TIMES_USUAL_COLOUR = 2.5, 4.0
# A frame that repeats its neighbour differs by so little of what the next ones do, where those move by so much.
REPEAT_SHARE, LEAST_MOTION = 0.15, 1.0
_NEIGHBOURS = 5
_WIDTH_PX, _HEIGHT_PX = 160, 90


@dataclass(frozen=True, slots=True)
class ClipEnds:
    """The first and the last shown frames of a clip, small, each in order."""

    head: tuple[Pixels, ...]
    tail: tuple[Pixels, ...]


def read_ends(clip: Path, first: int, end: int, rate: Fraction) -> ClipEnds | None:
    """The ends of what the film shows of a clip, its frames from `first` up to `end`.

    Only the beginning is decoded, and what follows the last keyframe before the end.

    Returns: None when the clip is too short, or cannot be decoded, which others report.
    """
    if end - first < WINDOW:
        return None
    try:
        with av.open(str(clip)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            start = stream.start_time or 0
            head = _read(container, stream, (first, first + WINDOW), rate)
            base = stream.time_base or Fraction(1)
            container.seek(start + round((end - WINDOW) / rate / base), stream=stream)
            tail = _read(container, stream, (end - WINDOW, end), rate)
    except (av.error.FFmpegError, IndexError):
        return None
    return ClipEnds(head, tail) if len(head) == len(tail) == WINDOW else None


def find_jump_at_beginning(ends: ClipEnds) -> str | None:
    """How the clip's first frame jumps to its second; None when it does not."""
    return _find_jump(ends.head[0], ends.head[1], ends.head[1:], may_repeat=False)


def find_jump_at_end(ends: ClipEnds) -> str | None:
    """How the clip's last frame but one jumps to its last; None when it does not."""
    return _find_jump(ends.tail[-2], ends.tail[-1], ends.tail[-2::-1], may_repeat=False)


def find_jump_between(before: ClipEnds, after: ClipEnds) -> str | None:
    """How a clip's last frame jumps to the first one of the next; None when it does not.

    Both show the keyframe that the clips share, so that one may repeat the other.
    """
    beside = (before.tail[::-1], after.head)
    return _find_jump(before.tail[-1], after.head[0], *beside, may_repeat=True)


def _find_jump(one: Pixels, other: Pixels, *beside: Sequence[Pixels], may_repeat: bool) -> str | None:
    """``beside`` are the frames that follow the seam on a side, the nearest first."""
    difference, usual = _difference(one, other), max(_usual(frames, _difference) for frames in beside)
    if difference > max(LEAST_JUMP, TIMES_USUAL * usual):
        return f"differ by {difference:.0f} of 255, those beside them by {usual:.1f}"
    colour, usual_colour = _colour_difference(one, other), max(_usual(frames, _colour_difference) for frames in beside)
    if colour > max(LEAST_COLOUR_JUMP, TIMES_USUAL_COLOUR * usual_colour):
        return f"differ in their colours by {colour:.0f} of 255, those beside them by {usual_colour:.1f}"
    nearest = min(_difference(*pair) for pair in pairwise(beside[0][:4]))
    if not may_repeat and nearest >= LEAST_MOTION and difference < REPEAT_SHARE * nearest:
        return f"are the same, those beside them differ by {nearest:.1f} of 255"
    return None


def _usual(frames: Sequence[Pixels], measure: Any) -> float:
    """The second largest change among the nearest frames, so that one flash among them hides no other."""
    return float(sorted(measure(*pair) for pair in pairwise(frames[: _NEIGHBOURS + 1]))[-2])


def _difference(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one - other).mean())


def _colour_difference(one: Pixels, other: Pixels) -> float:
    """The largest difference of the three mean colours, which motion hardly changes."""
    return float(np.abs(one.mean(axis=(0, 1)) - other.mean(axis=(0, 1))).max())


def _read(container: Any, stream: Any, span: tuple[int, int], rate: Fraction) -> tuple[Pixels, ...]:
    """The frames of a span of numbers, from where the container is."""
    start, found = stream.start_time or 0, []
    for frame in container.decode(stream):
        if frame.pts is None:
            continue
        number = round((frame.pts - start) * stream.time_base * rate)
        if number >= span[1]:
            break
        if number >= span[0]:
            found.append(_small(frame))
    return tuple(found)


def _small(frame: Any) -> Pixels:
    pixels = frame.reformat(width=_WIDTH_PX, height=_HEIGHT_PX, format="rgb24", src_colorspace="ITU709").to_ndarray()
    return np.asarray(pixels, dtype=np.float32)
