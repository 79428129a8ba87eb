"""Clothes and things of a named colour, painted flat: what a prompt calls "a yellow raincoat" looks like one.

The colours of cloth occur nowhere else in a landscape, so that whoever looks at a picture can tell what it shows.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLOTH: Mapping[str, tuple[int, int, int]] = {
    "red": (206, 22, 48),
    "orange": (247, 124, 6),
    "yellow": (252, 226, 6),
    "green": (8, 158, 42),
    "teal": (0, 152, 160),
    "blue": (12, 52, 226),
    "purple": (132, 24, 186),
    "pink": (255, 84, 190),
}
GARMENTS = frozenset("coat raincoat jacket jumper sweater dress shirt cloak cape robe scarf uniform suit".split())
THINGS = frozenset("umbrella suitcase lantern kite balloon bag book box ball bicycle flag rucksack basket".split())
MOST = 4  # of each kind in one picture
_COLOURED = re.compile(rf"\b({'|'.join(CLOTH)})\s+(?:([a-z]+)\s+)?([a-z]+)\b")
_NEAR = 6  # of a channel, from the colour of the cloth
_LEAST_SHARE = 0.0004  # of a picture that a thing takes at least
_SEEN_PX = 640


@dataclass(frozen=True, slots=True)
class Coloured:
    """Something of a colour; ``noun`` is a garment or a thing."""

    colour: str
    noun: str

    @property
    def is_worn(self) -> bool:
        return self.noun in GARMENTS


def find_coloured(text: str) -> list[Coloured]:
    """What the text gives a colour, each once, in its order."""
    return list(dict.fromkeys(_coloured(text.lower())))


def _coloured(text: str) -> Iterator[Coloured]:
    for found in _COLOURED.finditer(text):
        noun = next((word for word in (found[2], found[3]) if word in GARMENTS | THINGS), None)
        if noun is not None:
            yield Coloured(found[1], noun)


def dress(canvas: NDArray[np.float32], prompt: str, ground: float) -> None:
    """Paint the first clothes and things of a prompt, side by side in the middle, from the ground up."""
    coloured = find_coloured(prompt)
    worn = [one for one in coloured if one.is_worn][:MOST]
    others = [one for one in coloured if not one.is_worn][:MOST]
    height_px, width_px = canvas.shape[:2]
    unit_px = min(height_px, width_px)
    bottom = int(ground * height_px)
    for slot, one in enumerate([*worn, *others]):
        middle = int(width_px * 0.5 + (slot - (len(worn) + len(others) - 1) / 2) * 0.13 * unit_px)
        tall, wide = (0.17, 0.085) if one.is_worn else (0.085, 0.1)
        top = bottom - int(tall * unit_px)
        left, right = middle - int(wide * unit_px / 2), middle + int(wide * unit_px / 2)
        if one.is_worn:  # a head above the cloth
            head = int(0.022 * unit_px)
            canvas[top - 2 * head : top, max(0, middle - head) : middle + head] = (92, 66, 54)
        canvas[max(0, top) : bottom, max(0, left) : right] = CLOTH[one.colour]


def list_colours(picture: Image.Image) -> frozenset[str]:
    """The colours of cloth that a picture shows, by its pixels."""
    shown = picture.convert("RGB")
    if shown.width > _SEEN_PX:
        size = (_SEEN_PX, max(1, round(shown.height * _SEEN_PX / shown.width)))
        shown = shown.resize(size, Image.Resampling.NEAREST)
    pixels = np.asarray(shown, dtype=np.int16).reshape(-1, 3)
    least = _LEAST_SHARE * len(pixels)
    near = {name: (np.abs(pixels - np.array(colour)).max(axis=1) <= _NEAR).sum() for name, colour in CLOTH.items()}
    return frozenset(name for name, count in near.items() if count >= least)
