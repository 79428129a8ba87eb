"""How a run of ffmpeg, or the reading of a media file, ends badly."""

import errno
import os
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
    """No ffmpeg is there, or one without a needed encoder or filter: the image is built wrong."""


class FfmpegFailed(MediaError):
    """A run that ended with an error; `log` is all that it said."""

    def __init__(self, exit_code: int, log: Sequence[str]) -> None:
        self.log = log
        super().__init__(f"ffmpeg ended with {exit_code}: {log[-1] or 'it said nothing'}")


class MachineFailed(MediaError):
    """A run that ended for want of disk, memory, files or time, or was killed: what it read is not at fault."""


class Cancelled(MediaError):
    """The work was cancelled; nothing it left behind is of use."""


class Unreadable(MediaError):
    """A file that is not media, is damaged or incomplete, for `reason`."""

    def __init__(self, path: Path, reason: str) -> None:
        """`reason` continues a sentence that begins with the path."""
        self.reason = reason
        super().__init__(f"{path}: {reason}")


def is_resource_shortage(error: BaseException) -> bool:
    """Whether an error is the machine's own: the same work may succeed later, or elsewhere."""
    if isinstance(error, MachineFailed | MemoryError):
        return True
    if isinstance(error, RuntimeError):
        return _NO_THREAD in str(error)
    return getattr(error, "errno", None) in _RESOURCE_ERRNOS | {_NO_PROCESS}
