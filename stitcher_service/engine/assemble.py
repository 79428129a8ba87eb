"""The plan's segments become packets, and the packets one MP4.

Every frame's time is its number, nothing is inherited from the clips: joining files by their own timestamps drifts and
loses frames, counting cannot. Only this module writes the film.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import av

from stitcher_service.engine.errors import RenderFailed
from stitcher_service.engine.project import Project
from stitcher_service.engine.render_plan import CopiedSegment, EncodedSegment, FilmFormat, RenderPlan
from stitcher_service.ffmpeg import avc
from stitcher_service.ffmpeg.probe import WITHOUT_DECODING, probe

EncodedFiles = Iterator[tuple[EncodedSegment, Path]]

_LONGEST_TITLE_BYTES = 255  # of a chapter in the list that older players read; the muxer would cut inside a character


@dataclass(frozen=True, slots=True)
class Chapter:
    """From frame `start` up to the next chapter."""

    start: int
    title: str


@dataclass(frozen=True, slots=True)
class Labels:
    """What a player shows of a film beside its pictures."""

    title: str | None = None
    chapters: tuple[Chapter, ...] = ()


@dataclass(frozen=True, slots=True)
class PacketRange:
    """Packets of a file from number `packet_first` on, in decode order; `frames` are their places in the segment."""

    path: Path
    packet_first: int
    frames: tuple[int, ...]
    sets: avc.ParameterSets
    stream: int = 0  # of the file

    @property
    def delay(self) -> int:
        """How many pictures are decoded before the first may be shown."""
        return max(at - frame for at, frame in enumerate(self.frames))


def collect_packets(project: Project, plan: RenderPlan, encoded: EncodedFiles) -> list[PacketRange]:
    """The packets of every segment of `plan`, in order.

    Raises: RenderFailed: an encoded segment is not as long as planned.
    """
    return [
        _copied_packets(project, segment) if isinstance(segment, CopiedSegment) else _encoded_packets(*next(encoded))
        for segment in plan.segments
    ]


def _copied_packets(project: Project, segment: CopiedSegment) -> PacketRange:
    clip = project.clips[segment.clip]
    track = clip.track
    frames = track.packet_frames[segment.packet_first : segment.packet_first + segment.frames]
    sets = track.packet_sets[segment.packet_first]
    if sets is None:
        raise RenderFailed("pictures without parameter sets were to be copied")
    places = tuple(frame - segment.first for frame in frames)
    return PacketRange(clip.path, segment.packet_first, places, sets, track.index)


def _encoded_packets(segment: EncodedSegment, path: Path) -> PacketRange:
    track = probe(path).video
    sets = track.packet_sets[0] if track else None
    if track is None or sets is None or track.frames != segment.frames:
        found = track.frames if track else 0
        raise RenderFailed(f"encoding gave {found} frames where {segment.frames} were planned ({segment.why})")
    return PacketRange(path, 0, track.packet_frames, sets)


def assemble_film(film: FilmFormat, ranges: Sequence[PacketRange], sound: Path, labels: Labels, out: Path) -> None:
    """Write `ranges` in order, with the AAC track of `sound`, as a fast-start MP4.

    Raises: RenderFailed: a file has fewer packets than its range needs.
    """
    common = avc.merge_sets(one.sets for one in ranges)
    with (
        av.open(str(sound)) as sound_file,
        av.open(str(out), "w", format="mp4", options={"movflags": "+faststart"}) as container,
    ):
        # Where two clips mean different things by the same id, each IDR picture brings its own sets along.
        video = _add_video(container, film, avc.build_avcc(common or ranges[0].sets), ranges[0])
        audio = container.add_stream_from_template(sound_file.streams.audio[0])
        _add_labels(container, film, labels, sum(len(one.frames) for one in ranges))
        pictures = _picture_packets(film, ranges, video, in_band=common is None)
        # In step with each other, so that a player reads the file in order.
        sounds = _sound_packets(sound_file, audio)
        for packet in heapq.merge(sounds, pictures, key=lambda packet: packet.dts * packet.time_base):
            container.mux_one(packet)


def verify_packets(film: Path, ranges: Sequence[PacketRange]) -> None:
    """Make sure that every picture in `film` has the very bytes of its source.

    Raises: RenderFailed.
    """
    in_band = avc.merge_sets(one.sets for one in ranges) is None
    with av.open(str(film), options=WITHOUT_DECODING) as container:
        stored = (bytes(packet) for packet in container.demux(container.streams.video[0]) if packet.size)
        pairs = zip_longest(stored, _coded_pictures(ranges, in_band=in_band))
        for number, (found, expected) in enumerate(pairs):
            if expected is None or found != expected[1]:
                raise RenderFailed(f"picture {number} of the film, in decode order, is not what was put in")


def _add_video(container: Any, film: FilmFormat, record: bytes, like: PacketRange) -> Any:
    with av.open(str(like.path)) as template:
        stream = container.add_stream_from_template(template.streams[like.stream])
    stream.codec_context.extradata = record
    stream.time_base = film.time_base
    stream.metadata.clear()
    return stream


def _add_labels(container: Any, film: FilmFormat, labels: Labels, frames: int) -> None:
    if labels.title is not None:
        container.metadata["title"] = labels.title
    ends = [*(chapter.start for chapter in labels.chapters[1:]), frames]
    container.set_chapters(
        [
            {
                "id": number,
                "start": chapter.start * film.frame_ticks,
                "end": end * film.frame_ticks,
                "time_base": film.time_base,
                "metadata": {"title": chapter.title.encode()[:_LONGEST_TITLE_BYTES].decode(errors="ignore")},
            }
            for number, (chapter, end) in enumerate(zip(labels.chapters, ends, strict=False), start=1)
        ]
    )


def _picture_packets(film: FilmFormat, ranges: Sequence[PacketRange], stream: Any, *, in_band: bool) -> Iterator[Any]:
    delay = max(one.delay for one in ranges)
    for number, (frame, data) in enumerate(_coded_pictures(ranges, in_band=in_band)):
        packet = av.Packet(data)
        packet.stream = stream
        packet.time_base = film.time_base
        packet.pts = frame * film.frame_ticks
        packet.dts = (number - delay) * film.frame_ticks
        packet.duration = film.frame_ticks
        packet.is_keyframe = avc.is_idr(data)
        yield packet


def _sound_packets(sound: Any, stream: Any) -> Iterator[Any]:
    for packet in sound.demux(sound.streams.audio[0]):
        if packet.size:
            packet.stream = stream
            yield packet


def _coded_pictures(ranges: Iterable[PacketRange], *, in_band: bool) -> Iterator[tuple[int, bytes]]:
    """The place in the film and the bytes of every picture, in decode order."""
    start = 0
    for one in ranges:
        prefix = one.sets.in_band() if in_band else b""
        for data, frame in zip(_packets(one), one.frames, strict=True):
            yield start + frame, prefix + data if avc.is_idr(data) else data
        start += len(one.frames)


def _packets(wanted: PacketRange) -> Iterator[bytes]:
    end = wanted.packet_first + len(wanted.frames)
    read = 0
    with av.open(str(wanted.path), options=WITHOUT_DECODING) as container:
        stored = (packet for packet in container.demux(container.streams[wanted.stream]) if packet.size)
        for packet in islice(stored, wanted.packet_first, end):
            read += 1
            yield bytes(packet)
    if read < len(wanted.frames):
        raise RenderFailed(f"{wanted.path.name} gave {read} packets where {len(wanted.frames)} were planned")
