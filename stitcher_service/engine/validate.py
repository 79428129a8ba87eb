"""Validate the rendered film independently of how it was made: everything is read from its file."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av

from stitcher_service.engine import commands
from stitcher_service.engine.errors import RenderFailed
from stitcher_service.engine.inspection import parse_log, run_and_read_log
from stitcher_service.engine.presentation import read_times
from stitcher_service.engine.render_plan import RenderPlan
from stitcher_service.ffmpeg.completeness import read_boxes
from stitcher_service.ffmpeg.errors import Unreadable
from stitcher_service.ffmpeg.probe import MediaInfo, VideoTrack, probe
from stitcher_service.ffmpeg.run import Runner


def validate_film(
    film: Path, plan: RenderPlan, runner: Runner, *, may_be_black: bool, has_chapters: bool = False
) -> None:
    """Refuse a film that is not exactly what was planned.

    Raises: RenderFailed, with every fault found.
    """
    try:
        info = probe(film)
    except Unreadable as error:
        raise RenderFailed(f"the film {error.reason}") from error
    faults = [*_stream_faults(info, plan), *_layout_faults(film, has_chapters=has_chapters)]
    faults += _decoding_faults(film, plan, runner, may_be_black=may_be_black)
    if faults:
        raise RenderFailed(f"the film did not pass: {'; '.join(faults)}")


def _stream_faults(info: MediaInfo, plan: RenderPlan) -> Iterator[str]:
    if info.video is None or info.audio is None:
        yield "picture or sound is missing"
        return
    yield from _picture_faults(info.video, plan)
    if info.audio.codec != "aac":
        yield f"its sound is {info.audio.codec}"
    length_s = plan.frames / plan.film.rate
    if abs(info.audio.duration_s - length_s) > 1 / plan.film.rate:
        yield f"sound lasts {float(info.audio.duration_s):.3f} s, picture {float(length_s):.3f} s"


def _picture_faults(video: VideoTrack, plan: RenderPlan) -> Iterator[str]:
    if (video.codec, video.pixel_format) != ("h264", "yuv420p"):
        yield f"its picture is {video.codec} {video.pixel_format}"
    if (video.width_px, video.height_px) != plan.film.size_px or video.pixel_aspect != 1 or not video.is_upright:
        yield f"its size is {video.width_px}x{video.height_px}, turned by {video.rotation_deg} degrees or mirrored"
    if video.frames != plan.frames:
        yield f"it shows {video.frames} frames, planned were {plan.frames}"
    if not video.keeps_time(plan.film.rate) or video.start_s:
        yield "its frames are not evenly spaced from 0"
    if video.is_changing:
        yield "its pictures do not all have the same form"
    if not video.packet_is_idr[0]:
        yield "it does not begin with an IDR picture"


def _layout_faults(film: Path, *, has_chapters: bool) -> Iterator[str]:
    with film.open("rb") as file:
        order = [box.name for box in read_boxes(file) if box.name in {"moov", "mdat"}]
    if order != ["moov", "mdat"]:
        yield f"its boxes are {order}, a fast start needs moov before mdat"
    with av.open(str(film)) as container:
        if len(container.streams) != len(("picture", "sound")) + has_chapters:  # chapters are a track of text
            yield f"it has {len(container.streams)} streams"
        times = [packet.dts for packet in container.demux(container.streams.video[0]) if packet.dts is not None]
    if any(later <= earlier for earlier, later in pairwise(times)):
        yield "its decode times do not rise"


def _decoding_faults(film: Path, plan: RenderPlan, runner: Runner, *, may_be_black: bool) -> Iterator[str]:
    """Decode the whole film once: every picture must be sound, in its place, and not all of them black."""
    written = film.with_suffix(".times")
    found = parse_log(run_and_read_log(commands.inspect_film(film, written), runner))
    times_s = read_times(written)
    written.unlink(missing_ok=True)
    rate, length_s = plan.film.rate, plan.frames / plan.film.rate
    if found.damage:
        yield f"decoding it says: {found.damage[0]}"
    if len(times_s) != plan.frames:
        yield f"{len(times_s)} of its {plan.frames} frames can be decoded"
    elif any(time_s != n / rate for n, time_s in enumerate(times_s)):
        yield "its frames are not shown in their order"
    black_s = sum(span.overlap_s(0, float(length_s)) for span in found.black)
    if found.black and black_s >= length_s - 2 / rate and not may_be_black:
        yield "it is black although its clips are not"
