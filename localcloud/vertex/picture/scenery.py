"""Landscapes as layers of light: every shape is an alpha mask over the canvas, smooth at its edges by itself.

Heights and distances are shares of the canvas, so that the same picture comes out at every size.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from localcloud.vertex import chance
from localcloud.vertex.picture.palette import Colour, Palette

Canvas = NDArray[np.float32]  # height x width x 3, 0..255
Seed = tuple[object, ...]

HORIZON = 0.52


def _mix(a: Colour, b: Colour, share: float) -> Colour:
    return np.asarray(a * (1 - share) + b * share, dtype=np.float32)


def sky(height_px: int, width_px: int, palette: Palette) -> Canvas:
    """From zenith down to the horizon's glow, which stays below it."""
    share = np.clip(np.linspace(0, 1 / HORIZON, height_px, dtype=np.float32), 0, 1) ** 1.4
    column = palette.zenith + (palette.horizon - palette.zenith) * share[:, None]
    return np.repeat(column[:, None, :], width_px, axis=1)


def sun_x(seed: Seed) -> float:
    """The position of the sun or moon, as a share of the width; its glitter on water lies below."""
    return chance.between(0.15, 0.85, seed, "sun x")


def sun(canvas: Canvas, palette: Palette, seed: Seed) -> None:
    """Sun or moon with its glow."""
    height_px, width_px = canvas.shape[:2]
    x, y = sun_x(seed), chance.between(0.12, 0.3 if palette.night else 0.44, seed, "sun y")
    radius_px = min(height_px, width_px) * chance.between(0.05, 0.1, seed, "sun size")
    rows, columns = np.ogrid[:height_px, :width_px]
    away_px = np.hypot(columns - x * width_px, rows - y * height_px).astype(np.float32)
    glow = 0.55 * np.exp(-away_px / (radius_px * 3.2))
    blend(canvas, palette.light, np.maximum(glow, np.clip(radius_px - away_px + 0.5, 0, 1)))


def stars(canvas: Canvas, seed: Seed) -> None:
    height_px, width_px = canvas.shape[:2]
    dice = np.random.default_rng(chance.number(seed, "stars"))
    radius_px = max(1, round(min(height_px, width_px) / 700))
    for x, y, glow in dice.random((140, 3)):
        top, left = int(y * HORIZON * height_px), int(x * (width_px - 2 * radius_px))
        spot = canvas[top : top + radius_px + 1, left : left + radius_px + 1]
        spot += (255 - spot) * (0.25 + 0.7 * glow * glow)


def blend(canvas: Canvas, colour: Colour, alpha: NDArray[np.float32], top: int = 0) -> None:
    """Lay a colour over the rows from ``top`` on, as strongly as alpha says."""
    rows = canvas[top : top + alpha.shape[0]]
    rows += (colour - rows) * alpha[..., None]


def ridge(width_px: int, seed: Seed, rough: float) -> NDArray[np.float32]:
    """A mountain line in -1..1 from a few waves of falling size."""
    x = np.linspace(0, 1, width_px, dtype=np.float32)
    line = np.zeros(width_px, dtype=np.float32)
    for octave in range(1, 7):
        phase, stretch = chance.fraction(seed, octave, "phase"), chance.between(0.7, 1.4, seed, octave, "stretch")
        line += np.sin((x * stretch * 2**octave * 0.8 + phase) * 2 * np.pi).astype(np.float32) * rough ** (octave - 1)
    return np.asarray(line / np.abs(line).max(), dtype=np.float32)


def land(canvas: Canvas, line: NDArray[np.floating], colour: Colour) -> None:
    """Ground below a line of heights, in shares of the canvas from its top."""
    height_px = canvas.shape[0]
    line_px = line.astype(np.float32) * height_px
    top = max(0, int(line_px.min()) - 1)
    rows = np.arange(top, height_px, dtype=np.float32)[:, None]
    blend(canvas, colour, np.clip(rows - line_px + 0.5, 0, 1), top)


def hills(canvas: Canvas, palette: Palette, seed: Seed) -> None:
    for layer in range(4):
        depth = layer / 3
        line = HORIZON + 0.02 + depth * 0.28 - ridge(canvas.shape[1], (seed, layer), 0.42) * (0.09 - 0.03 * depth)
        land(canvas, line, _mix(palette.far, palette.near, depth))


def mountains(canvas: Canvas, palette: Palette, seed: Seed) -> None:
    width_px = canvas.shape[1]
    for layer in range(3):
        depth = layer / 2
        line = HORIZON - 0.06 + depth * 0.26 - np.abs(ridge(width_px, (seed, layer), 0.62)) * (0.27 - 0.17 * depth)
        land(canvas, line, _mix(_mix(palette.far, palette.horizon, 0.35), palette.near, depth))


def dunes(canvas: Canvas, palette: Palette, seed: Seed) -> None:
    for layer in range(3):
        depth = layer / 2
        line = HORIZON + 0.04 + depth * 0.2 - ridge(canvas.shape[1], (seed, layer), 0.16) * 0.06
        land(canvas, line, _mix(_mix(palette.horizon, palette.far, 0.55), palette.near, depth * 0.8))


def sea(canvas: Canvas, palette: Palette, seed: Seed) -> None:
    """Water with bands of swell, finer towards the horizon, and the sun's glitter on them."""
    height_px, width_px = canvas.shape[:2]
    top = int(HORIZON * height_px)
    depth = np.linspace(0, 1, height_px - top, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, width_px, dtype=np.float32)[None, :]
    blend(canvas, _mix(palette.zenith, palette.far, 0.45), np.full((height_px - top, width_px), 0.92, np.float32), top)
    phase = chance.between(0, 6, seed, "swell")
    swell = np.sin(70 * np.sqrt(depth + 0.003) + 1.6 * np.sin(x * 7 + phase + depth * 5) + 0.5 * np.sin(x * 31 - phase))
    blend(canvas, palette.near, np.clip(depth * 0.7 + 0.09 * swell, 0, 1) * 0.9, top)
    away = (x - sun_x(seed)) / (0.05 + 0.3 * depth)
    crests = np.clip(swell * 0.7 + 0.5 * np.sin(x * 90 * (1.3 - depth) + depth * 60 + phase) - 0.35, 0, 1)
    glitter = crests * np.exp(-away * away) * (1 - 0.6 * depth) + crests * 0.05
    blend(canvas, palette.light, np.clip(glitter, 0, 0.9).astype(np.float32), top)


def shore(canvas: Canvas, palette: Palette, seed: Seed, standing_x: list[float], standing_y: float) -> None:
    """A headland under each place where a figure is painted by the sea."""
    x = np.linspace(0, 1, canvas.shape[1], dtype=np.float32)
    rough = ridge(canvas.shape[1], (seed, "shore"), 0.5) * 0.012
    line = np.min([standing_y - 0.02 + 2.2 * np.abs(x - each) ** 1.7 for each in standing_x], axis=0) + rough
    land(canvas, line, palette.near * 0.6)


def forest(canvas: Canvas, palette: Palette, seed: Seed) -> None:
    """Rows of firs: the outline of each is a triangle with a jagged edge."""
    width_px = canvas.shape[1]
    aspect = width_px / canvas.shape[0]
    x = np.linspace(0, aspect, width_px, dtype=np.float32)
    for layer in range(4):
        depth = layer / 3
        ground = HORIZON + 0.08 + depth * 0.26 - ridge(width_px, (seed, layer), 0.4) * 0.03
        line = ground.copy()
        dice = np.random.default_rng(chance.number(seed, layer, "trees"))
        for _ in range(int((34 - 7 * layer) * aspect)):
            middle, tall = dice.uniform(0, aspect), (0.1 + 0.16 * depth) * dice.uniform(0.5, 1.1)
            away = np.abs(x - middle) / (tall * 0.34)
            jag = 0.06 * tall * np.abs(((away * 6) % 1) - 0.5)
            line = np.where(away < 1, np.minimum(line, ground - tall * (1 - away) + jag), line)
        land(canvas, line, _mix(palette.far, palette.near, 0.15 + 0.85 * depth))


def city(canvas: Canvas, palette: Palette, seed: Seed) -> None:
    """Two rows of houses, the nearer one with lit windows."""
    height_px, width_px = canvas.shape[:2]
    for layer in range(3):
        depth = layer / 2
        dice = np.random.default_rng(chance.number(seed, layer, "houses"))
        line = np.full(width_px, HORIZON + 0.1 + depth * 0.22, dtype=np.float32)
        left = 0
        while left < width_px:
            wide = int(height_px * dice.uniform(0.05, 0.12) * (0.8 + 0.7 * depth))
            line[left : left + wide] -= dice.uniform(0.05, 0.33) * (1 - 0.25 * depth)
            left += wide
        land(canvas, line, _mix(palette.far, palette.near, depth))
        if layer:
            _windows(canvas, line, palette, dice, height_px)


def _windows(
    canvas: Canvas, line: NDArray[np.float32], palette: Palette, dice: np.random.Generator, height_px: int
) -> None:
    step = max(6, height_px // 48)
    for left in range(step, canvas.shape[1] - step, step):
        roof = int(max(line[left - step // 3], line[left + step // 2]) * height_px)
        for top in range(roof + step, int(0.95 * height_px), step):
            if dice.random() < 0.22:  # noqa: PLR2004 - people at home
                pane = canvas[top : top + step // 2, left : left + step // 3]
                pane += (palette.light - pane) * dice.uniform(0.45, 0.95)


PLACES: Mapping[str, Callable[[Canvas, Palette, Seed], None]] = {
    "hills": hills,
    "mountains": mountains,
    "sea": sea,
    "forest": forest,
    "city": city,
    "dunes": dunes,
}


Shape = tuple[tuple[float, float], ...]

_OVERSAMPLE = 3
_CORNERS = 40


@dataclass(frozen=True, slots=True)
class Figure:
    """``height`` is a share of the canvas's short side; ``body`` is dark, ``lit`` glows."""

    height: float
    body: tuple[Shape, ...]
    lit: tuple[Shape, ...] = ()


def _box(left: float, top: float, right: float, bottom: float) -> Shape:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _oval(x: float, y: float, wide: float, high: float) -> Shape:
    turns = (2 * math.pi * i / _CORNERS for i in range(_CORNERS))
    return tuple((x + wide * math.cos(turn), y + high * math.sin(turn)) for turn in turns)


FIGURES: Mapping[str, Figure] = {
    "lighthouse": Figure(
        0.52,
        (
            ((0.42, 1.0), (0.455, 0.26), (0.545, 0.26), (0.58, 1.0)),
            _box(0.42, 0.24, 0.58, 0.265),
            ((0.44, 0.14), (0.5, 0.06), (0.56, 0.14)),
            ((0.29, 1.0), (0.29, 0.89), (0.355, 0.83), (0.42, 0.89), (0.42, 1.0)),
        ),
        (_box(0.46, 0.14, 0.54, 0.24), _box(0.487, 0.44, 0.513, 0.49), _box(0.335, 0.91, 0.37, 0.95)),
    ),
    "boat": Figure(
        0.2,
        (((0.12, 0.8), (0.88, 0.8), (0.74, 1.0), (0.26, 1.0)), _box(0.49, 0.05, 0.52, 0.8)),
        (((0.54, 0.74), (0.54, 0.08), (0.86, 0.74)), ((0.47, 0.74), (0.47, 0.22), (0.2, 0.74))),
    ),
    "house": Figure(
        0.24,
        (
            _box(0.2, 0.55, 0.8, 1.0),
            ((0.12, 0.57), (0.5, 0.22), (0.88, 0.57)),
            ((0.64, 0.4), (0.64, 0.2), (0.73, 0.2), (0.73, 0.48)),
        ),
        (_box(0.3, 0.66, 0.42, 0.8), _box(0.58, 0.66, 0.7, 0.8)),
    ),
    "person": Figure(
        0.22,
        (
            _oval(0.5, 0.17, 0.068, 0.085),
            ((0.37, 0.72), (0.43, 0.28), (0.47, 0.25), (0.53, 0.25), (0.57, 0.28), (0.63, 0.72)),
            _box(0.42, 0.7, 0.485, 1.0),
            _box(0.515, 0.7, 0.58, 1.0),
            ((0.44, 0.29), (0.3, 0.54), (0.34, 0.57), (0.47, 0.4)),
        ),
        (_box(0.275, 0.56, 0.345, 0.66),),
    ),
    "tree": Figure(
        0.36,
        (
            ((0.465, 1.0), (0.48, 0.5), (0.52, 0.5), (0.535, 1.0)),
            _oval(0.5, 0.3, 0.2, 0.22),
            _oval(0.34, 0.42, 0.16, 0.15),
            _oval(0.66, 0.43, 0.17, 0.15),
        ),
    ),
    "balloon": Figure(
        0.32,
        (_box(0.455, 0.86, 0.545, 0.93), ((0.47, 0.87), (0.365, 0.58), (0.635, 0.58), (0.53, 0.87))),
        (_oval(0.5, 0.38, 0.22, 0.27),),
    ),
    "rocket": Figure(
        0.4,
        (
            ((0.5, 0.05), (0.56, 0.14), (0.6, 0.28), (0.61, 0.75), (0.39, 0.75), (0.4, 0.28), (0.44, 0.14)),
            ((0.4, 0.55), (0.28, 0.85), (0.4, 0.76)),
            ((0.6, 0.55), (0.72, 0.85), (0.6, 0.76)),
        ),
        (_oval(0.5, 0.34, 0.045, 0.045), ((0.44, 0.77), (0.56, 0.77), (0.5, 1.0))),
    ),
}


def draw_figure(canvas: Canvas, figure: Figure, palette: Palette, at: tuple[float, float], scale: float) -> None:
    """Put a figure at a place given in shares of the canvas."""
    _stamp(canvas, palette.near * 0.5, figure.body, at, figure.height * scale)
    _stamp(canvas, palette.light, figure.lit, at, figure.height * scale)


def _stamp(canvas: Canvas, colour: Colour, shapes: tuple[Shape, ...], at: tuple[float, float], size: float) -> None:
    height_px, width_px = canvas.shape[:2]
    box_px = max(8, int(size * min(height_px, width_px)))
    fine_px = box_px * _OVERSAMPLE
    mask = Image.new("L", (fine_px, fine_px))
    for shape in shapes:
        ImageDraw.Draw(mask).polygon([(x * fine_px, y * fine_px) for x, y in shape], fill=255)
    alpha = np.asarray(mask.resize((box_px, box_px), Image.Resampling.BOX), dtype=np.float32) / 255
    left, top = int(at[0] * width_px - box_px / 2), int(at[1] * height_px) - box_px
    alpha = alpha[max(0, -top) : height_px - top, max(0, -left) : width_px - left]
    spot = canvas[max(0, top) : max(0, top) + alpha.shape[0], max(0, left) : max(0, left) + alpha.shape[1]]
    spot += (colour - spot) * alpha[..., None]
