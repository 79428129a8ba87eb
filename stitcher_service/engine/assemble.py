"""Copied and encoded packets become one MP4: every picture's time is its number, nothing is inherited from the clips.

Joining files by their own timestamps drifts and loses frames; counting cannot. Only this module writes the film.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import av

from stitcher_service.engine.errors import RenderFailed
from stitcher_service.engine.render_plan import FilmFormat
from stitcher_service.ffmpeg import avc
from stitcher_service.ffmpeg.probe import WITHOUT_DECODING


@dataclass(frozen=True, slots=True)
class PacketRange:
    """Packets of a file from number `packet_first` on, in decode order; `frames` are their places in the piece."""

    path: Path
    packet_first: int
    frames: tuple[int, ...]
    sets: avc.ParameterSets
    stream: int = 0  # of the file

    @property
    def delay(self) -> int:
        """How many pictures are decoded before the first may be shown."""
        return max(at - frame for at, frame in enumerate(self.frames))


@dataclass(frozen=True, slots=True)
class _Coded:
    """One picture's bytes at its place in the film."""

    data: bytes
    frame: int
    is_idr: bool


def assemble_film(film: FilmFormat, pieces: Sequence[PacketRange], sound: Path, out: Path) -> None:
    """Write `pieces` in order, with the AAC track of `sound`, as a fast-start MP4.

    Raises: RenderFailed: a file has fewer packets than its piece wants.
    """
    common = avc.merge_sets(piece.sets for piece in pieces)
    with (
        av.open(str(sound)) as sound_file,
        av.open(str(out), "w", format="mp4", options={"movflags": "+faststart"}) as container,
    ):
        # Where two clips mean different things by the same id, each IDR picture brings its own sets along.
        video = _add_video(container, film, avc.build_avcc(common or pieces[0].sets), pieces[0])
        audio = container.add_stream_from_template(sound_file.streams.audio[0])
        sounds = _Sounds(container, audio, sound_file)
        delay = max(piece.delay for piece in pieces)
        for number, coded in enumerate(_pictures(pieces, in_band=common is None)):
            packet = av.Packet(coded.data)
            packet.stream = video
            packet.time_base = film.time_base
            packet.pts = coded.frame * film.frame_ticks
            packet.dts = (number - delay) * film.frame_ticks
            packet.duration = film.frame_ticks
            packet.is_keyframe = coded.is_idr
            sounds.up_to(packet.dts * film.time_base)
            container.mux_one(packet)
        sounds.rest()


def verify_packets(film: Path, pieces: Sequence[PacketRange]) -> None:
    """Make sure that every picture in `film` has the very bytes of its piece.

    Raises: RenderFailed.
    """
    in_band = avc.merge_sets(piece.sets for piece in pieces) is None
    with av.open(str(film), options=WITHOUT_DECODING) as container:
        stored = (bytes(packet) for packet in container.demux(container.streams.video[0]) if packet.size)
        pairs = zip_longest(stored, _pictures(pieces, in_band=in_band))
        for number, (found, put_in) in enumerate(pairs):
            if put_in is None or found != put_in.data:
                raise RenderFailed(f"picture {number} of the film, in decode order, is not what was put in")


def _add_video(container: Any, film: FilmFormat, record: bytes, like: PacketRange) -> Any:
    with av.open(str(like.path)) as template:
        stream = container.add_stream_from_template(template.streams[like.stream])
    stream.codec_context.extradata = record
    stream.time_base = film.time_base
    stream.metadata.clear()
    return stream


def _pictures(pieces: Iterable[PacketRange], *, in_band: bool) -> Iterator[_Coded]:
    start = 0
    for piece in pieces:
        prefix = piece.sets.in_band() if in_band else b""
        for data, frame in zip(_packets(piece), piece.frames, strict=True):
            is_idr = avc.is_idr(data)
            yield _Coded(prefix + data if is_idr else data, start + frame, is_idr)
        start += len(piece.frames)


def _packets(piece: PacketRange) -> Iterator[bytes]:
    end = piece.packet_first + len(piece.frames)
    read = 0
    with av.open(str(piece.path), options=WITHOUT_DECODING) as container:
        stored = (packet for packet in container.demux(container.streams[piece.stream]) if packet.size)
        for packet in islice(stored, piece.packet_first, end):
            read += 1
            yield bytes(packet)
    if read < len(piece.frames):
        raise RenderFailed(f"{piece.path.name} gave {read} packets where {len(piece.frames)} were planned")


class _Sounds:
    """The sound packets, handed to the muxer in step with the pictures, so that a player reads the file in order."""

    def __init__(self, container: Any, stream: Any, sound: Any) -> None:
        self._container = container
        self._stream = stream
        self._packets: Iterator[Any] = (packet for packet in sound.demux(sound.streams.audio[0]) if packet.size)
        self._next: Any = next(self._packets, None)

    def up_to(self, time_s: Fraction) -> None:
        while self._next is not None and self._next.dts * self._next.time_base <= time_s:
            self._write()

    def rest(self) -> None:
        while self._next is not None:
            self._write()

    def _write(self) -> None:
        self._next.stream = self._stream
        self._container.mux_one(self._next)
        self._next = next(self._packets, None)
