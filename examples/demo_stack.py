"""Run the local stack as a child process of the demo, stop it, and check that no process is left."""

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from rich.console import Console
from rich.status import Status
from rich.text import Text

UP = (sys.executable, "-m", "localcloud", "up")
START_TIMEOUT_S = 240
STOP_TIMEOUT_S = 60
EXIT_TIMEOUT_S = 5  # for processes that are still ending when the stack has stopped
POLL_EVERY_S = 0.2
PRINTED_LINES = 20


class StackFailed(Exception):
    """The stack did not start, or did not stop; the message contains its last output."""


class LocalStack:
    """Runs `python -m localcloud up` in a session of its own: Ctrl-C reaches the demo, not the stack.

    Inside the ``with`` block every service answers; after it no process is left.
    """

    def __init__(self, console: Console, argv: tuple[str, ...] = UP) -> None:
        self.api = ""
        self.token = ""
        self._console = console
        self._argv = argv
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="promptreel-demo-")
        self._state_file, self._log = Path(self._folder.name, "state.json"), Path(self._folder.name, "up.log")
        if not self._console.is_terminal:  # the spinner is not shown
            self._console.print("Starting the local stack …")
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                [*self._argv, "--state-file", str(self._state_file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            with self._console.status("Starting the local stack …") as spinner:
                self._wait(self._child, spinner)
        except BaseException:
            self._stop(self._child)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is not None:
            self._stop(self._child)

    def _wait(self, child: subprocess.Popen[bytes], spinner: Status) -> None:
        """Wait for the state file, which the stack writes when every service answers."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._state_file.exists():
            if child.poll() is not None:
                raise StackFailed(f"The local stack ended with exit code {child.returncode}:\n{self._last_output()}")
            if time.monotonic() > deadline:
                raise StackFailed(f"The local stack was not up after {START_TIMEOUT_S} s:\n{self._last_output()}")
            spinner.update(Text.assemble("Starting the local stack: ", " ".join(self._ready()), " …"))
            time.sleep(POLL_EVERY_S)
        state = json.loads(self._state_file.read_text())
        self.api, self.token = state["api"], state["tokens"]["owner"]

    def _ready(self) -> list[str]:
        """Names of the services that answer already; the stack prints ``ready NAME`` for each."""
        lines = (line.split() for line in self._log.read_text(errors="replace").splitlines())
        return [words[1] for words in lines if len(words) == 2 and words[0] == "ready"]  # noqa: PLR2004 - "ready NAME"

    def _last_output(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-PRINTED_LINES:])

    def _stop(self, child: subprocess.Popen[bytes]) -> None:
        """Stop the stack. Raises: StackFailed when a process had to be killed."""
        # A second Ctrl-C must not interrupt the stopping.
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            family = _family(child.pid)
            child.terminate()
            with self._console.status("Stopping the local stack …"):
                _wait_or_kill(child)
            left = [one for one in psutil.wait_procs(family, timeout=EXIT_TIMEOUT_S)[1] if _is_alive(one)]
            for process in left:
                process.kill()
            psutil.wait_procs(left, timeout=EXIT_TIMEOUT_S)
        finally:
            self._folder.cleanup()
            for number, handler in before.items():
                signal.signal(number, handler)
        if left:
            raise StackFailed(f"The local stack left processes behind: {', '.join(str(one.pid) for one in left)}.")


def _is_alive(process: psutil.Process) -> bool:
    """Whether it runs; an ended process stays in the list until the machine's init reaps it."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _wait_or_kill(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _family(pid: int) -> list[psutil.Process]:
    """The process and its descendants; psutil compares start times, so a reused process id is not mistaken for one."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
