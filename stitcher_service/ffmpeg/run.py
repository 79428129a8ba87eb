"""The only place that starts a process: ffmpeg in its own process group, with a time limit, stoppable from any thread.

Knows arguments, lines and exit codes; never what they are for.
"""

import os
import shutil
import signal
import subprocess
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe  # type: ignore[attr-defined]

from stitcher_service.ffmpeg.command import Command
from stitcher_service.ffmpeg.errors import Cancelled, FfmpegFailed, FfmpegMissing, MachineFailed, find_shortage

_TAIL_LINES = 20
_NEEDED_ENCODERS = frozenset({"libx264", "aac", "mjpeg"})
_NEEDED_FILTERS = frozenset(
    "afade alimiter anullsrc apad aresample atrim blackdetect color concat crop drawbox ebur128 fade fps freezedetect"
    " loop lut3d pad pan perspective scale sine split thumbnail tile tonemap tpad trim volume xfade zscale".split()
)


class Runner:
    """Runs commands; `cancel` ends every run in progress and refuses new ones, from any thread."""

    def __init__(self, binary: Path, *, timeout_s: float = 1500.0) -> None:
        """`timeout_s` is the limit of each single run."""
        self._binary = binary
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._is_cancelled = False

    def run(self, command: Command) -> list[str]:
        """Run to the end; the lines of its log are returned.

        Raises: FfmpegFailed, MachineFailed, Cancelled.
        """
        with self._start(command) as process:
            try:
                # Not by splitlines: a clip's title may hold characters that only Python takes for the end of a line.
                log = process.communicate(timeout=self._timeout_s)[1].rstrip().split("\n")
            except subprocess.TimeoutExpired as error:
                raise MachineFailed(f"ffmpeg was stopped after {self._timeout_s:g} s") from error
            finally:
                _kill(process)
                with self._lock:
                    self._running.discard(process)
        if self._is_cancelled:
            raise Cancelled("the run was cancelled")
        if process.returncode < 0:
            number = signal.Signals(-process.returncode)
            hint = ", as happens when memory runs out" if number == signal.SIGKILL else ""
            raise MachineFailed(f"ffmpeg was ended by {number.name}{hint}")
        if process.returncode and (lacking := find_shortage(log[-_TAIL_LINES:], process.returncode)):
            raise MachineFailed(f"ffmpeg could not go on: {lacking}")
        if process.returncode:
            raise FfmpegFailed(process.returncode, log)
        return log

    def cancel(self) -> None:
        """End every run in progress and refuse new ones."""
        with self._lock:
            self._is_cancelled = True
            for process in self._running:
                _kill(process)

    def _start(self, command: Command) -> subprocess.Popen[str]:
        with self._lock:  # a run either sees the cancellation or is seen by it
            if self._is_cancelled:
                raise Cancelled("the runner was cancelled")
            process = subprocess.Popen(
                (*_parent_death_prefix(), str(self._binary), *command.argv()[1:]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._running.add(process)
            return process


def _kill(process: subprocess.Popen[str]) -> None:
    # poll() also says None while another thread is just taking the exit status of a process that has ended.
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@cache
def _parent_death_prefix() -> tuple[str, ...]:
    """A killed process cannot stop its children; the kernel does it where util-linux is installed."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()


@cache
def find_ffmpeg() -> Path:
    """The binary that comes with the imageio-ffmpeg wheel, checked once for everything the stitcher needs.

    Raises: FfmpegMissing.
    """
    try:
        binary = Path(get_ffmpeg_exe())  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise FfmpegMissing(f"no ffmpeg binary: {error}") from error
    for subject, needed in (("encoders", _NEEDED_ENCODERS), ("filters", _NEEDED_FILTERS)):
        if missing := needed - _list_names(binary, subject):
            raise FfmpegMissing(f"{binary.name} lacks {subject}: {', '.join(sorted(missing))}")
    return binary


def _list_names(binary: Path, subject: str) -> frozenset[str]:
    """What ``-encoders`` or ``-filters`` says this binary was built with."""
    argv = (str(binary), "-hide_banner", "-nostdin", "-loglevel", "error", f"-{subject}")
    listing = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    words = (line.split() for line in listing.stdout.splitlines())
    return frozenset(row[1] for row in words if len(row) > 1)
