"""Film time in whole frames. Seconds are converted to frames once, at the edge."""

from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise


class TransitionKind(StrEnum):
    """How one scene passes into the next."""

    CUT = "cut"
    CROSSFADE = "crossfade"
    FADE_BLACK = "fade_black"


def to_frames(seconds: Fraction | float | str, fps: int) -> int:
    """Nearest whole number of frames, halves rounded up."""
    return int(Fraction(str(seconds)) * fps + Fraction(1, 2))


def overlap_frames(kind: TransitionKind, transition_frames: int) -> int:
    """Frames that two neighbouring scenes share: only a crossfade shows both at once."""
    return transition_frames if kind is TransitionKind.CROSSFADE else 0


def film_frames(scene_frames: Sequence[int], overlaps: Sequence[int]) -> int:
    """Length of the film: all scenes minus what neighbours share. ``overlaps`` has one entry fewer than scenes."""
    for (before, after), overlap in zip(pairwise(scene_frames), overlaps, strict=True):
        if overlap > min(before, after):
            raise ValueError("a transition is longer than a scene beside it")
    return sum(scene_frames) - sum(overlaps)
