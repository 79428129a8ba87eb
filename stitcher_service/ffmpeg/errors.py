"""How a run of ffmpeg, or the reading of a media file, ends badly.

MediaError
├── FfmpegMissing      no binary, or one without an encoder or filter we need: the image is built wrong
├── FfmpegFailed       a run ended with an error; carries the arguments and the last lines it said
│   └── FfmpegTimedOut it was killed because it took too long
├── Cancelled          the runner was told to stop
└── Unreadable         a file is not media, is damaged or incomplete
"""

from collections.abc import Sequence
from pathlib import Path


class MediaError(Exception):
    """Base of this package's errors."""


class FfmpegMissing(MediaError):
    """ffmpeg, or a part of it, is not there."""


class FfmpegFailed(MediaError):
    """A run that did not end well: `argv`, `exit_code` (negative: the signal) and up to 20 last lines in `tail`."""

    def __init__(self, argv: Sequence[str], exit_code: int, tail: Sequence[str]) -> None:
        self.argv = tuple(argv)
        self.exit_code = exit_code
        self.tail = tuple(tail)
        super().__init__(f"ffmpeg ended with {exit_code}: {self.tail[-1] if self.tail else 'it said nothing'}")


class FfmpegTimedOut(FfmpegFailed):
    """The run was killed at its time limit."""


class Cancelled(MediaError):
    """The work was called off; nothing it left behind is of use."""


class Unreadable(MediaError):
    """`path` cannot be read as media, for `reason`."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")
