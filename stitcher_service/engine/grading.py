"""Corrections of a clip's colours: which one a frame gets, and the table of colours by which ffmpeg makes it.

A table holds for every colour of a grid what becomes of it; ffmpeg interpolates. Only this module knows what a
correction means for a colour.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stitcher_service.engine.cutlist import Correction

Colours = npt.NDArray[np.float64]

_GRID = 33  # colours on each edge of the table
# Over so much lightness a correction fades out towards black and white, so that neither is tinted or lifted.
_SHOULDER = 25.0

# IEC 61966-2-1 (sRGB) and CIE 15 with the white point D65.
_TO_XYZ = np.array(
    ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
)
_WHITE = np.array((0.95047, 1.0, 1.08883))
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27


@dataclass(frozen=True, slots=True)
class GradePoint:
    """The correction of one frame of a clip; between two points it changes evenly."""

    frame: int
    correction: Correction


def spread_over(corrections: Sequence[Correction], first: int, frames: int) -> tuple[GradePoint, ...]:
    """Corrections at equal distances over `frames` frames from `first` on."""
    last, gaps = frames - 1, max(len(corrections) - 1, 1)
    return tuple(GradePoint(first + last * n // gaps, one) for n, one in enumerate(corrections))


def cut_out(points: Sequence[GradePoint], first: int, end: int) -> tuple[GradePoint, ...]:
    """The points of frames [first, end) alone: one at each end, and those between."""
    if not points:
        return ()
    inside = (point for point in points if first < point.frame < end - 1)
    ends = (GradePoint(frame, _correction_at(points, frame)) for frame in (first, end - 1))
    before, after = ends
    cut = (before, *inside, after)
    is_constant = all(point.correction == before.correction for point in cut)
    return (before,) if is_constant or first == end - 1 else cut


def _correction_at(points: Sequence[GradePoint], frame: int) -> Correction:
    before = max((point for point in points if point.frame <= frame), key=lambda point: point.frame, default=points[0])
    after = min((point for point in points if point.frame >= frame), key=lambda point: point.frame, default=points[-1])
    length = after.frame - before.frame
    share = (frame - before.frame) / length if length > 0 else 0.0
    names = (field.name for field in fields(Correction))
    one, other = before.correction, after.correction
    return Correction(**{name: (1 - share) * getattr(one, name) + share * getattr(other, name) for name in names})


def table_path(correction: Correction, folder: Path) -> Path:
    """Where the table of a correction lies: equal ones share it."""
    name = hashlib.sha256(repr(astuple(correction)).encode()).hexdigest()[:16]
    return folder / f"grade-{name}.cube"


def write_table(correction: Correction, folder: Path) -> None:
    """Write the table of a correction to `table_path`, as a .cube file."""
    steps = np.linspace(0, 1, _GRID)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")  # red runs fastest
    rows = apply(correction, np.stack((red, green, blue), axis=-1).reshape(-1, 3))
    text = io.StringIO()
    text.write(f"LUT_3D_SIZE {_GRID}\n")
    np.savetxt(text, rows, fmt="%.5f")
    table_path(correction, folder).write_text(text.getvalue(), "ascii")


def apply(correction: Correction, rgb: Colours) -> Colours:
    """Rows of sRGB colours, 0 to 1 each, after the correction; what leaves sRGB is clipped."""
    lightness, a, b = np.moveaxis(to_lab(rgb), -1, 0)
    weight = np.clip(np.minimum(lightness, 100 - lightness) / _SHOULDER, 0, 1)
    moved = correction.lightness + (correction.contrast - 1) * (lightness - correction.pivot)
    lab = (
        lightness + weight * moved,
        correction.saturation * a + weight * correction.a,
        correction.saturation * b + weight * correction.b,
    )
    return np.clip(_to_rgb(np.stack(lab, axis=-1)), 0, 1)


def to_lab(rgb: Colours) -> Colours:
    """Rows of sRGB colours, 0 to 1 each, in CIELAB."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004 - of the standard
    share = linear @ _TO_XYZ.T / _WHITE
    x, y, z = np.moveaxis(np.where(share > _EPSILON, np.cbrt(share), (_KAPPA * share + 16) / 116), -1, 0)
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1)


def _to_rgb(lab: Colours) -> Colours:
    lightness, a, b = np.moveaxis(lab, -1, 0)
    y = (lightness + 16) / 116
    root = np.stack((y + a / 500, y, y - b / 200), axis=-1)
    share = np.where(root**3 > _EPSILON, root**3, (116 * root - 16) / _KAPPA)
    linear: Colours = np.clip((share * _WHITE) @ np.linalg.inv(_TO_XYZ).T, 0, None)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)  # noqa: PLR2004
