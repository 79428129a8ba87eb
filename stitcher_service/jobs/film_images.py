"""The still images of a finished film: its poster, and a contact sheet with one frame of each scene."""

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import av.filter

from promptreel.errors import Broken
from stitcher_service.engine import commands
from stitcher_service.ffmpeg.errors import FfmpegFailed
from stitcher_service.ffmpeg.run import Runner

COLUMNS = 4
GAP_PX = 6
_BACKGROUND = "0x181818"
_SHRINK = "320:320:force_original_aspect_ratio=decrease:force_divisible_by=2:in_color_matrix=bt709:flags=bilinear"


def save_poster(film: Path, out_jpg: Path, runner: Runner) -> None:
    """The film's most typical keyframe, at most 1280 pixels wide.

    Raises: Broken.
    """
    try:
        runner.run(commands.poster(film.absolute(), out_jpg.absolute()))
    except FfmpegFailed as error:
        raise Broken(f"poster: {error}", code="cut_failed") from error
    if not out_jpg.exists():
        raise Broken("poster: ffmpeg ended well but wrote nothing", code="cut_failed")


def save_contact_sheet(film: Path, frames: Sequence[int], rate: Fraction, out: Path) -> None:
    """The film's frames of these numbers, in order, up to four in a row on a dark background, as one JPEG.

    Raises: Broken.
    """
    columns = min(COLUMNS, len(frames))
    grid = f"{columns}x{math.ceil(len(frames) / columns)}:padding={GAP_PX}:margin={GAP_PX}:color={_BACKGROUND}"
    try:
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            graph = av.filter.Graph()
            filters = (("scale", _SHRINK), ("format", "rgb24"), ("tile", grid), ("buffersink", None))
            graph.link_nodes(graph.add_buffer(template=stream), *(graph.add(*each) for each in filters)).configure()
            for frame in frames:
                graph.push(_frame_at(container, stream, frame / rate))
            graph.push(None)
            graph.vpull().save(str(out))
    except av.error.FFmpegError as error:
        raise Broken(f"contact sheet: {error}", code="cut_failed") from error


def _frame_at(container: Any, stream: Any, time_s: Fraction) -> Any:
    time = math.floor(time_s / stream.time_base)
    container.seek(time, stream=stream)
    for frame in container.decode(stream):
        if frame.pts >= time:
            return frame
    raise Broken(f"contact sheet: the film has no frame at {float(time_s):.2f} s", code="cut_failed")
