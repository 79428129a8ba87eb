"""What is reported about a finished film: numbers, and warnings as values that become sentences only when shown."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum


class WarningKind(StrEnum):
    """What a warning is about; the value describes it, with the warning's figures in their places."""

    BLACK = "is black for {:.1f} of {:.1f} s"
    FROZEN = "is frozen for {:.1f} of {:.1f} s"
    AMBIGUOUS_SOUND = "has {} sound tracks and marks none as the main one: the first is heard"
    COPIES_REJECTED = "every frame was encoded anew, because with copied frames {}"
    LOUDNESS_MISSED = "the film has {:g} LUFS, ordered were {:g}: its peaks are in the way"


@dataclass(frozen=True, slots=True)
class RenderWarning:
    """Something to know about the film, or about one `clip` of it (its file name in the cut list)."""

    kind: WarningKind
    figures: tuple[float | str, ...]
    clip: str | None = None

    def describe(self) -> str:
        """What it says, without the clip's name."""
        return self.kind.value.format(*self.figures)

    def __str__(self) -> str:
        """The warning as a sentence for the person who ordered the film."""
        return f"{self.clip} {self.describe()}" if self.clip else self.describe()


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
    warnings: tuple[RenderWarning, ...] = ()

    def to_json(self) -> str:
        """One line of JSON, warnings as sentences."""
        return json.dumps({**asdict(self), "warnings": [*map(str, self.warnings)]}, ensure_ascii=False)
