"""What is reported about a finished film: numbers, and warnings."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class RenderWarning:
    """Something to know about the film, or about one `clip` of it (its file name in the cut list)."""

    text: str
    clip: str | None = None

    def __str__(self) -> str:
        """The warning as a sentence for the person who ordered the film."""
        return f"{self.clip} {self.text}" if self.clip else self.text


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
