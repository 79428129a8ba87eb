"""The pictures of a clip: from its first frame to its last, blended as integers on YUV planes.

Pictures are converted once; each frame then costs three passes over its planes, which is what keeps a render short.
"""

import io
import math
from collections.abc import Iterator

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Plane = NDArray[np.uint8]
Planes = tuple[Plane, ...]  # Y, and U and V at half size

# Every second frame repeats the one before: the motion of hand-drawn film, at half the price.
FRAMES_PER_PICTURE = 2
_WEIGHT_BITS = 7  # a share of 128ths: products with 8-bit samples still fit 16 bits
_PAN_SHARE = 0.025  # of the width, there and back


def planes(encoded: bytes, width_px: int, height_px: int, *, pad: bool = False) -> Planes:
    """A picture filling the frame; where its shape differs it is cropped in the middle, or padded with black."""
    fit = ImageOps.pad if pad else ImageOps.fit
    with Image.open(io.BytesIO(encoded)) as picture:
        fitted = fit(picture.convert("RGB"), (width_px, height_px), Image.Resampling.BICUBIC)
    return _planes(av.VideoFrame.from_ndarray(np.asarray(fitted), format="rgb24"), width_px, height_px)


def played(mp4: bytes, width_px: int, height_px: int) -> Iterator[Planes]:
    """The pictures of a clip, scaled to the frame."""
    with av.open(io.BytesIO(mp4), "r") as container:
        for frame in container.decode(video=0):
            yield _planes(frame, width_px, height_px)


def _planes(frame: av.VideoFrame, width_px: int, height_px: int) -> Planes:
    given = "JPEG" if frame.format.name == "rgb24" else "MPEG"
    shown = frame.reformat(
        width=width_px,
        height=height_px,
        format="yuv420p",
        dst_colorspace="ITU709",
        src_color_range=given,
        dst_color_range="MPEG",
    )
    return tuple(
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width].copy()
        for plane in shown.planes
    )


def tween(first: Planes, last: Planes, count: int) -> Iterator[Planes]:
    """``count`` frames; the first and the last are exactly those given, and equal neighbours are the same object."""
    current = first
    for index in range(count):
        if index == count - 1:
            current = last
        elif index and index % FRAMES_PER_PICTURE == 0:
            current = _between(first, last, index / (count - 1))
        yield current


def _between(first: Planes, last: Planes, moment: float) -> Planes:
    """The clip at a moment in 0..1: the cross-over eases in and out while the view glides aside and back."""
    eased = moment * moment * (3 - 2 * moment)
    weight = round(eased * (1 << _WEIGHT_BITS))
    away_px = 2 * round(math.sin(moment * math.pi) * first[0].shape[1] * _PAN_SHARE / 2)
    return tuple(
        _shifted(_blended(a, b, weight), away_px if a.shape == first[0].shape else away_px // 2)
        for a, b in zip(first, last, strict=True)
    )


def _blended(a: Plane, b: Plane, weight: int) -> Plane:
    if weight in (0, 1 << _WEIGHT_BITS) or a is b:
        return b if weight else a
    mixed = np.multiply(a, (1 << _WEIGHT_BITS) - weight, dtype=np.uint16)
    mixed += np.multiply(b, weight, dtype=np.uint16)
    mixed >>= _WEIGHT_BITS
    return mixed.astype(np.uint8)


def _shifted(plane: Plane, away_px: int) -> Plane:
    """Moved to the left, the edge column repeated where nothing follows."""
    if not away_px:
        return plane
    moved = np.empty_like(plane)
    moved[:, :-away_px] = plane[:, away_px:]
    moved[:, -away_px:] = plane[:, -1:]
    return moved


def black(width_px: int, height_px: int) -> Planes:
    grey = np.full((height_px // 2, width_px // 2), 128, np.uint8)
    return np.full((height_px, width_px), 16, np.uint8), grey, grey
