"""The still images of a finished film: its poster, and a contact sheet with one frame of each scene."""

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt

from stitcher_service.engine import commands
from stitcher_service.engine.errors import RenderFailed
from stitcher_service.ffmpeg.errors import FfmpegFailed
from stitcher_service.ffmpeg.run import Runner

Pixels = npt.NDArray[np.uint8]

COLUMNS = 4
GAP_PX = 6
_BACKGROUND = 24
_LONG_SIDE_PX = 320


def save_poster(film: Path, out_jpg: Path, runner: Runner) -> None:
    """The film's most typical keyframe, at most 1280 pixels wide.

    Raises: RenderFailed.
    """
    try:
        runner.run(commands.poster(film.absolute(), out_jpg.absolute()))
    except FfmpegFailed as error:
        raise RenderFailed(f"poster: {error}") from error
    if not out_jpg.exists():
        raise RenderFailed("poster: ffmpeg ended well but wrote nothing")


def save_contact_sheet(film: Path, frames: Sequence[int], rate: Fraction, out: Path) -> None:
    """The film's frames of these numbers, in order, up to four in a row, as one JPEG.

    Raises: RenderFailed.
    """
    try:
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            images = [_shrink(_frame_at(container, stream, frame / rate)) for frame in frames]
        av.VideoFrame.from_ndarray(tile(images), format="rgb24").save(str(out))
    except av.error.FFmpegError as error:
        raise RenderFailed(f"contact sheet: {error}") from error


def _frame_at(container: Any, stream: Any, time_s: Fraction) -> Any:
    time = math.floor(time_s / stream.time_base)
    container.seek(time, stream=stream)
    for frame in container.decode(stream):
        if frame.pts >= time:
            return frame
    raise RenderFailed(f"contact sheet: the film has no frame at {float(time_s):.2f} s")


def _shrink(frame: Any) -> Pixels:
    scale = _LONG_SIDE_PX / max(frame.width, frame.height)
    width, height = (2 * round(side * scale / 2) for side in (frame.width, frame.height))
    small = frame.reformat(width=width, height=height, format="rgb24", src_colorspace="ITU709")
    return np.asarray(small.to_ndarray(), dtype=np.uint8)


def tile(images: Sequence[Pixels]) -> Pixels:
    """Images of one size on a dark background, row by row."""
    height, width, _ = images[0].shape
    columns = min(COLUMNS, len(images))
    rows = math.ceil(len(images) / columns)
    size = (rows * (height + GAP_PX) + GAP_PX, columns * (width + GAP_PX) + GAP_PX, 3)
    sheet = np.full(size, _BACKGROUND, np.uint8)
    for place, image in enumerate(images):
        top = GAP_PX + place // columns * (height + GAP_PX)
        left = GAP_PX + place % columns * (width + GAP_PX)
        sheet[top : top + height, left : left + width] = image
    return sheet
