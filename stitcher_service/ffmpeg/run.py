"""The only place that starts a process: ffmpeg in its own process group, with a time limit, stoppable from any thread.

Knows arguments, lines and exit codes; never what they are for.
"""

import os
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import IO, Protocol

from imageio_ffmpeg import get_ffmpeg_exe  # type: ignore[attr-defined]

from stitcher_service.ffmpeg.errors import (
    Cancelled,
    FfmpegFailed,
    FfmpegMissing,
    FfmpegTimedOut,
    MachineFailed,
    find_shortage,
)

TAIL_LINES = 20
NEEDED_ENCODERS = frozenset({"libx264", "aac", "mjpeg"})
NEEDED_FILTERS = frozenset(
    "afade alimiter anullsrc apad aresample atrim blackdetect color concat crop drawbox ebur128 fade fps freezedetect"
    " loop pad pan perspective scale sine thumbnail tile tonemap tpad trim volume xfade zscale".split()
)


class HasArgv(Protocol):
    """Anything that knows its own arguments."""

    def argv(self) -> tuple[str, ...]:
        """The program's name and its arguments."""


def _ignore_line(_: str) -> None:
    pass


class Runner:
    """Runs commands; `cancel` ends every run in progress and refuses new ones, from any thread."""

    def __init__(self, binary: Path, *, timeout_s: float = 1500.0) -> None:
        """`timeout_s` is the limit of each single run."""
        self._binary = binary
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._is_cancelled = False

    def run(self, command: HasArgv, *, on_line: Callable[[str], None] = _ignore_line) -> None:
        """Run to the end; `on_line` gets each line of its log as it comes.

        Raises: FfmpegFailed, MachineFailed, FfmpegTimedOut, Cancelled.
        """
        argv = command.argv()
        tail: deque[str] = deque(maxlen=TAIL_LINES)

        def read_log(stream: IO[str]) -> None:
            for line in stream:
                tail.append(line.rstrip())
                on_line(line.rstrip())

        timed_out = threading.Event()

        def kill_late_run() -> None:
            timed_out.set()
            _kill(process)

        with self._start(argv) as process:
            log_reader = threading.Thread(target=read_log, args=(process.stderr,), daemon=True)
            timer = threading.Timer(self._timeout_s, kill_late_run)
            log_reader.start()
            timer.start()
            try:
                process.wait()
            except BaseException:
                _kill(process)
                raise
            finally:
                timer.cancel()
                log_reader.join()
                with self._lock:
                    self._running.discard(process)
        if self._is_cancelled:
            raise Cancelled("the run was cancelled")
        if timed_out.is_set():
            raise FfmpegTimedOut(process.returncode, f"was stopped after {self._timeout_s:g} s")
        if process.returncode < 0:
            raise MachineFailed.by_signal(-process.returncode)
        if process.returncode and (lacking := find_shortage(tail, process.returncode)):
            raise MachineFailed(process.returncode, f"could not go on: {lacking}")
        if process.returncode:
            raise FfmpegFailed(argv, process.returncode, tuple(tail))

    def cancel(self) -> None:
        """End every run in progress and refuse new ones."""
        with self._lock:
            self._is_cancelled = True
            for process in self._running:
                _kill(process)

    def _start(self, argv: tuple[str, ...]) -> subprocess.Popen[str]:
        with self._lock:  # a run either sees the cancellation or is seen by it
            if self._is_cancelled:
                raise Cancelled("the runner was cancelled")
            process = subprocess.Popen(
                (*_parent_death_prefix(), str(self._binary), *argv[1:]),
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
    if process.poll() is None:
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
    for subject, needed in (("encoders", NEEDED_ENCODERS), ("filters", NEEDED_FILTERS)):
        if missing := needed - _list_names(binary, subject):
            raise FfmpegMissing(f"{binary.name} lacks {subject}: {', '.join(sorted(missing))}")
    return binary


def _list_names(binary: Path, subject: str) -> frozenset[str]:
    """What ``-encoders`` or ``-filters`` says this binary was built with."""
    argv = (str(binary), "-hide_banner", "-nostdin", "-loglevel", "error", f"-{subject}")
    listing = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    words = (line.split() for line in listing.stdout.splitlines())
    return frozenset(row[1] for row in words if len(row) > 1)
