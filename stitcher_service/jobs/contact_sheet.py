"""The contact sheet: one picture from the middle of each scene, in rows, as one JPEG."""

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt

from stitcher_service.engine.errors import RenderFailed

Pixels = npt.NDArray[np.uint8]

COLUMNS = 4
GAP_PX = 6
_GROUND = 24
_LONG_SIDE_PX = 320


def save_contact_sheet(film: Path, frames: Sequence[int], rate: Fraction, out: Path) -> None:
    """The film's frames of these numbers, in order, up to four in a row.

    Raises: RenderFailed.
    """
    try:
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            pictures = [_small(_frame_at(container, stream, frame / rate)) for frame in frames]
        av.VideoFrame.from_ndarray(tile(pictures), format="rgb24").save(str(out))
    except av.error.FFmpegError as error:
        raise RenderFailed(f"contact sheet: {error}") from error


def _frame_at(container: Any, stream: Any, time_s: Fraction) -> Any:
    time = math.floor(time_s / stream.time_base)
    container.seek(time, stream=stream)
    for picture in container.decode(stream):
        if picture.pts >= time:
            return picture
    raise RenderFailed(f"contact sheet: the film has no frame at {float(time_s):.2f} s")


def _small(picture: Any) -> Pixels:
    scale = _LONG_SIDE_PX / max(picture.width, picture.height)
    width, height = (2 * round(side * scale / 2) for side in (picture.width, picture.height))
    seen = picture.reformat(width=width, height=height, format="rgb24", src_colorspace="ITU709")
    return np.asarray(seen.to_ndarray(), dtype=np.uint8)


def tile(pictures: Sequence[Pixels]) -> Pixels:
    """Pictures of one size on a dark ground, row by row."""
    height, width, _ = pictures[0].shape
    columns = min(COLUMNS, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    size = (rows * (height + GAP_PX) + GAP_PX, columns * (width + GAP_PX) + GAP_PX, 3)
    sheet = np.full(size, _GROUND, np.uint8)
    for place, picture in enumerate(pictures):
        top = GAP_PX + place // columns * (height + GAP_PX)
        left = GAP_PX + place % columns * (width + GAP_PX)
        sheet[top : top + height, left : left + width] = picture
    return sheet
