"""How a run of ffmpeg, or the reading of a media file, ends badly.

MediaError
├── FfmpegMissing      no binary, or one without a needed encoder or filter: the image is built wrong
├── FfmpegFailed       a run ended with an error; carries the arguments and the last lines of its log
├── MachineFailed      a run ended for want of disk, memory or files, or was killed: what it read is not at fault
│   └── FfmpegTimedOut it was killed because it took too long
├── Cancelled          the runner was stopped
└── Unreadable         a file is not media, is damaged or incomplete
"""

import errno
import os
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path

_RESOURCE_ERRNOS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.ENOMEM, errno.EMFILE, errno.ENFILE}
)
_NO_PROCESS = errno.EAGAIN  # when a process or thread is begun; in the middle of a log it means nothing
_EXIT_BYTE = 256  # ffmpeg exits with a negative error number, of which one byte is kept
_NO_THREAD = "can't start new thread"  # a RuntimeError of Python's, known by its words only
# ffmpeg says these in the C library's words, and its exit code is what the last thread of it happened to return.
_LACKS = tuple(os.strerror(code) for code in _RESOURCE_ERRNOS)


def find_shortage(lines: Iterable[str], exit_code: int = 0) -> str:
    """What the machine lacks, by an exit code and these lines of a log; empty when they name nothing of the kind."""
    if exit_code == _EXIT_BYTE - _NO_PROCESS:
        return "no more threads can be started"
    return next((words for line in lines for words in _LACKS if words in line), "")


class MediaError(Exception):
    """Base of this package's errors."""


class FfmpegMissing(MediaError):
    """ffmpeg, or a part of it, is not there."""


class FfmpegFailed(MediaError):
    """A run that did not end well: `argv`, `exit_code` and up to 20 last lines in `tail`."""

    def __init__(self, argv: Sequence[str], exit_code: int, tail: Sequence[str]) -> None:
        """The message is the last line."""
        self.argv = tuple(argv)
        self.exit_code = exit_code
        self.tail = tuple(tail)
        super().__init__(f"ffmpeg ended with {exit_code}: {self.tail[-1] if self.tail else 'it said nothing'}")


class MachineFailed(MediaError):
    """A run that its machine ended: `exit_code` (negative: the signal) and `reason`."""

    def __init__(self, exit_code: int, reason: str) -> None:
        """`reason` continues a sentence that begins with "ffmpeg"."""
        self.exit_code = exit_code
        self.reason = reason
        super().__init__(f"ffmpeg {reason}")

    @classmethod
    def by_signal(cls, number: int) -> "MachineFailed":
        """A run that was killed by this signal."""
        hint = ", as happens when memory runs out" if number == signal.SIGKILL else ""
        return cls(-number, f"was ended by {signal.Signals(number).name}{hint}")


class FfmpegTimedOut(MachineFailed):
    """The run was killed at its time limit."""


class Cancelled(MediaError):
    """The work was cancelled; nothing it left behind is of use."""


class Unreadable(MediaError):
    """`path` cannot be read as media, for `reason`."""

    def __init__(self, path: Path, reason: str) -> None:
        """`reason` continues a sentence that begins with the path."""
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


def is_resource_shortage(error: BaseException) -> bool:
    """Whether an error is the machine's own: the same work may succeed later, or elsewhere."""
    if isinstance(error, MachineFailed | MemoryError):
        return True
    if isinstance(error, RuntimeError):
        return _NO_THREAD in str(error)
    return getattr(error, "errno", None) in _RESOURCE_ERRNOS | {_NO_PROCESS}
