"""The last look at a film before it may be called finished. Reads the file as a stranger would; trusts no plan."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np

from stitcher_service import recipes
from stitcher_service.errors import RenderFailed
from stitcher_service.ffmpeg.completeness import boxes
from stitcher_service.ffmpeg.errors import Unreadable
from stitcher_service.ffmpeg.probe import MediaInfo, VideoTrack, probe
from stitcher_service.ffmpeg.run import Runner
from stitcher_service.inspection import damage
from stitcher_service.segments import Copy, FilmFormat, Plan, Window
from stitcher_service.workers import Each

# How much is decoded before and after a joint. Decoding starts at the keyframe before the first frame, so one frame
# before a joint means the whole group that leads up to it.
_FRAMES_BEFORE = 1
_FRAMES_AFTER = 6
_BLACK_LUMA = 26  # of 255: blackdetect's tenth
_BLACK_SHARE = 0.98  # of the picture, as for the clips
_LOOKS = 7


@dataclass(frozen=True, slots=True)
class _Stretch:
    start_s: Fraction
    end_s: Fraction


def validate(
    film: Path, plan: Plan, tracks: Sequence[VideoTrack], runner: Runner, each: Each, *, may_be_black: bool
) -> None:
    """Refuse a film that is not exactly what was planned; `tracks` are those of the clips, by number.

    Raises: RenderFailed, with every fault found.
    """
    try:
        info = probe(film)
    except Unreadable as error:
        raise RenderFailed(f"the film {error.reason}") from error
    faults = [*_stream_faults(info, plan), *_layout_faults(film), *_joint_faults(film, plan, tracks, runner, each)]
    if not faults and not may_be_black and _is_black(film):
        faults.append("it is black although its clips are not")
    if faults:
        raise RenderFailed(f"the film did not pass: {'; '.join(faults)}")


def _stream_faults(info: MediaInfo, plan: Plan) -> Iterator[str]:
    if info.video is None or info.audio is None:
        yield "picture or sound is missing"
        return
    yield from _picture_faults(info.video, plan.film, plan.frames)
    if info.audio.codec != "aac":
        yield f"its sound is {info.audio.codec}"
    length_s = plan.frames / plan.film.rate
    if abs(info.audio.duration_s - length_s) > 1 / plan.film.rate:
        yield f"sound lasts {float(info.audio.duration_s):.3f} s, picture {float(length_s):.3f} s"


def _picture_faults(video: VideoTrack, film: FilmFormat, frames: int) -> Iterator[str]:
    if (video.codec, video.pixel_format) != ("h264", "yuv420p"):
        yield f"its picture is {video.codec} {video.pixel_format}"
    if (video.width_px, video.height_px) != film.size_px or video.pixel_aspect != 1 or video.rotation_deg:
        yield f"its size is {video.width_px}x{video.height_px}, turned by {video.rotation_deg} degrees"
    if video.frames != frames:
        yield f"it shows {video.frames} frames, planned were {frames}"
    if not video.keeps_time(film.rate) or video.start_s:
        yield "its frames are not evenly spaced from 0"
    if not video.packet_is_idr[0]:
        yield "it does not begin with an IDR picture"


def _layout_faults(film: Path) -> Iterator[str]:
    with film.open("rb") as file:
        order = [box.name for box in boxes(file) if box.name in {"moov", "mdat"}]
    if order != ["moov", "mdat"]:
        yield f"its boxes are {order}, a fast start needs moov before mdat"
    with av.open(str(film)) as container:
        if len(container.streams) != len(("picture", "sound")):
            yield f"it has {len(container.streams)} streams"
        times = [packet.dts for packet in container.demux(container.streams.video[0]) if packet.dts is not None]
    if any(later <= earlier for earlier, later in pairwise(times)):
        yield "its decode times do not rise"


def _joint_faults(film: Path, plan: Plan, tracks: Sequence[VideoTrack], runner: Runner, each: Each) -> Iterator[str]:
    """Decode all that was encoded to stand between copied frames, and where each kind of copy begins.

    Copied frames were decoded when their clips were inspected, and `assemble.py` has compared their bytes: only
    whether their parameter sets came along is open. A film without copies comes from one encoder: its joints do.
    """

    def look(stretch: _Stretch) -> tuple[_Stretch, tuple[str, ...]]:
        return stretch, damage(recipes.check_pictures(film, stretch.start_s, stretch.end_s - stretch.start_s), runner)

    for stretch, said in each(look, _stretches(plan, tracks)):
        if said:
            yield f"decoding from {float(stretch.start_s):.2f} s says: {said[0]}"


def _stretches(plan: Plan, tracks: Sequence[VideoTrack]) -> list[_Stretch]:
    """Where to look, merged where they touch."""
    stretches: list[_Stretch] = []
    for first, end in _looks(plan, tracks):
        stretch = _Stretch(first / plan.film.rate, end / plan.film.rate)
        if stretches and stretch.start_s <= stretches[-1].end_s:
            stretch = _Stretch(stretches.pop().start_s, stretch.end_s)
        stretches.append(stretch)
    return stretches


def _looks(plan: Plan, tracks: Sequence[VideoTrack]) -> Iterator[tuple[int, int]]:
    """First and end frame of all that must be decoded, in order."""
    known: set[tuple[bytes, bool]] = set()
    frame, follows_window = 0, False
    for segment in plan.segments:
        if isinstance(segment, Copy):
            kind = (tracks[segment.clip].extradata, follows_window)
            if kind not in known:
                yield max(frame - _FRAMES_BEFORE, 0), frame + _FRAMES_AFTER
            known.add(kind)
        else:
            yield frame, frame + (segment.frames if plan.copies else min(segment.frames, _FRAMES_AFTER))
        follows_window = isinstance(segment, Window)
        frame += segment.frames


def _is_black(film: Path) -> bool:
    """Whether keyframes from all over the film show nothing."""
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        length = stream.duration or 0
        return all(_luma(container, stream, length * look // _LOOKS) < _BLACK_LUMA for look in range(_LOOKS))


def _luma(container: Any, stream: Any, time: int) -> float:
    container.seek(time, stream=stream)
    picture = next(container.decode(stream))
    return float(np.quantile(picture.to_ndarray(format="gray"), _BLACK_SHARE))
