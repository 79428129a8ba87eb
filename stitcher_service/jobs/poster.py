"""The picture that stands for a finished film."""

from pathlib import Path

from stitcher_service.engine import commands
from stitcher_service.engine.errors import RenderFailed
from stitcher_service.ffmpeg.errors import FfmpegFailed
from stitcher_service.ffmpeg.run import Runner


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
