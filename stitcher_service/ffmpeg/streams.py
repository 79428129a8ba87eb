"""Which of a file's streams are the film (covers, thumbnails and commentaries are not)."""

from collections import Counter
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

from stitcher_service.ffmpeg.errors import Unreadable

_NOT_THE_FILM = Disposition.attached_pic | Disposition.timed_thumbnails
_FOR_SOME_LISTENERS = (
    Disposition.comment
    | Disposition.hearing_impaired
    | Disposition.visual_impaired
    | Disposition.clean_effects
    | Disposition.karaoke
)


def choose_picture_stream(path: Path, container: Any) -> Any | None:
    """The stream that shows the film: it moves, if any does; then the one marked as default; then the first.

    Raises: Unreadable: its codec is unknown.
    """
    streams = [stream for stream in container.streams.video if not stream.disposition & _NOT_THE_FILM]
    if not streams:
        return None
    packets = _count_packets(path, container, streams) if len(streams) > 1 else Counter()

    def rank(stream: Any) -> tuple[bool, bool, int]:
        return packets[stream.index] > 1, _is_default(stream), -stream.index

    best = max(streams, key=rank)
    if best.codec_context is None:
        raise Unreadable(path, "its picture is in an unknown codec")
    return best


def rank_sound_streams(container: Any) -> list[Any]:
    """The streams that may be meant by the file's sound, best first; more than one where nothing decides.

    Decodable ones come before those of an unknown codec, then those marked as default; commentaries and the like only
    where there is nothing else.
    """

    def rank(stream: Any) -> tuple[bool, bool, bool]:
        return stream.codec_context is not None, _is_default(stream), not stream.disposition & _FOR_SOME_LISTENERS

    ranked = sorted(container.streams.audio, key=rank, reverse=True)
    return [stream for stream in ranked if rank(stream) == rank(ranked[0])]


def _is_default(stream: Any) -> bool:
    return bool(stream.disposition & Disposition.default)


def _count_packets(path: Path, container: Any, streams: list[Any]) -> Counter[int]:
    demuxer = container.format.name.partition(",")[0]
    with av.open(str(path.absolute()), format=demuxer, options=container.options) as second:
        wanted = [second.streams[stream.index] for stream in streams]
        return Counter(packet.stream_index for packet in second.demux(wanted) if packet.size)
