"""What a media file holds, read by demuxing it: every packet's place, no guesses from headers. Decodes one picture.

The header's word on rate, length and keyframes is not enough: films are cut by frame number (facts: constant-rate
looking files with uneven times, files shorter than their index, keyframes that are not IDR).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import av
import av.error

from stitcher_service.ffmpeg import avc
from stitcher_service.ffmpeg.completeness import missing_bytes
from stitcher_service.ffmpeg.errors import Unreadable

HIDDEN = -1
_MICROSECONDS = 1_000_000
_INDEXED_FORMATS = ("mp4", "matroska")
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG

# Opening a file decodes some pictures to learn what is in it (23 ms of processor at 720p). For mere bytes it need not.
WITHOUT_DECODING = {"codec_whitelist": "none"}
_ANY = {"protocol_whitelist": "file"}
_OURS = {**_ANY, **WITHOUT_DECODING}


@dataclass(frozen=True, slots=True)
class Colour:
    """Code points of ITU-T H.273 (2: unspecified) and the range of the samples."""

    primaries: int
    transfer: int
    matrix: int
    is_full_range: bool = False


@dataclass(frozen=True)
class VideoTrack:
    """A picture track. Packets are listed in decode order; frame numbers count presented frames from 0."""

    codec: str
    width_px: int
    height_px: int
    pixel_format: str
    pixel_aspect: Fraction
    rotation_deg: int
    is_interlaced: bool
    colour: Colour
    extradata: bytes
    is_indexed: bool  # the file says where its pictures are, so that seeking is exact
    start_s: Fraction  # of the first frame, after the start of the file (its sound may begin earlier)
    duration_s: Fraction
    times_s: tuple[Fraction, ...]  # of every frame, from the first one, in presentation order
    tick_s: Fraction  # the finest step its timestamps can express
    packet_frames: tuple[int, ...]  # frame number of each packet; HIDDEN where an edit list keeps it from view
    packet_is_idr: tuple[bool, ...]

    @property
    def frames(self) -> int:
        return len(self.times_s)

    @cached_property
    def parameter_sets(self) -> avc.ParameterSets | None:
        return avc.ParameterSets.from_avcc(self.extradata) if self.codec == "h264" else None

    def keeps_time(self, rate: Fraction) -> bool:
        """Whether frame n is shown at n/rate, for every n, as exactly as the file can say it."""
        on_time = all(abs(time_s - n / rate) <= self.tick_s for n, time_s in enumerate(self.times_s))
        return on_time and self.tick_s * 4 < 1 / rate

    def frames_at(self, rate: Fraction) -> int:
        """How many frames of `rate` this track fills: its own where it keeps that time, else its length."""
        return self.frames if self.keeps_time(rate) else round(self.duration_s * rate)


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """A sound track, as its file describes it."""

    codec: str
    rate_hz: int
    channels: int
    duration_s: Fraction


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """One file: its first picture and sound track, either of which may be missing."""

    path: Path
    video: VideoTrack | None
    audio: AudioTrack | None


def probe(path: Path, *, is_ours: bool = False) -> MediaInfo:
    """Read `path` completely, without decoding more than one picture; none if `is_ours`: upright and progressive.

    What only decoding tells of a file of ours, its pixel format, is left open.

    Raises: Unreadable: missing, not media, or shorter than its own index says.
    """
    if not path.is_file():
        raise Unreadable(path, "is not a file" if path.exists() else "does not exist")
    if not path.stat().st_size:
        raise Unreadable(path, "is empty")
    if lacking := missing_bytes(path):
        raise Unreadable(path, f"is truncated: its last {lacking} bytes are missing")
    try:
        with av.open(str(path.absolute()), options=_OURS if is_ours else _ANY) as container:
            _refuse_truncated(path, container)
            return MediaInfo(path, _video(path, container, is_ours=is_ours), _audio(container))
    except av.error.FFmpegError as error:
        raise Unreadable(path, f"is not readable media ({error.strerror})") from error


def _refuse_truncated(path: Path, container: Any) -> None:
    if "mp4" not in container.format.name:  # only there the index is complete before the file is read
        return
    size = path.stat().st_size
    for stream in container.streams:
        missing = sum(entry.pos + entry.size > size for entry in stream.index_entries)
        if missing:
            total = len(stream.index_entries)
            raise Unreadable(path, f"is truncated: {missing} of {total} {stream.type} packets are missing")


def _audio(container: Any) -> AudioTrack | None:
    for stream in container.streams.audio:
        duration = stream.duration * stream.time_base if stream.duration else Fraction(0)
        return AudioTrack(stream.codec_context.name, stream.rate, len(stream.layout.channels), Fraction(duration))
    return None


@dataclass(frozen=True, slots=True)
class _Packet:
    """What is kept of a packet: a film's packets together would not fit into memory."""

    time: int
    duration: int
    is_hidden: bool
    is_idr: bool


def _packets(container: Any, stream: Any, *, is_avc: bool) -> Iterator[_Packet]:
    for packet in container.demux(stream):
        if packet.size:
            is_idr = is_avc and packet.is_keyframe and avc.is_idr(bytes(packet))
            yield _Packet(_time(packet), packet.duration or 0, packet.is_discard, is_idr)


def _video(path: Path, container: Any, *, is_ours: bool) -> VideoTrack | None:
    stream = next(iter(container.streams.video), None)
    if stream is None:
        return None
    context = stream.codec_context
    is_avc = context.name == "h264" and bool(context.extradata)
    packets = list(_packets(container, stream, is_avc=is_avc))
    shown = sorted(packet.time for packet in packets if not packet.is_hidden)
    if not shown:
        raise Unreadable(path, "has no picture in its video track")
    number = {time: n for n, time in enumerate(shown)}
    tick_s = Fraction(stream.time_base)
    first_s = shown[0] * tick_s
    file_start_s = Fraction(container.start_time or 0, _MICROSECONDS)
    last_packet = max(packets, key=lambda packet: packet.time)
    picture = None if is_ours else _first_picture(path, container, stream)
    return VideoTrack(
        codec=context.name,
        width_px=context.width,
        height_px=context.height,
        pixel_format=context.pix_fmt or "",
        pixel_aspect=Fraction(stream.sample_aspect_ratio or 1) or Fraction(1),
        rotation_deg=picture.rotation % 360 if picture else 0,
        is_interlaced=bool(picture and picture.interlaced_frame),
        colour=_colour(context),
        extradata=bytes(context.extradata or b""),
        is_indexed=any(name in container.format.name for name in _INDEXED_FORMATS),
        start_s=first_s - file_start_s if abs(first_s - file_start_s) > tick_s else Fraction(0),
        duration_s=(shown[-1] - shown[0] + (last_packet.duration or _usual_step(shown))) * tick_s,
        times_s=tuple((time - shown[0]) * tick_s for time in shown),
        tick_s=tick_s,
        packet_frames=tuple(HIDDEN if packet.is_hidden else number[packet.time] for packet in packets),
        packet_is_idr=tuple(packet.is_idr for packet in packets),
    )


def _colour(context: Any) -> Colour:
    is_full_range = int(context.color_range) == _FULL_RANGE
    return Colour(int(context.color_primaries), int(context.color_trc), int(context.colorspace), is_full_range)


def _time(packet: Any) -> int:
    return int(packet.pts if packet.pts is not None else packet.dts or 0)


def _usual_step(times: list[int]) -> int:
    return (times[-1] - times[0]) // (len(times) - 1) if len(times) > 1 else 1


def _first_picture(path: Path, container: Any, stream: Any) -> Any:
    """The first picture, for what only pictures tell: how they are turned, whether they are interlaced."""
    context = stream.codec_context
    context.thread_count = 1
    container.seek(0)
    first = next(container.demux(stream))
    # Drained at once: otherwise the decoder wants more, to put pictures in order, before it gives one.
    for picture in (*context.decode(first), *context.decode(None)) if first.is_keyframe else ():
        return picture
    context.flush_buffers()
    container.seek(0)
    for picture in container.decode(stream):
        return picture
    raise Unreadable(path, "holds no picture that can be decoded")
