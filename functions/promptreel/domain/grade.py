"""One grade for a whole film: how its pictures should look in numbers, which of them stray, and what brings them back.

Pure arithmetic in CIELAB. A picture's look is measured on a copy of it that is `MEASURED_PX` wide, so that grain counts
for nothing. What strays is only brought back to the edge of the tolerance, and by no more than the limits below: so
pictures that looked alike before still do, and a wrong target spoils no film.
"""

import json
import math
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from promptreel.domain.colours import Lab, find_colour, to_lab
from promptreel.domain.document import Part

GradeChoice = Literal["off", "match"]
"""``match``: pictures that stray from the film's own look are brought nearer to it in the cut."""

MEASURED_PX = 64
"""Width of the copy that is measured."""

# Limits of a correction. Lightness and cast in CIELAB, where about 2.3 is the least that an eye sees side by side.
MAX_LIGHTNESS = 5.0
MAX_CAST = 3.0
MAX_CONTRAST, MAX_SATURATION = 0.08, 0.10  # shares of what the picture has
# A clip is encoded anew for nothing less.
LEAST_LIGHTNESS, LEAST_CAST, LEAST_SHARE = 1.0, 1.0, 0.02

# A palette says in which direction a film's pictures should be, not where: all 28 pictures of styles whose palettes can
# be read are further from the mean of their palette than the tolerance. So it moves the target by half of that at most.
_PULL = 0.5
_SHADED = 0.5  # a picture shows its colours shaded and mixed: its contrast and chroma are about half of the palette's
_LEAST_KNOWN_COLOURS = 3
_LIGHT_STEP, _CONTRAST_STEP = 8.0, 5.0  # what the words of a style's light move the palette by


class Look(Part):
    """How a picture looks: mean lightness, mean a* and b*, spread of the lightness, mean chroma."""

    lightness: float
    a: float
    b: float
    contrast: float
    chroma: float


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a picture may be from the target; ``cast`` is a distance in the plane of a* and b*."""

    lightness: float = 8.0
    cast: float = 6.0
    contrast: float = 7.0
    chroma: float = 8.0


TOLERANCE = Tolerance()


@dataclass(frozen=True, slots=True)
class Target:
    """The look that all pictures of a film should be near to, and what it was made of."""

    look: Look
    source: Literal["palette", "keyframes"]


@dataclass(frozen=True, slots=True)
class Correction:
    """What is changed of a picture: ``lightness``, ``a`` and ``b`` are added; ``contrast`` and ``saturation`` factors.

    Contrast leaves the lightness ``pivot`` as it is.
    """

    lightness: float = 0.0
    a: float = 0.0
    b: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    pivot: float = 50.0

    @property
    def is_visible(self) -> bool:
        """Whether it changes enough to be worth an encoding."""
        return (
            abs(self.lightness) >= LEAST_LIGHTNESS
            or math.hypot(self.a, self.b) >= LEAST_CAST
            or max(abs(self.contrast - 1), abs(self.saturation - 1)) >= LEAST_SHARE
        )

    def describe(self) -> str:
        """What it does, as a part of a sentence; empty where nobody would see it."""
        cast = math.hypot(self.a, self.b)
        amounts = (
            _amount(self.lightness, LEAST_LIGHTNESS, "{:.0f} L* lighter", "{:.0f} L* darker"),
            _amount(100 * (self.contrast - 1), 100 * LEAST_SHARE, "{:.0f} % more contrast", "{:.0f} % less contrast"),
            _amount(
                100 * (self.saturation - 1), 100 * LEAST_SHARE, "{:.0f} % more saturated", "{:.0f} % less saturated"
            ),
            f"colours moved by a* {self.a:+.0f}, b* {self.b:+.0f}" if cast >= LEAST_CAST else "",
        )
        return ", ".join(filter(None, amounts))


def measure(pixels: Iterable[tuple[int, int, int]]) -> Look:
    """The look of a picture's pixels in sRGB, 0 to 255 each. Raises: ValueError where there is none."""
    return _look_of([to_lab(*pixel) for pixel in pixels])


def choose_target(palette: Sequence[str], light: str | None, looks: Sequence[Look]) -> Target | None:
    """What the pictures of a film should look like: the median of what they do, moved a little towards the palette.

    Args:
        palette: The style guide's colours, in free words. Where too few of them are known, they move nothing.
        light: What the style guide says of the light.
        looks: Those of the film's own keyframes.

    Returns: None before there is a keyframe.
    """
    if not looks:
        return None
    middle = Look(**{name: statistics.median(getattr(look, name) for look in looks) for name in Look.model_fields})
    known = [colour for colour in map(find_colour, palette) if colour is not None]
    if not is_enough(len(known), len(palette)):
        return Target(middle, "keyframes")
    return Target(_pull(middle, _palette_look(known, light)), "palette")


def is_enough(known: int, named: int) -> bool:
    """Whether so many known colours say what a palette looks like."""
    return known >= _LEAST_KNOWN_COLOURS and 2 * known >= named


def palette_warnings(palette: Sequence[str]) -> list[str]:
    """What of a palette the grade cannot follow."""
    unknown = [words for words in palette if find_colour(words) is None]
    known = len(palette) - len(unknown)
    if not is_enough(known, len(palette)):
        count = f"{known} known colour{'s' * (known != 1)}"
        return [f"grade: the palette has {count}, which is too few; the grade follows the film's own keyframes."]
    if not unknown:
        return []
    named = ", ".join(f"“{words}”" for words in unknown)
    return [f"grade: no known colour in {named} of the palette; the grade follows the other colours."]


def correct(look: Look, target: Target) -> Correction:
    """What brings a picture nearer to the target: to the edge of its tolerance, within the limits."""
    wanted, tolerance = target.look, TOLERANCE
    contrast = _share(look.contrast, wanted.contrast, tolerance.contrast, MAX_CONTRAST)
    saturation = _share(look.chroma, wanted.chroma, tolerance.chroma, MAX_SATURATION)
    away = (wanted.a - saturation * look.a, wanted.b - saturation * look.b)
    distance = math.hypot(*away)
    cast = min(max(distance - tolerance.cast, 0.0), MAX_CAST) / distance if distance else 0.0
    return Correction(
        lightness=_clamp(_excess(look.lightness, wanted.lightness, tolerance.lightness), MAX_LIGHTNESS),
        a=cast * away[0],
        b=cast * away[1],
        contrast=contrast,
        saturation=saturation,
        pivot=look.lightness,
    )


def strongest(corrections: Sequence[Correction]) -> Correction:
    """The most that any of them does, each value for itself."""
    cast = max(corrections, key=lambda one: math.hypot(one.a, one.b))
    return Correction(
        lightness=max((one.lightness for one in corrections), key=abs),
        a=cast.a,
        b=cast.b,
        contrast=max((one.contrast for one in corrections), key=lambda factor: abs(factor - 1)),
        saturation=max((one.saturation for one in corrections), key=lambda factor: abs(factor - 1)),
    )


def describe_stray(look: Look, target: Target) -> str:
    """How a picture differs from the target where it is beyond the tolerance; empty for one within it."""
    wanted, tolerance = target.look, TOLERANCE
    cast = (look.a - wanted.a, look.b - wanted.b)
    differences = (
        (look.lightness - wanted.lightness, tolerance.lightness, "{:.0f} L* too light", "{:.0f} L* too dark"),
        (look.contrast - wanted.contrast, tolerance.contrast, "contrast {:.0f} too high", "contrast {:.0f} too low"),
        (look.chroma - wanted.chroma, tolerance.chroma, "chroma {:.0f} too high", "chroma {:.0f} too low"),
    )
    sentences = [_amount(*one) for one in differences]
    if math.hypot(*cast) > tolerance.cast:
        sentences.append(f"colours off by a* {cast[0]:+.0f}, b* {cast[1]:+.0f}")
    return ", ".join(filter(None, sentences))


def _amount(value: float, least: float, above: str, below: str) -> str:
    if abs(value) <= least - _ROUNDING:
        return ""
    return (above if value > 0 else below).format(abs(value))


_ROUNDING = 1e-6


def _share(have: float, wanted: float, tolerance: float, most: float) -> float:
    """The factor that brings ``have`` to the edge of the tolerance, at most ``most`` away from 1."""
    return 1 + _clamp(_excess(have, wanted, tolerance) / have, most) if have else 1.0


def _excess(have: float, wanted: float, tolerance: float) -> float:
    """What has to be added to ``have`` so that it is within the tolerance."""
    away = wanted - have
    return math.copysign(max(abs(away) - tolerance, 0.0), away)


def _clamp(value: float, most: float) -> float:
    return min(max(value, -most), most)


def _look_of(colours: Sequence[Lab]) -> Look:
    lightness = [colour.lightness for colour in colours]
    return Look(
        lightness=round(statistics.fmean(lightness), 2),
        a=round(statistics.fmean(colour.a for colour in colours), 2),
        b=round(statistics.fmean(colour.b for colour in colours), 2),
        contrast=round(statistics.pstdev(lightness), 2),
        chroma=round(statistics.fmean(colour.chroma for colour in colours), 2),
    )


def _palette_look(colours: Sequence[Lab], light: str | None) -> Look:
    """What a picture in these colours and this light is like, roughly."""
    look = _look_of(colours)
    lighter, harder = _read_light(light or "")
    return look.evolve(
        lightness=look.lightness + lighter * _LIGHT_STEP,
        contrast=_SHADED * look.contrast + harder * _CONTRAST_STEP,
        chroma=_SHADED * look.chroma,
    )


def _pull(look: Look, towards: Look) -> Look:
    cast = (towards.a - look.a, towards.b - look.b)
    share = min(1.0, _PULL * TOLERANCE.cast / (math.hypot(*cast) or 1.0))
    return Look(
        lightness=look.lightness + _clamp(towards.lightness - look.lightness, _PULL * TOLERANCE.lightness),
        a=look.a + share * cast[0],
        b=look.b + share * cast[1],
        contrast=look.contrast + _clamp(towards.contrast - look.contrast, _PULL * TOLERANCE.contrast),
        chroma=look.chroma + _clamp(towards.chroma - look.chroma, _PULL * TOLERANCE.chroma),
    )


def _read_light(words: str) -> tuple[int, int]:
    """Steps of lightness and of contrast: -1, 0 or 1."""
    said = f" {' '.join(re.findall(r'[a-z]+', words.lower()))} "
    more = {side: any(f" {one} " in said for one in named) for side, named in _light_words().items()}
    return more["lighter"] - more["darker"], more["harder"] - more["softer"]


@cache
def _light_words() -> Mapping[str, tuple[str, ...]]:
    data = json.loads(resources.files("promptreel.data").joinpath("light.json").read_text("utf-8"))
    return {side: tuple(data[side]) for side in ("lighter", "darker", "harder", "softer")}
