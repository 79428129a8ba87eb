"""A picture from a prompt: a landscape whose place, light and figure follow the words, with the words written below."""

import io
import re
import textwrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from localcloud.vertex import chance
from localcloud.vertex.picture import palette as palettes
from localcloud.vertex.picture import scenery, words
from localcloud.vertex.picture.figures import FIGURES, draw_figure
from localcloud.vertex.picture.palette import Palette
from localcloud.vertex.picture.request import PictureRequest
from localcloud.vertex.picture.scenery import Canvas

_GROUND = 0.74  # where figures stand, above the caption
_AFLOAT = 0.6
_ALOFT = 0.42
_CAPTION_CHARS = 170
_CAPTION_SHARE = 0.3  # of the height, darkened for the text
_FAST_PNG = 2


def paint(wanted: PictureRequest) -> bytes:
    """A PNG or JPEG of exactly the size wanted, the same for the same request."""
    encoded = io.BytesIO()
    if wanted.mime_type == "image/jpeg":
        landscape(wanted).save(encoded, "JPEG", quality=90)
    else:
        landscape(wanted).save(encoded, "PNG", compress_level=_FAST_PNG)
    return encoded.getvalue()


def landscape(wanted: PictureRequest) -> Image.Image:
    said = re.findall(r"[a-z]+", wanted.prompt.lower())
    seed = (wanted.prompt, wanted.seed, *(chance.number(reference) for reference in wanted.references))
    palette = palettes.choose(said, wanted.references, seed)
    canvas = scenery.sky(wanted.height_px, wanted.width_px, palette)
    if palette.night:
        scenery.stars(canvas, seed)
    scenery.sun(canvas, palette, seed)
    place = next(iter(words.named(said, words.PLACES)), None) or chance.pick(list(scenery.PLACES), seed, "place")
    scenery.PLACES[place](canvas, palette, seed)
    _people(canvas, place, said, palette, seed)
    _darken_below(canvas)
    picture = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    _write(picture, _caption(wanted.prompt))
    return picture


def _people(canvas: Canvas, place: str, said: list[str], palette: Palette, seed: tuple[object, ...]) -> None:
    """The first two figures the prompt names, else one that suits the place."""
    chosen = words.named(said, words.FIGURES)[:2] or [chance.pick(words.USUAL[place], seed, "figure")]
    side = chance.between(0.2, 0.38, seed, "side")
    sides = (side, 1 - side) if chance.fraction(seed, "mirror") < 1 / 2 else (1 - side, side)
    afloat = {"boat"} if place == "sea" else set()
    ashore = [x for x, figure in zip(sides, chosen, strict=False) if figure not in afloat | {"balloon"}]
    if place == "sea" and ashore:
        scenery.shore(canvas, palette, seed, ashore, _GROUND)
    for x, figure in zip(sides, chosen, strict=False):
        y = _ALOFT if figure == "balloon" else _AFLOAT if figure in afloat else _GROUND
        draw_figure(canvas, FIGURES[figure], palette, (x, y), chance.between(0.9, 1.25, seed, figure))


def _darken_below(canvas: Canvas) -> None:
    rows = int(canvas.shape[0] * _CAPTION_SHARE)
    shade = np.linspace(0, 1, rows, dtype=np.float32) ** 0.7 * 0.62
    canvas[-rows:] *= (1 - shade)[:, None, None]


def _caption(prompt: str) -> str:
    """The prompt's first line without the labels before what it shows: ``First picture: A fox.`` gives A fox."""
    line = next((line.strip() for line in prompt.splitlines() if line.strip()), "")
    shown = re.sub(r"^(?:[^:.,]{1,40}:\s+)+", "", line)
    return " ".join(shown.split())


def _write(picture: Image.Image, text: str) -> None:
    """The prompt's first words, wrapped, centred, bottom third."""
    draw = ImageDraw.Draw(picture)
    size_px = max(10, round(min(picture.width, picture.height) * 0.042))
    font = ImageFont.load_default(size_px)
    chars = int(picture.width * 0.86 / draw.textlength("abcdefghij klmnop", font) * len("abcdefghij klmnop"))
    lines = textwrap.wrap(textwrap.shorten(text, _CAPTION_CHARS, placeholder=" …"), max(chars, 8))
    below = picture.height - round(size_px * 0.9)
    for line in reversed(lines):
        below -= round(size_px * 1.3)
        left = (picture.width - draw.textlength(line, font)) / 2
        draw.text((left, below), line, (250, 248, 240), font, stroke_width=max(1, size_px // 16), stroke_fill=(0, 0, 0))
