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


def plan_lengths(count: int, total: int | None, legal: Sequence[int]) -> list[int]:
    """Lengths of so many scenes, each a legal one, whose sum comes closest to ``total``; all in the same unit.

    Longer scenes come first. Without a total every scene gets the middle legal length.
    """
    steps = sorted(legal)
    if total is None:
        return [steps[len(steps) // 2]] * count
    lengths = [steps[0]] * count
    while True:  # lengthen the shortest scene by one step for as long as the sum comes closer
        position = lengths.index(min(lengths))
        longer = next((step for step in steps if step > lengths[position]), None)
        current = sum(lengths)
        if longer is None or abs(current - lengths[position] + longer - total) >= abs(current - total):
            return lengths
        lengths[position] = longer


def possible_totals(count: int, legal: Sequence[int]) -> set[int]:
    """Every sum that ``plan_lengths`` can reach."""
    totals = {0}
    for _ in range(count):
        totals = {total + step for total in totals for step in legal}
    return totals
