"""What is wrong with a clip, read from ffmpeg's log of one decode. All thresholds are here."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from pathlib import Path

import av
import av.codec

from stitcher_service.engine import commands, presentation
from stitcher_service.engine.errors import RenderWarning
from stitcher_service.ffmpeg.command import Command
from stitcher_service.ffmpeg.errors import FfmpegFailed, MachineFailed, find_shortage
from stitcher_service.ffmpeg.probe import VideoTrack
from stitcher_service.ffmpeg.run import Runner

# Starting values, not yet tuned on real failures: half the used part black, or two seconds (or nearly all) unmoving.
BLACK_SHARE = 0.5
FROZEN_SHARE = 0.9
FROZEN_S = 2.0

MAX_CACHED_CLIPS = 2_000  # about a megabyte of findings

# What writers complain about is no fault of the clip.
_ERROR = re.compile(r"^(?!\[(?:null|f32le|out#|[av]ost#))(?P<sources>.*)\[(?:error|fatal|panic)\]\s*(?P<message>.+)$")
_SOURCE = re.compile(r"\[(?:dec:)?(?P<name>[\w.,-]+)(?:#[\d:]+)?[^\]]*\]")
_BLACK = re.compile(r"black_start:([\d.]+) black_end:([\d.]+)")
_CHANGE = "Reconfiguring filter graph because video parameters changed"
_FREEZE_START = re.compile(r"freeze_start: ([\d.]+)")
_FREEZE_END = re.compile(r"freeze_end: ([\d.]+)")


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """From `start_s` to `end_s` of a clip; infinite where it lasts to the end."""

    start_s: float
    end_s: float

    def overlap_s(self, start_s: float, end_s: float) -> float:
        """How many seconds of it lie between the two."""
        return max(0.0, min(self.end_s, end_s) - max(self.start_s, start_s))


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one decode of a clip found.

    `shown_ticks`: when its frames are shown, where its file says otherwise; see `presentation.find_difference`.
    """

    damage: tuple[str, ...] = ()
    black: tuple[TimeSpan, ...] = ()
    frozen: tuple[TimeSpan, ...] = ()
    shown_ticks: tuple[int, ...] = ()
    is_changing: bool = False  # pictures of other sizes, formats or colours follow one another

    def find_unwatchable(self, clip: str, start_s: float, end_s: float) -> RenderWarning | None:
        """Whether too much of `clip` between `start_s` and `end_s` is black or frozen."""
        length_s = end_s - start_s
        black_s = sum(span.overlap_s(start_s, end_s) for span in self.black)
        frozen_s = sum(span.overlap_s(start_s, end_s) for span in self.frozen)
        if black_s >= BLACK_SHARE * length_s:
            return RenderWarning(f"is black for {black_s:.1f} of {length_s:.1f} s", clip)
        if frozen_s >= FROZEN_S or frozen_s >= FROZEN_SHARE * length_s:
            return RenderWarning(f"is frozen for {frozen_s:.1f} of {length_s:.1f} s", clip)
        return None


def cache_key(clip: Path, track: VideoTrack) -> str:
    """Names the clip's bytes and how they are inspected: other thresholds are another key."""
    with clip.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    question = " ".join(commands.inspect_picture(Path("clip"), track, Path("times")).argv())
    return f"{content}-{hashlib.sha256(question.encode()).hexdigest()[:12]}"


class InspectionCache(OrderedDict[str, Inspection]):
    """Findings by `cache_key`, so that no picture is decoded twice for the same question; the oldest are dropped."""

    def __setitem__(self, key: str, found: Inspection) -> None:
        super().__setitem__(key, found)
        if len(self) > MAX_CACHED_CLIPS:
            self.popitem(last=False)


def inspect_picture(clip: Path, track: VideoTrack, times: Path, runner: Runner) -> Inspection:
    """Decode every picture of `clip` once; `times` is a file that may be written."""
    found = parse_log(run_and_read_log(commands.inspect_picture(clip, track, times), runner), track.codec)
    damage = tuple(message for message in found.damage if not _is_harmless(message, track))
    shown_ticks = presentation.find_difference(track, presentation.read_times(times))
    times.unlink(missing_ok=True)
    return replace(found, damage=damage, shown_ticks=shown_ticks)


def apply_inspection(track: VideoTrack, found: Inspection) -> VideoTrack:
    """The track as decoding it has shown it to be."""
    seen = presentation.apply_presentation(track, found.shown_ticks)
    return replace(seen, is_changing=seen.is_changing or found.is_changing)


def _is_harmless(message: str, track: VideoTrack) -> bool:
    """Marking commands about pictures before the first: nothing is missing where a file begins in an open group."""
    return message.startswith("mmco:") and track.codec == "h264" and not track.packet_is_idr[0]


def parse_log(lines: Sequence[str], codec: str = "") -> Inspection:
    """The findings in ffmpeg's log lines (with level prefixes); errors are those of one `codec` or of the file."""
    log = "\n".join(lines)
    black = tuple(TimeSpan(float(start), float(end)) for start, end in _BLACK.findall(log))
    starts, ends = (map(float, pattern.findall(log)) for pattern in (_FREEZE_START, _FREEZE_END))
    frozen = tuple(map(TimeSpan, starts, chain(ends, [float("inf")])))  # the last one may have no end
    return Inspection(find_errors(lines, codec), black, frozen, is_changing=_CHANGE in log)


def find_errors(lines: Sequence[str], codec: str = "") -> tuple[str, ...]:
    """What was logged as an error, without the source of the line.

    To open a file ffmpeg decodes the beginning of all its streams: what another decoder than that of `codec` message
    concerns another stream, and is left out. Without a codec everything counts.
    """
    found = (match for line in lines if (match := _ERROR.search(line)))
    return tuple(
        match["message"].strip() for match in found if not (codec and _is_from_another_decoder(match["sources"], codec))
    )


def _is_from_another_decoder(sources: str, codec: str) -> bool:
    names = [match["name"] for match in _SOURCE.finditer(sources)]
    decoders = {known for name in names if (known := _canonical(name))}
    return bool(decoders) and _canonical(codec) not in decoders


@cache
def _canonical(decoder: str) -> str:
    """The codec that a decoder is for (``av1`` for ``libdav1d``); empty for what is no decoder."""
    try:
        return av.codec.Codec(decoder, "r").canonical_name
    except av.codec.codec.UnknownCodecError:
        return ""


def run_and_read_log(command: Command, runner: Runner) -> list[str]:
    """Run a decoding command; every line of its log. Raises: MachineFailed."""
    try:
        lines = runner.run(command)
    except FfmpegFailed as error:
        lines = [*error.log, f"[error] {error}"]
    if lacking := find_shortage(line for line in lines if _ERROR.search(line)):
        raise MachineFailed(f"ffmpeg could not go on: {lacking}")
    return lines
