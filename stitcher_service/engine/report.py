"""What the stitcher says about a finished film; the same words on the command line and over HTTP."""

import json
from dataclasses import asdict, dataclass


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
    warnings: tuple[str, ...] = ()

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)
