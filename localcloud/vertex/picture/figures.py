"""Small things that stand in a landscape, as polygons in a unit box whose bottom middle is where they stand."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from localcloud.vertex.picture.palette import Colour, Palette
from localcloud.vertex.picture.scenery import Canvas

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
