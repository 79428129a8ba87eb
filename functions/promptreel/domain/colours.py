"""Colours: what people call them, and where they lie in CIELAB, in which a distance is what an eye sees of it."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

_HEX = re.compile(r"#(?P<long>[0-9a-fA-F]{6})\b|#(?P<short>[0-9a-fA-F]{3})\b")
_GREY = re.compile(r"grey")

# IEC 61966-2-1 (sRGB) and CIE 15 with the white point D65.
_RED = (0.4124564 / 0.95047, 0.2126729, 0.0193339 / 1.08883)
_GREEN = (0.3575761 / 0.95047, 0.7151522, 0.1191920 / 1.08883)
_BLUE = (0.1804375 / 0.95047, 0.0721750, 0.9503041 / 1.08883)
_DARK = 0.04045  # below, light is proportional to the value
_LINEAR = 216 / 24389
_SLOPE = 24389 / 27


@dataclass(frozen=True, slots=True)
class Lab:
    """A colour in CIELAB: lightness 0 to 100, from green to red (a), from blue to yellow (b)."""

    lightness: float
    a: float
    b: float

    @property
    def chroma(self) -> float:
        """How far it is from grey."""
        return math.hypot(self.a, self.b)


def to_lab(red: int, green: int, blue: int) -> Lab:
    """A colour of sRGB, 0 to 255 each."""
    light = _linear_light()
    r, g, b = light[red], light[green], light[blue]
    x = _compress(r * _RED[0] + g * _GREEN[0] + b * _BLUE[0])
    y = _compress(r * _RED[1] + g * _GREEN[1] + b * _BLUE[1])
    z = _compress(r * _RED[2] + g * _GREEN[2] + b * _BLUE[2])
    return Lab(116 * y - 16, 500 * (x - y), 200 * (y - z))


def find_colour(words: str) -> Lab | None:
    """The colour that free words mean, None where none is known in them.

    A hex code decides. Else it is the longest run of words that is a known name, the last of equally long ones:
    ``pale pink`` is pale pink, ``warm amber`` is amber and ``signal red`` red.
    """
    code = _HEX.search(words)
    if code is not None:
        return _parse_hex(code["long"] or "".join(2 * digit for digit in code["short"]))
    said = re.findall(r"[^\W\d_]+", words.lower().replace("'s", "s"))
    for length in range(len(said), 0, -1):
        for end in range(len(said), length - 1, -1):
            known = _names().get(_key("".join(said[end - length : end])))
            if known is not None:
                return known
    return None


@cache
def _names() -> Mapping[str, Lab]:
    text = resources.files("promptreel.data").joinpath("colours.json").read_text("utf-8")
    return {_key(name): _parse_hex(code.removeprefix("#")) for name, code in json.loads(text)["colours"].items()}


def _key(name: str) -> str:
    return _GREY.sub("gray", re.sub(r"[\W\d_]", "", name))


def _parse_hex(code: str) -> Lab:
    return to_lab(int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16))


@cache
def _linear_light() -> tuple[float, ...]:
    values = (value / 255 for value in range(256))
    return tuple(value / 12.92 if value <= _DARK else ((value + 0.055) / 1.055) ** 2.4 for value in values)


def _compress(share: float) -> float:
    return math.cbrt(share) if share > _LINEAR else (_SLOPE * share + 16) / 116
