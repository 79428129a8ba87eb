"""Film time in whole frames. Seconds come in at the edge and are turned into frames once."""

from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from promptreel.errors import Invalid


class TransitionKind(StrEnum):
    """How one scene passes into the next."""

    CUT = "cut"
    CROSSFADE = "crossfade"
    FADE_BLACK = "fade_black"


def frames(seconds: Fraction | float | str, fps: int) -> int:
    """Nearest whole number of frames, halves rounded up."""
    return int(Fraction(str(seconds)) * fps + Fraction(1, 2))


def overlap_frames(kind: TransitionKind, transition_frames: int) -> int:
    """Frames that two neighbouring scenes share: only a crossfade shows both at once."""
    return transition_frames if kind is TransitionKind.CROSSFADE else 0


def film_frames(scene_frames: Sequence[int], overlaps: Sequence[int]) -> int:
    """Length of the film: all scenes minus what neighbours share. ``overlaps`` has one entry fewer than scenes."""
    if len(overlaps) != max(0, len(scene_frames) - 1):
        raise ValueError("one overlap between each pair of neighbours")
    for (before, after), overlap in zip(pairwise(scene_frames), overlaps, strict=True):
        if overlap > min(before, after):
            raise ValueError("a transition is longer than a scene beside it")
    return sum(scene_frames) - sum(overlaps)


def scene_count(asked_s: float | None, legal_s: Sequence[int], overlap_s: float = 0.0) -> int | None:
    """Fewest scenes that reach the asked length, or None when no length was asked."""
    if asked_s is None:
        return None
    longest = max(legal_s)
    count = 1
    while count * longest - (count - 1) * overlap_s < asked_s:
        count += 1
    return count


def plan_durations(count: int, asked_s: float | None, legal_s: Sequence[int], overlap_s: float = 0.0) -> list[int]:
    """Seconds of each scene, from the model's legal durations, so that the film comes closest to the asked length.

    Longer scenes come first. Without an asked length every scene gets the middle legal duration.

    Raises: Invalid when even the shortest or longest clips miss the asked length by more than half a clip.
    """
    legal = sorted(legal_s)
    if asked_s is None:
        return [legal[len(legal) // 2]] * count
    target = asked_s + overlap_s * (count - 1)
    slack = legal[0] / 2
    if not count * legal[0] - slack <= target <= count * legal[-1] + slack:
        shortest, longest = (count * s - (count - 1) * overlap_s for s in (legal[0], legal[-1]))
        raise Invalid(
            f"duration_s: {count} scenes of {legal[0]}-{legal[-1]} s make a film of {shortest:g}-{longest:g} s, "
            f"not {asked_s:g} s.",
            remedy="Ask for another number of scenes, or leave out `scenes` and it is chosen for you.",
        )
    durations = [legal[0]] * count
    while True:  # lengthen the shortest scene by one step for as long as the film comes closer to its length
        position = durations.index(min(durations))
        longer = next((step for step in legal if step > durations[position]), None)
        total = sum(durations)
        if longer is None or abs(total - durations[position] + longer - target) >= abs(total - target):
            return durations
        durations[position] = longer
