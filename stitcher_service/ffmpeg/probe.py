"""What a media file holds, read by demuxing it: every packet's place, no guesses from headers. Decodes one picture.

What the header says of rate, length and keyframes is not enough, as films are cut by frame number: files that look
constant have uneven times, files are shorter than their index, keyframes are not IDR.
"""

import stat
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.sidedata.sidedata import Type as SideData

from stitcher_service.ffmpeg import avc, formats
from stitcher_service.ffmpeg.completeness import count_missing_bytes
from stitcher_service.ffmpeg.errors import Unreadable, is_resource_shortage
from stitcher_service.ffmpeg.parameter_sets import ParameterSetReader
from stitcher_service.ffmpeg.streams import choose_picture_stream, rank_sound_streams

HIDDEN = -1
_MICROSECONDS = 1_000_000
_INDEXED_FORMATS = ("mp4", "matroska")
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_UPRIGHT = (1 << 16, 0, 0, 1 << 16)  # a, b, c, d of the display matrix, as 16.16 (ISO/IEC 14496-12 §6.2.2)

# Opening a file decodes some pictures to learn what is in it (23 ms of processor at 720p). For mere bytes it need not.
WITHOUT_DECODING = {"codec_whitelist": "none"}
ONLY_ITSELF = {"protocol_whitelist": "file", "format_whitelist": formats.ALLOWED}


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
    colour: Colour  # as the container says, else as the pictures say
    is_indexed: bool  # the file says where its pictures are, so that seeking is exact
    start_s: Fraction  # of the first frame, after the start of the file (its sound may begin earlier)
    duration_s: Fraction
    times_s: tuple[Fraction, ...]  # of every frame, from the first one, in presentation order
    tick_s: Fraction  # the finest step its timestamps can express
    packet_frames: tuple[int, ...]  # frame number of each packet; HIDDEN where an edit list keeps it from view
    packet_is_idr: tuple[bool, ...]
    packet_sets: tuple[avc.ParameterSets | None, ...]  # None where a picture is unlike the first, or they are unknown
    keyframes_are_idr: bool  # decoding can start at each of them, and nothing is lost
    is_changing: bool = False  # its pictures do not all have one size, format and colour description
    index: int = 0  # of the stream in its file
    demuxer: str = ""  # to be named to ffmpeg where the file's name would mislead it
    is_upright: bool = True  # shown as stored: neither turned nor mirrored
    coded_colour: Colour | None = None  # as the pictures alone say, where the container says something else

    @property
    def frames(self) -> int:
        """How many pictures it shows."""
        return len(self.times_s)

    @property
    def is_rgb(self) -> bool:
        """Whether its samples are red, green and blue."""
        return av.VideoFormat(self.pixel_format).is_rgb

    def keeps_time(self, rate: Fraction) -> bool:
        """Whether frame n is shown at n/rate, for every n, as exactly as the file can say it; the last may be held."""
        on_time = all(abs(time_s - n / rate) <= self.tick_s for n, time_s in enumerate(self.times_s))
        return on_time and self.tick_s * 4 < 1 / rate

    def frames_at(self, rate: Fraction) -> int:
        """How many frames of `rate` this track fills: its own where it keeps that time, else its length."""
        length = round(self.duration_s * rate)
        return max(self.frames, length) if self.keeps_time(rate) else length


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """A sound track, as its file describes it. `codec` is empty where it is unknown and nothing can be heard."""

    codec: str
    channels: int
    duration_s: Fraction
    index: int = 0  # of the stream in its file
    rivals: int = 0  # how many other tracks may be meant as well as this one
    file_start_s: Fraction = Fraction(0)  # the time that the file calls its start, of whatever stream


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """One file: the picture and the sound track that are meant to be seen and heard, either of which may be missing."""

    path: Path
    video: VideoTrack | None
    audio: AudioTrack | None


def probe(path: Path) -> MediaInfo:
    """Read `path` completely, without decoding more than one picture.

    Raises: Unreadable: missing, not media, or shorter than its own index says. OSError: the machine's own trouble.
    """
    demuxer = _check_file(path)
    try:
        with av.open(str(path.absolute()), format=demuxer, options=ONLY_ITSELF) as container:
            _refuse_truncated(path, container)
            audio = _audio(container)  # first: to look for pictures is to read on
            return MediaInfo(path, _video(path, container, demuxer or ""), audio)
    except av.error.FFmpegError as error:
        if is_resource_shortage(error):
            raise
        raise Unreadable(path, f"is not readable media ({error.strerror})") from error


def _check_file(path: Path) -> str | None:
    """Refuse what is no readable file; the demuxer of a still picture is returned."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable(path, "is not a file")
        if not status.st_size:
            raise Unreadable(path, "is empty")
        if lacking := count_missing_bytes(path):
            raise Unreadable(path, f"is truncated: its last {lacking} bytes are missing")
        return formats.find_still_demuxer(path)
    except FileNotFoundError as error:
        raise Unreadable(path, "does not exist") from error
    except OSError as error:
        if is_resource_shortage(error):
            raise
        raise Unreadable(path, f"cannot be read ({error.strerror})") from error
    except ValueError as error:  # a null character or half a surrogate pair
        raise Unreadable(path, "has a name that no file can have") from error


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
    streams = rank_sound_streams(container)
    if not streams:
        return None
    stream, context = streams[0], streams[0].codec_context
    duration = Fraction(stream.duration * stream.time_base if stream.duration else 0)
    codec, channels = (context.name, context.channels) if context else ("", 0)
    return AudioTrack(codec, channels, duration, stream.index, len(streams) - 1, _start_s(container))


@dataclass(frozen=True, slots=True)
class _Packet:
    """What is kept of a packet: a film's packets together would not fit into memory."""

    time: int
    duration: int
    is_hidden: bool
    is_keyframe: bool
    is_idr: bool
    sets: avc.ParameterSets | None


def _video(path: Path, container: Any, demuxer: str) -> VideoTrack | None:
    stream = choose_picture_stream(path, container)
    if stream is None:
        return None
    context = stream.codec_context
    colour = _colour(context)  # before a picture is decoded, which overwrites it
    context.thread_count = 1
    reader = ParameterSetReader(context) if context.name == "h264" and context.extradata else None
    picture = None
    packets: list[_Packet] = []
    for packet in container.demux(stream):
        if picture is None:
            picture = _decode(context, packet, is_first_keyframe=packet.is_keyframe and not packets)
        if packet.size:
            is_idr, sets = reader.read(packet) if reader else (False, None)
            packets.append(
                _Packet(_time(packet), packet.duration or 0, packet.is_discard, packet.is_keyframe, is_idr, sets)
            )
    shown = sorted(packet.time for packet in packets if not packet.is_hidden)
    if not shown:
        raise Unreadable(path, "has no picture in its video track")
    number = {time: n for n, time in enumerate(shown)}
    tick_s = Fraction(stream.time_base)
    first_s = shown[0] * tick_s
    file_start_s = _start_s(container)
    last_packet = max(packets, key=lambda packet: packet.time)
    if picture is None:
        raise Unreadable(path, "holds no picture that can be decoded")
    coded_colour = _colour(picture)
    return VideoTrack(
        codec=context.name,
        width_px=picture.width,
        height_px=picture.height,
        pixel_format=picture.format.name,
        pixel_aspect=Fraction(stream.sample_aspect_ratio or 1) or Fraction(1),
        rotation_deg=picture.rotation % 360,
        is_interlaced=bool(picture.interlaced_frame),
        colour=colour,
        is_indexed=any(name in container.format.name for name in _INDEXED_FORMATS),
        start_s=first_s - file_start_s if abs(first_s - file_start_s) > tick_s else Fraction(0),
        duration_s=(shown[-1] - shown[0] + (last_packet.duration or _usual_step(shown))) * tick_s,
        times_s=tuple((time - shown[0]) * tick_s for time in shown),
        tick_s=tick_s,
        packet_frames=tuple(HIDDEN if packet.is_hidden else number[packet.time] for packet in packets),
        packet_is_idr=tuple(packet.is_idr for packet in packets),
        packet_sets=tuple(packet.sets for packet in packets),
        keyframes_are_idr=all(packet.is_idr for packet in packets if packet.is_keyframe),
        is_changing=len({packet.sets is None for packet in packets}) > 1,
        index=stream.index,
        demuxer=demuxer,
        is_upright=_is_upright(picture),
        coded_colour=coded_colour if coded_colour != colour else None,
    )


def _decode(context: Any, packet: Any, *, is_first_keyframe: bool) -> Any | None:
    """A picture, if the decoder gives one after this packet."""
    with suppress(av.error.FFmpegError):  # a later packet may be whole; what is damaged is inspected later
        pictures = context.decode(packet)
        if is_first_keyframe:
            # Drained at once: otherwise the decoder wants more, to put pictures in order, before it gives one.
            pictures += context.decode(None)
            context.flush_buffers()
        return next(iter(pictures), None)
    return None


def _start_s(container: Any) -> Fraction:
    return Fraction(container.start_time or 0, _MICROSECONDS)


def _is_upright(picture: Any) -> bool:
    try:
        matrix = picture.side_data.get(SideData.DISPLAYMATRIX)
    except ValueError:  # PyAV does not know some kind of side data, EXIF for one: the matrix stays unread
        return False
    if matrix is None:
        return True
    a, b, _, c, d, *_ = memoryview(bytes(matrix)).cast("i")
    return (a, b, c, d) == _UPRIGHT


def _colour(described: Any) -> Colour:
    """The description of a codec context or a picture."""
    is_full_range = int(described.color_range) == _FULL_RANGE
    return Colour(int(described.color_primaries), int(described.color_trc), int(described.colorspace), is_full_range)


def _time(packet: Any) -> int:
    # AVI stores decode times only, and what is guessed from them is wrong for the last picture.
    has_pts = packet.pts is not None and packet.stream.container.format.name != "avi"
    return int(packet.pts if has_pts else packet.dts or 0)


def _usual_step(times: list[int]) -> int:
    return (times[-1] - times[0]) // (len(times) - 1) if len(times) > 1 else 1
