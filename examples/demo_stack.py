"""The local stack as a child process of the demo: started, waited for, stopped, and proved to be gone."""

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
UP_WITHIN_S = 240
DOWN_WITHIN_S = 60
GONE_WITHIN_S = 5  # for what was still ending when the stack said that it had stopped
LOOK_EVERY_S = 0.2
TOLD_LINES = 20


class StackFailed(Exception):
    """The stack did not come up, or did not go away; the message says which, with its last words."""


class LocalStack:
    """`python -m localcloud up`, in a session of its own: a Ctrl-C in the terminal reaches the demo, not the stack.

    Entered, everything answers; left, however that happens, nothing of it is running.
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
        if not self._console.is_terminal:  # where no spinner turns
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
        """Until the state file is there: the stack writes it once everything answers."""
        give_up_at = time.monotonic() + UP_WITHIN_S
        while not self._state_file.exists():
            if child.poll() is not None:
                raise StackFailed(f"The local stack ended with exit code {child.returncode}:\n{self._last_words()}")
            if time.monotonic() > give_up_at:
                raise StackFailed(f"The local stack was not up after {UP_WITHIN_S} s:\n{self._last_words()}")
            spinner.update(Text.assemble("Starting the local stack: ", " ".join(self._ready()), " …"))
            time.sleep(LOOK_EVERY_S)
        state = json.loads(self._state_file.read_text())
        self.api, self.token = state["api"], state["tokens"]["owner"]

    def _ready(self) -> list[str]:
        """Names of the processes that answer so far; the stack says ``ready NAME`` for each."""
        lines = (line.split() for line in self._log.read_text(errors="replace").splitlines())
        return [words[1] for words in lines if len(words) == 2 and words[0] == "ready"]  # noqa: PLR2004 - "ready NAME"

    def _last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-TOLD_LINES:])

    def _stop(self, child: subprocess.Popen[bytes]) -> None:
        """Raises: StackFailed when something had to be killed; it is gone then, too."""
        # A second Ctrl-C must not leave half a stack behind.
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            family = _family(child.pid)
            child.terminate()
            with self._console.status("Stopping the local stack …"):
                _ended(child)
            left = [one for one in psutil.wait_procs(family, timeout=GONE_WITHIN_S)[1] if _is_alive(one)]
            for process in left:
                process.kill()
            psutil.wait_procs(left, timeout=GONE_WITHIN_S)
        finally:
            self._folder.cleanup()
            for number, handler in before.items():
                signal.signal(number, handler)
        if left:
            raise StackFailed(f"The local stack left processes behind: {', '.join(str(one.pid) for one in left)}.")


def _is_alive(process: psutil.Process) -> bool:
    """Whether it runs; one that has ended may stand in the list for as long as the machine's init takes."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _ended(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(DOWN_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _family(pid: int) -> list[psutil.Process]:
    """The process and everything it started; each remembers its start time, so a reused id is not taken for it."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
