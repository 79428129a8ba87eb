"""What a plan is made of: the film's format, frames to copy, frames to encode. Frozen values in whole frames."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from stitcher_service.engine.grading import GradePoint
from stitcher_service.engine.timeline import ClipRange
from stitcher_service.ffmpeg.probe import Colour

# Timestamps of whole-number rates get room below a frame, as players and other muxers expect.
_TICKS_PER_FRAME = 512


@dataclass(frozen=True, slots=True)
class FilmFormat:
    """What every frame of the film has in common."""

    size_px: tuple[int, int]
    rate: Fraction
    colour: Colour

    @property
    def frame_ticks(self) -> int:
        """Length of one frame in units of `time_base`."""
        return self.rate.denominator * (_TICKS_PER_FRAME if self.rate.denominator == 1 else 1)

    @property
    def time_base(self) -> Fraction:
        """Seconds in one unit of the film's timestamps."""
        return 1 / (self.rate * self.frame_ticks)


@dataclass(frozen=True, slots=True)
class CopiedSegment:
    """Frames taken over bit for bit: as many packets from `packet_first` on (in decode order) as there are frames."""

    clip: int
    first: int
    frames: int
    packet_first: int
    kind: Literal["copy"] = "copy"
    why: str = "unchanged frames from an IDR picture on"

    @property
    def end(self) -> int:
        """The first frame of the clip behind it."""
        return self.first + self.frames


@dataclass(frozen=True, slots=True)
class EncodedSegment:
    """Frames encoded in one go: takes in order, `overlaps[i]` frames of take i mixed with the start of take i + 1."""

    takes: tuple[ClipRange, ...]
    overlaps: tuple[int, ...]
    why: str

    @property
    def frames(self) -> int:
        """How many frames of the film it fills."""
        return sum(take.frames for take in self.takes) - sum(self.overlaps)

    @property
    def grade(self) -> tuple[GradePoint, ...]:
        """The points of all its takes."""
        return tuple(point for take in self.takes for point in take.grade)

    @property
    def kind(self) -> Literal["encode", "blend"]:
        """What happens to its frames."""
        is_mixed = any(self.overlaps) or any(take.fade_in or take.fade_out for take in self.takes)
        return "blend" if is_mixed else "encode"


Segment = CopiedSegment | EncodedSegment


@dataclass(frozen=True, slots=True)
class RenderPlan:
    """The whole film, segment after segment."""

    film: FilmFormat
    segments: tuple[Segment, ...]

    @property
    def frames(self) -> int:
        """How many frames the film has."""
        return sum(segment.frames for segment in self.segments)

    @property
    def encoded_segments(self) -> tuple[EncodedSegment, ...]:
        """The segments that one run of ffmpeg each encodes."""
        return tuple(segment for segment in self.segments if isinstance(segment, EncodedSegment))

    @property
    def copied_frames(self) -> int:
        """How many frames are taken over bit for bit."""
        return sum(segment.frames for segment in self.segments if isinstance(segment, CopiedSegment))

    @property
    def encoded_frames(self) -> int:
        """How many frames are encoded."""
        return sum(segment.frames for segment in self.encoded_segments)
