"""What is reported about a finished film: numbers, and warnings as values that become sentences only when shown."""

import json
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class UnwatchableClip:
    """The used part of `clip`, a file name of the cut list, is black or frozen for `affected_s` of its `used_s`."""

    clip: str
    kind: Literal["black", "frozen"]
    affected_s: float
    used_s: float

    def describe(self) -> str:
        """What is wrong with the clip, without its name."""
        return f"is {self.kind} for {self.affected_s:.1f} of {self.used_s:.1f} s"


@dataclass(frozen=True, slots=True)
class AmbiguousSound:
    """`clip`, a file name of the cut list, has several sound tracks and marks none of them as the main one."""

    clip: str
    tracks: int

    def describe(self) -> str:
        """What was decided about the clip, without its name."""
        return f"has {self.tracks} sound tracks and marks none as the main one: the first is heard"


@dataclass(frozen=True, slots=True)
class CopiesRejected:
    """The film with copied frames did not pass its checks, for `reason`."""

    reason: str


@dataclass(frozen=True, slots=True)
class LoudnessMissed:
    """The film is louder or quieter than ordered."""

    reached_lufs: float
    ordered_lufs: float


ClipWarning = UnwatchableClip | AmbiguousSound
FilmWarning = CopiesRejected | LoudnessMissed


def describe_warning(warning: ClipWarning | FilmWarning) -> str:
    """The warning as a sentence for the person who ordered the film."""
    match warning:
        case UnwatchableClip() | AmbiguousSound():
            return f"{warning.clip} {warning.describe()}"
        case CopiesRejected(reason):
            return f"every frame was encoded anew, because with copied frames {reason}"
        case LoudnessMissed(reached, ordered):
            return f"the film has {reached:g} LUFS, ordered were {ordered:g}: its peaks are in the way"


@dataclass(frozen=True, slots=True)
class Report:
    """A finished film in numbers. `loudness_lufs` is None when there is only silence."""

    duration_s: float
    frames: int
    width: int
    height: int
    fps: float
    copied_frames: int
    encoded_frames: int
    loudness_lufs: float | None
    warnings: tuple[ClipWarning | FilmWarning, ...] = ()

    def to_json(self) -> str:
        """One line of JSON, warnings as sentences."""
        fields = {**asdict(self), "warnings": [describe_warning(warning) for warning in self.warnings]}
        return json.dumps(fields, ensure_ascii=False)
