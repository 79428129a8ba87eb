"""Keeps programs running: starts them, waits until they answer, restarts what dies or hangs, and leaves nothing behind.

Every program is the leader of its own process group, because some have children (a start script its Java, gunicorn its
workers) that would otherwise outlive it and hold its port. Nothing about any particular program may enter here.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import IO, Self

import httpx

from localstack import warden
from localstack.program import Program

FAILURES_BEFORE_GIVING_UP = 5
LOG_TAIL_LINES = 12


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the supervisor waits, in seconds."""

    poll_s: float = 0.2
    start_s: float = 90.0
    """A program that has not answered for so long after its start has failed."""
    first_pause_s: float = 0.1
    """Before the first restart; doubled for each further one."""
    longest_pause_s: float = 5.0
    settled_s: float = 10.0
    """After so long a healthy life the next restart is a first one again."""
    stop_s: float = 6.0
    """From SIGTERM to SIGKILL."""
    look_s: float = 15.0
    """Between two looks at a healthy program."""


class What(Enum):
    STARTED = "started"
    READY = "ready"
    ENDED = "ended"
    HUNG = "hung"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a program, apart from its being stopped with the stack."""

    name: str
    what: What
    pid: int
    detail: str = ""
    """What went wrong, as the end of a sentence that begins with the program's name."""


class GaveUp(Exception):
    """A program failed again and again before it ever answered."""

    def __init__(self, program: Program, log: Path) -> None:
        super().__init__(f"{program.name} failed {FAILURES_BEFORE_GIVING_UP} times before its first healthy answer")
        self.program = program
        self.log = log

    def last_lines(self) -> str:
        with self.log.open(errors="replace") as lines:
            return "".join(deque(lines, LOG_TAIL_LINES))


@dataclass(slots=True)
class Supervisor:
    """Runs programs until its task is cancelled; use as ``async with``.

    ``changed`` is called after every start and end; ``pids`` then names what runs. ``tell`` is called at whatever
    happens to a program.
    """

    log_dir: Path
    changed: Callable[[], None] = lambda: None
    tell: Callable[[Happening], None] = lambda _: None
    patience: Patience = field(default_factory=Patience)
    pids: dict[str, int] = field(default_factory=dict)
    _healthy: dict[str, asyncio.Event] = field(default_factory=dict)
    _client: httpx.AsyncClient = field(init=False)
    _warden: subprocess.Popen[str] = field(init=False)

    async def __aenter__(self) -> Self:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        self._client = httpx.AsyncClient(trust_env=False, timeout=2.0)
        self._warden = subprocess.Popen(  # noqa: ASYNC220 - a fork takes no time worth yielding for
            (sys.executable, "-I", "-S", warden.__file__), stdin=subprocess.PIPE, start_new_session=True, text=True
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._warden.communicate()
        await self._client.aclose()

    def log_of(self, name: str) -> Path:
        return self.log_dir / f"{name}.log"

    async def healthy(self, names: Iterable[str]) -> None:
        """Return when each of the programs has answered at least once."""
        await asyncio.gather(*(self._event(name).wait() for name in names))

    async def keep(self, program: Program, on_healthy: Callable[[], Awaitable[None]] | None = None) -> None:
        """Run the program, and again whenever it ends, until cancelled; ``on_healthy`` is awaited after each start.

        Raises:
            GaveUp: it failed too often before its first healthy answer.
        """
        failures, pause_s = 0, self.patience.first_pause_s
        while True:
            lived_s = await self._run_once(program, on_healthy)
            if not self._event(program.name).is_set():
                failures += 1
                if failures == FAILURES_BEFORE_GIVING_UP:
                    raise GaveUp(program, self.log_of(program.name))
            if lived_s > self.patience.settled_s:
                pause_s = self.patience.first_pause_s
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, self.patience.longest_pause_s)

    async def _run_once(self, program: Program, on_healthy: Callable[[], Awaitable[None]] | None) -> float:
        """One life of the program; how many seconds of it were healthy."""
        clock_s = asyncio.get_running_loop().time
        with self.log_of(program.name).open("ab") as log:
            process = await self._start(program, log)
        ready = asyncio.create_task(self._ready(program, on_healthy))
        ended = asyncio.create_task(process.wait())
        watching = [ready, ended]
        try:
            await asyncio.wait((ended, ready), return_when=asyncio.FIRST_COMPLETED, timeout=self.patience.start_s)
            if not ready.done():
                self._tell_of_end(program, process)
                return 0.0
            ready.result()
            self._event(program.name).set()
            self.tell(Happening(program.name, What.READY, process.pid))
            healthy_since_s = clock_s()
            hung = asyncio.create_task(self._hung(program))
            watching.append(hung)
            await asyncio.wait((ended, hung), return_when=asyncio.FIRST_COMPLETED)
            self._tell_of_end(program, process)
            return clock_s() - healthy_since_s
        finally:
            for waiting in watching:
                waiting.cancel()
            await self._end(program, process)

    async def _ready(self, program: Program, on_healthy: Callable[[], Awaitable[None]] | None) -> None:
        """Wait until the program answers and ``on_healthy`` went through; both begin again when a connection breaks."""
        while True:
            for url in program.health_urls:
                while not await self._answers_at(url):  # noqa: ASYNC110 - no event tells when another process listens
                    await asyncio.sleep(self.patience.poll_s)
            with contextlib.suppress(httpx.TransportError):
                if on_healthy:
                    await on_healthy()
                return
            await asyncio.sleep(self.patience.poll_s)

    async def _hung(self, program: Program) -> None:
        """Return when a healthy program has not answered for too long; a program that cannot be told so never does."""
        clock_s, url = asyncio.get_running_loop().time, next(iter(program.health_urls), None)
        if url is None or program.hang_s is None:
            await asyncio.get_running_loop().create_future()
            return
        answered_s = clock_s()
        while clock_s() - answered_s < program.hang_s:
            await asyncio.sleep(self.patience.look_s)
            if await self._answers_at(url):
                answered_s = clock_s()

    def _tell_of_end(self, program: Program, process: asyncio.subprocess.Process) -> None:
        code = process.returncode
        if code is not None:
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            self.tell(Happening(program.name, What.ENDED, process.pid, f"{how}; it is started again"))
        else:
            self.tell(Happening(program.name, What.HUNG, process.pid, "does not answer; it is started again"))

    async def _start(self, program: Program, log: IO[bytes]) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *program.argv,
            cwd=program.cwd,
            env=dict(program.env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._tell_warden(f"+{process.pid}")
        self.pids[program.name] = process.pid
        self.changed()
        self.tell(Happening(program.name, What.STARTED, process.pid))
        return process

    async def _end(self, program: Program, process: asyncio.subprocess.Process) -> None:
        """End the whole group: politely, then for certain. The group may have outlived its leader."""
        self.pids.pop(program.name, None)
        if process.returncode is None:
            _signal_group(process.pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), self.patience.stop_s)
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()
        self._tell_warden(f"-{process.pid}")
        self.changed()

    async def _answers_at(self, url: str) -> bool:
        try:
            return (await self._client.get(url)).is_server_error is False
        except httpx.TransportError:
            return False

    def _event(self, name: str) -> asyncio.Event:
        return self._healthy.setdefault(name, asyncio.Event())

    def _tell_warden(self, line: str) -> None:
        assert self._warden.stdin is not None  # noqa: S101 - for the type checker; it is a pipe
        with contextlib.suppress(BrokenPipeError):  # a warden that was killed cannot be told, and need not
            self._warden.stdin.write(f"{line}\n")
            self._warden.stdin.flush()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
