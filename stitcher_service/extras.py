"""Pictures made from a finished film, and a clip made from pictures."""

import math
from fractions import Fraction
from pathlib import Path

from stitcher_service import recipes
from stitcher_service.errors import BadInput, RenderFailed
from stitcher_service.ffmpeg.command import Command
from stitcher_service.ffmpeg.errors import FfmpegFailed, Unreadable
from stitcher_service.ffmpeg.probe import VideoTrack, probe
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg

_SHEET_COLUMNS = 5


def poster(film: Path, out_jpg: Path) -> None:
    """The film's most typical keyframe, at most 1280 pixels wide.

    Raises: BadInput, RenderFailed.
    """
    _picture_track(film)
    _make(recipes.poster(film.absolute(), out_jpg.absolute()))


def contact_sheet(film: Path, out_jpg: Path, pictures: int = 20) -> None:
    """Up to `pictures` small pictures, evenly spread over the film, five in a row.

    Raises: BadInput, RenderFailed.
    """
    length_s = _picture_track(film).duration_s
    every_s = max(length_s / pictures, Fraction(1))
    rows = math.ceil(math.ceil(length_s / every_s) / _SHEET_COLUMNS)
    _make(recipes.contact_sheet(film.absolute(), out_jpg.absolute(), float(every_s), _SHEET_COLUMNS, rows))


def still(first: Path, last: Path, frames: int, size: tuple[int, int], rate: Fraction, out: Path) -> None:
    """A clip of so many frames that moves from one picture to the other.

    Raises: RenderFailed.
    """
    _make(recipes.still_motion(first.absolute(), last.absolute(), frames, size, rate, out.absolute()))


def _picture_track(film: Path) -> VideoTrack:
    try:
        track = probe(film).video
    except Unreadable as error:
        raise BadInput(film, error.reason) from error
    if track is None:
        raise BadInput(film, "has no picture")
    return track


def _make(command: Command) -> None:
    try:
        Runner(find_ffmpeg(), timeout_s=120).run(command)
    except FfmpegFailed as error:
        raise RenderFailed(f"picture from film: {error}") from error
    if not command.output.path or not command.output.path.exists():
        raise RenderFailed("picture from film: ffmpeg ended well but wrote nothing")
