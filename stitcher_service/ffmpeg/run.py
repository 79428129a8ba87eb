"""The only place that starts a process: ffmpeg in its own process group, with a time limit, stoppable from any thread.

Knows arguments, lines and exit codes; never what they are for.
"""

import os
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
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
    """Whatever knows its own arguments."""

    def argv(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; ``None`` where ffmpeg said N/A or nothing."""

    frames: int | None = None
    out_time_us: int | None = None
    speed: float | None = None
    is_last: bool = False


def parse_progress(lines: Iterable[str]) -> Progress:
    """One block of ``-progress`` output (``key=value`` lines up to ``progress=…``) as a value."""
    said = dict(line.strip().split("=", 1) for line in lines if "=" in line)

    def number(key: str) -> float | None:
        try:
            return float(said[key].strip().removesuffix("x"))
        except (KeyError, ValueError):
            return None

    frames, out_time_us = number("frame"), number("out_time_us")
    return Progress(
        frames=None if frames is None else int(frames),
        out_time_us=None if out_time_us is None else int(out_time_us),
        speed=number("speed"),
        is_last=said.get("progress") == "end",
    )


def _ignore_progress(_: Progress) -> None:
    pass


def _ignore_line(_: str) -> None:
    pass


class Runner:
    """Runs commands; `cancel` ends every run in progress and refuses new ones, from any thread."""

    def __init__(self, binary: Path, *, timeout_s: float = 1500.0) -> None:
        self._binary = binary
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._is_cancelled = False

    def run(
        self,
        command: HasArgv,
        *,
        on_progress: Callable[[Progress], None] = _ignore_progress,
        on_line: Callable[[str], None] = _ignore_line,
    ) -> None:
        """Run to the end; `on_line` gets each line of its log as it comes.

        Raises: FfmpegFailed, MachineFailed, FfmpegTimedOut, Cancelled.
        """
        argv = command.argv()
        tail: deque[str] = deque(maxlen=TAIL_LINES)

        def listen(stream: IO[str]) -> None:
            for line in stream:
                tail.append(line.rstrip())
                on_line(line.rstrip())

        timed_out = threading.Event()

        def end_late_run() -> None:
            timed_out.set()
            _kill(process)

        with self._start(argv) as process:
            listener = threading.Thread(target=listen, args=(process.stderr,), daemon=True)
            timer = threading.Timer(self._timeout_s, end_late_run)
            listener.start()
            timer.start()
            try:
                _follow(process.stdout, on_progress)
                process.wait()
            except BaseException:
                _kill(process)
                raise
            finally:
                timer.cancel()
                listener.join()
                with self._lock:
                    self._running.discard(process)
        if self._is_cancelled:
            raise Cancelled("the run was called off")
        if timed_out.is_set():
            raise FfmpegTimedOut(process.returncode, f"was stopped after {self._timeout_s:g} s")
        if process.returncode < 0:
            raise MachineFailed.by_signal(-process.returncode)
        if process.returncode and (lacking := find_shortage(tail, process.returncode)):
            raise MachineFailed(process.returncode, f"could not go on: {lacking}")
        if process.returncode:
            raise FfmpegFailed(argv, process.returncode, tuple(tail))

    def cancel(self) -> None:
        with self._lock:
            self._is_cancelled = True
            for process in self._running:
                _kill(process)

    def _start(self, argv: tuple[str, ...]) -> subprocess.Popen[str]:
        with self._lock:  # a run either sees the cancellation or is seen by it
            if self._is_cancelled:
                raise Cancelled("the runner was told to stop")
            process = subprocess.Popen(
                (*_parent_death_prefix(), str(self._binary), *argv[1:]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._running.add(process)
            return process


def _follow(stream: IO[str] | None, on_progress: Callable[[Progress], None]) -> None:
    block: list[str] = []
    for line in stream or ():
        block.append(line)
        if line.startswith("progress="):
            on_progress(parse_progress(block))
            block.clear()


def _kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


@cache
def _parent_death_prefix() -> tuple[str, ...]:
    """A SIGKILL gives us no chance to stop children; the kernel does it for us where util-linux is installed."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()


@dataclass(frozen=True, slots=True)
class _Listing:
    """``-encoders`` or ``-filters``: what this binary was built with."""

    subject: str

    def argv(self) -> tuple[str, ...]:
        return ("ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", f"-{self.subject}")


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
        if missing := needed - _names(binary, subject):
            raise FfmpegMissing(f"{binary.name} lacks {subject}: {', '.join(sorted(missing))}")
    return binary


def _names(binary: Path, subject: str) -> frozenset[str]:
    answer = subprocess.run(
        (str(binary), *_Listing(subject).argv()[1:]), capture_output=True, text=True, timeout=30, check=False
    )
    words = (line.split() for line in answer.stdout.splitlines())
    return frozenset(row[1] for row in words if len(row) > 1)
