"""How well what a prompt shows would be judged: between 0 and 1, with the findings in words.

A picture should show something, a clip should move, and several of them should look as if they belonged together.
Nothing is known here of who asks or which marks are wanted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from localcloud.vertex.judge.media import Sight, Thumbnail

_DARK, _FLAT = 0.06, 0.015  # mean light and deviation below which there is nothing to see
_STILL = 0.004  # mean change between moments below which nothing moves
_UNLIKE = 0.2  # mean difference at which two pictures have nothing in common
_HARD = 0.3  # what one plain flaw leaves of the mark


@dataclass(frozen=True, slots=True)
class QualityScore:
    """``mark`` is 1 where nothing is wrong; ``flaws`` say what is, ``praise`` what is not."""

    mark: float
    flaws: tuple[str, ...]
    praise: tuple[str, ...]


def judge(sights: Sequence[Sight]) -> QualityScore | None:
    """None where there is nothing to see at all."""
    seen = [sight for sight in sights if sight.moments]
    if not seen:
        return None
    mark, flaws, praise = 1.0, [], []
    for n, sight in enumerate(seen, start=1):
        thing = f"{'clip' if sight.is_clip else 'picture'} {n}"
        empty = float(np.mean([_is_empty(moment) for moment in sight.moments]))
        if empty > 0:
            mark *= _HARD ** (2 * empty)
            flaws.append(f"The {thing} is black or shows nothing.")
        elif sight.is_clip and _motion(sight.moments) < _STILL:
            mark *= _HARD
            flaws.append(f"The {thing} is frozen: nothing moves.")
        else:
            praise.append(f"The {thing} {'moves steadily' if sight.is_clip else 'is clear'}.")
    alike = min((_likeness(a, b) for a, b in combinations(seen, 2)), default=1.0)
    mark *= alike
    if len(seen) > 1:
        words = "The pictures do not look alike." if alike < 1 / 2 else "The pictures belong together."
        (flaws if alike < 1 / 2 else praise).append(words)
    return QualityScore(mark, tuple(flaws), tuple(praise))


def _is_empty(moment: Thumbnail) -> bool:
    return bool(moment.mean() < _DARK or moment.std(axis=(0, 1)).max() < _FLAT)


def _motion(moments: Sequence[Thumbnail]) -> float:
    return max((float(np.abs(a - b).mean()) for a, b in pairwise(moments)), default=0.0)


def _likeness(a: Sight, b: Sight) -> float:
    """Of their best matching moments: a clip is like the picture it begins or ends with."""
    nearest = min(_difference(one, other) for one in a.moments for other in b.moments)
    return float(1 - min(1.0, nearest / _UNLIKE) * 0.9)


def _difference(a: Thumbnail, b: Thumbnail) -> float:
    """A third where things are, the rest which colours there are."""
    layout = np.abs(a - b).mean()
    colours = np.abs(np.sort(a.reshape(-1, 3), axis=0) - np.sort(b.reshape(-1, 3), axis=0)).mean()
    return float(layout + 2 * colours) / 3
