"""The colours of a picture, and the words of a prompt that decide what is in it."""

import colorsys
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from localcloud.vertex import chance

PLACE_WORDS: Mapping[str, str] = {
    "sea": "sea ocean wave waves boat ship harbour harbor lighthouse coast beach island sail sailor fish lake river "
    "water whale tide shore storm island lantern lamp tower",
    "city": "city street town market window windows car taxi roof roofs train station office shop bakery cafe robot "
    "neon library building door apartment traffic bridge bread",
    "forest": "forest tree trees wood woods fox deer leaf leaves wolf bear owl mushroom jungle path",
    "mountains": "mountain mountains snow peak summit climber dragon eagle cliff valley ice glacier",
    "dunes": "desert sand dune dunes camel mars planet astronaut oasis moon space rocket",
    "hills": "hill hills field meadow farm village garden flower flowers sheep house road horse cat dog bird grass",
}

LIGHTS: Mapping[str, str] = {
    "dawn": "dawn sunrise morning daybreak wakes wake early",
    "day": "day noon midday sunny summer bright afternoon spring garden beach",
    "dusk": "dusk sunset evening twilight autumn golden fire desert farewell",
    "night": "night midnight moon moonlit stars star dark space galaxy dream sleeps sleeping",
    "storm": "storm rain thunder lightning grey fog mist winter lost",
}

FIGURE_WORDS: Mapping[str, str] = {
    "lighthouse": "lighthouse lamp beacon tower",
    "boat": "boat ship sail sailor sails harbour harbor ferry fisherman",
    "house": "house home village cottage farm bakery cabin shop",
    "person": "he she her his man woman girl boy keeper child captain baker astronaut robot someone hero people mother "
    "father climber traveller wanderer king queen friend friends",
    "tree": "tree oak leaves apple orchard",
    "balloon": "balloon fly flies float floats flying",
    "rocket": "rocket launch spaceship mars",
}

# The figures of a place when the prompt names none.
USUAL_FIGURES: Mapping[str, tuple[str, ...]] = {
    "sea": ("boat", "lighthouse"),
    "city": ("person", "balloon"),
    "forest": ("person", "house"),
    "mountains": ("person", "balloon", "house"),
    "dunes": ("person", "rocket", "balloon"),
    "hills": ("house", "tree", "person", "balloon"),
}


def find_named(words: Sequence[str], things: Mapping[str, str]) -> list[str]:
    """The things the words call for, in the order the prompt names them, each once."""
    known = {word: thing for thing, names in reversed(list(things.items())) for word in names.split()}
    return list(dict.fromkeys(known[word] for word in words if word in known))


Colour = NDArray[np.float32]  # red, green, blue in 0..255

_REFERENCE_SHARE = 0.6
_VIVID = 1.25
# How far the hues may be turned, in turns of the wheel: a dawn should stay a dawn.
_NAMED_TURN, _FREE_TURN = 0.04, 0.5


@dataclass(frozen=True, slots=True)
class Palette:
    """From the top of the sky to the nearest ground; ``light`` is the sun's, the lamp's and the windows' colour."""

    zenith: Colour
    horizon: Colour
    far: Colour
    near: Colour
    light: Colour
    night: bool = False


def _colour(code: str) -> Colour:
    return np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)], dtype=np.float32)


def _palette(codes: str, *, night: bool = False) -> Palette:
    zenith, horizon, far, near, light = map(_colour, codes.split())
    return Palette(zenith, horizon, far, near, light, night)


# zenith, horizon, far land, near land, light
_LIGHTS: dict[str, tuple[Palette, ...]] = {
    "dawn": (
        _palette("3b4a8c f7b79b 8a6f96 2b2745 ffe3b8"),
        _palette("5a8fb8 fbd3a2 93a0a8 2f3e4e fff0cf"),
        _palette("7a5ca6 ffc2b3 a77aa0 372447 ffe9d2"),
    ),
    "day": (
        _palette("2f86c9 cfeaf2 7fb0a0 24584a fff6d6"),
        _palette("1f7a8c bfe5d8 6fa58f 1d4b45 fdf3c6"),
        _palette("4b9fd5 f2ead0 b2a06a 5b5a2a fffbe6"),
        _palette("3fa796 e9f3cf 87b36a 2f5a35 fff5cc"),
    ),
    "dusk": (
        _palette("2a2a66 f2784b 6f3f6b 1d1733 ffd08a"),
        _palette("5b2a6e ff8f6b 8e3d6b 2a1238 ffdf9e"),
        _palette("7a1f3d f6a04d 8f3f3a 2c1218 ffe08f"),
        _palette("1d4e6e f5a962 5b6a72 14222e ffdda6"),
    ),
    "night": (
        _palette("0a1030 2c4a78 1f2f55 070b1c f4efd0", night=True),
        _palette("0b1f2a 1f5f66 163f49 050f14 e6f6e0", night=True),
        _palette("1a0f33 54377d 33235a 0d0719 f0dcff", night=True),
    ),
    "storm": (
        _palette("2b3540 8f9ea3 56646b 1b2328 e8f0ea"),
        _palette("26343a 9aa68f 5c6a5b 1a221d f1f3d8"),
    ),
}


def choose(prompt_words: list[str], references: tuple[bytes, ...], seed: tuple[object, ...]) -> Palette:
    """The light the prompt names first, else any light in any hue; a reference turns it towards its own colours."""
    named = find_named(prompt_words, LIGHTS)
    light = named[0] if named else chance.pick(list(_LIGHTS), seed, "light")
    most_turn = _NAMED_TURN if named else _FREE_TURN
    palette = _turned(chance.pick(_LIGHTS[light], seed, "palette"), chance.between(-most_turn, most_turn, seed, "hue"))
    return _towards(palette, references[0], keep_light=bool(named)) if references else palette


def _turned(palette: Palette, turn: float) -> Palette:
    """All colours moved along the wheel together, so that they still suit each other."""

    def turned(colour: Colour) -> Colour:
        hue, saturation, value = colorsys.rgb_to_hsv(*(float(part) for part in colour))
        return np.array(colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value), dtype=np.float32)

    colours = (palette.zenith, palette.horizon, palette.far, palette.near)
    zenith, horizon, far, near = map(turned, colours)
    return Palette(zenith, horizon, far, near, palette.light, palette.night)


def _towards(palette: Palette, reference: bytes, *, keep_light: bool) -> Palette:
    """In the colours of the reference; as bright as before where the words name a light."""
    bands = _bands(reference)
    if bands is None:
        return palette
    zenith, horizon, far, near = (
        _mixed(own, seen, keep_light=keep_light)
        for own, seen in zip((palette.zenith, palette.horizon, palette.far, palette.near), bands, strict=True)
    )
    return Palette(zenith, horizon, far, near, palette.light, palette.night)


def _mixed(own: Colour, seen: Colour, *, keep_light: bool) -> Colour:
    mixed = _vivid(own * (1 - _REFERENCE_SHARE) + seen * _REFERENCE_SHARE)
    if keep_light:
        mixed = np.asarray(np.clip(mixed * (own.mean() / max(1.0, float(mixed.mean()))), 0, 255), dtype=np.float32)
    return mixed


def _vivid(colour: Colour) -> Colour:
    """A little more colour: mixing takes some away, and a long chain of references would end in grey."""
    return np.asarray(np.clip(colour.mean() + (colour - colour.mean()) * _VIVID, 0, 255), dtype=np.float32)


def _bands(reference: bytes) -> NDArray[np.float32] | None:
    """Mean colours of four bands from top to bottom, or None for a picture that cannot be read."""
    try:
        with Image.open(io.BytesIO(reference)) as picture:
            small = picture.convert("RGB").resize((1, 8), Image.Resampling.BOX)
    except (OSError, SyntaxError):
        return None
    rows = np.asarray(small, dtype=np.float32)[:, 0]
    return rows[[0, 3, 4, 6]]
