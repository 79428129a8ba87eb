"""Keep programs running: start them, wait until they answer, restart those that end or hang, and stop them all.

Every program is the leader of its own process group, because some have children (a start script its Java, gunicorn its
workers) that would otherwise outlive it and hold its port. Nothing here is specific to one program.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import IO, Self

import httpx

from localstack import watchdog

FAILURES_BEFORE_GIVING_UP = 5
LOG_TAIL_LINES = 12
HANG_S = 60.0  # a healthy process on a busy machine may not answer for half of that


@dataclass(frozen=True, slots=True)
class Program:
    """A process of the stack: what is run, with what environment, and how its health is checked."""

    name: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(repr=False)
    """The whole environment: nothing else is inherited."""
    health_urls: tuple[str, ...] = ()
    """The program is ready when each answers below 500; for a function its framework's 404 is enough."""
    hang_s: float | None = HANG_S
    """After so long without an answer it is restarted; None for one whose threads may all be busy with real work."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long the supervisor waits, in seconds."""

    poll_s: float = 0.2
    """Between two health checks of a program that starts."""
    start_s: float = 90.0
    """A program that has not answered for so long after its start has failed."""
    first_pause_s: float = 0.1
    """Before the first restart; doubled for each further one."""
    longest_pause_s: float = 5.0
    settled_s: float = 10.0
    """A program that was healthy for so long is restarted after the first pause again."""
    stop_s: float = 6.0
    """From SIGTERM to SIGKILL."""
    check_s: float = 15.0
    """Between two health checks of a healthy program."""


class ProcessEventKind(Enum):
    STARTED = "started"
    READY = "ready"
    ENDED = "ended"
    HUNG = "hung"


@dataclass(frozen=True, slots=True)
class ProcessEvent:
    """A change of a program's process, except its stop together with the stack."""

    name: str
    kind: ProcessEventKind
    pid: int
    detail: str = ""
    """What went wrong, as the end of a sentence that begins with the program's name."""


class StartFailed(Exception):
    """A program failed repeatedly before its first healthy answer."""

    def __init__(self, program: Program, log: Path) -> None:
        super().__init__(f"{program.name} failed {FAILURES_BEFORE_GIVING_UP} times before its first healthy answer")
        self.program = program
        self.log = log

    def last_lines(self) -> str:
        with self.log.open(errors="replace") as lines:
            return "".join(deque(lines, LOG_TAIL_LINES))


@dataclass(slots=True)
class Supervisor:
    """Runs programs until its task is cancelled; use as ``async with``."""

    log_dir: Path
    on_change: Callable[[], None] = lambda: None
    """Called whenever `pids` has changed."""
    on_event: Callable[[ProcessEvent], None] = lambda _: None
    timeouts: Timeouts = field(default_factory=Timeouts)
    pids: dict[str, int] = field(default_factory=dict)
    """The running processes by the name of their program."""
    _healthy: dict[str, asyncio.Event] = field(default_factory=dict)
    _client: httpx.AsyncClient = field(init=False)
    _watchdog: subprocess.Popen[str] = field(init=False)

    async def __aenter__(self) -> Self:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        self._client = httpx.AsyncClient(trust_env=False, timeout=2.0)
        self._watchdog = subprocess.Popen(  # noqa: ASYNC220 - a fork is too short to yield for
            (sys.executable, "-I", "-S", watchdog.__file__), stdin=subprocess.PIPE, start_new_session=True, text=True
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watchdog.communicate()
        await self._client.aclose()

    def log_of(self, name: str) -> Path:
        return self.log_dir / f"{name}.log"

    async def wait_until_healthy(self, names: Iterable[str]) -> None:
        """Return when each of the programs has answered at least once."""
        await asyncio.gather(*(self._healthy_event(name).wait() for name in names))

    async def keep_running(self, program: Program, on_healthy: Callable[[], Awaitable[None]] | None = None) -> None:
        """Run the program until cancelled, restarting it when it ends; ``on_healthy`` is awaited after each start.

        Raises:
            StartFailed: it failed too often before its first healthy answer.
        """
        failures, pause_s = 0, self.timeouts.first_pause_s
        while True:
            healthy_s = await self._run_once(program, on_healthy)
            if not self._healthy_event(program.name).is_set():
                failures += 1
                if failures == FAILURES_BEFORE_GIVING_UP:
                    raise StartFailed(program, self.log_of(program.name))
            if healthy_s > self.timeouts.settled_s:
                pause_s = self.timeouts.first_pause_s
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, self.timeouts.longest_pause_s)

    async def _run_once(self, program: Program, on_healthy: Callable[[], Awaitable[None]] | None) -> float:
        """Run one process of the program until it ends or hangs; return for how many seconds it was healthy."""
        clock_s = asyncio.get_running_loop().time
        with self.log_of(program.name).open("ab") as log:
            process = await self._start(program, log)
        ready = asyncio.create_task(self._wait_until_ready(program, on_healthy))
        ended = asyncio.create_task(process.wait())
        tasks = [ready, ended]
        try:
            await asyncio.wait((ended, ready), return_when=asyncio.FIRST_COMPLETED, timeout=self.timeouts.start_s)
            if not ready.done():
                self._report_end(program, process)
                return 0.0
            ready.result()
            self._healthy_event(program.name).set()
            self.on_event(ProcessEvent(program.name, ProcessEventKind.READY, process.pid))
            healthy_since_s = clock_s()
            hung = asyncio.create_task(self._wait_until_hung(program))
            tasks.append(hung)
            await asyncio.wait((ended, hung), return_when=asyncio.FIRST_COMPLETED)
            self._report_end(program, process)
            return clock_s() - healthy_since_s
        finally:
            for task in tasks:
                task.cancel()
            await self._stop(program, process)

    async def _wait_until_ready(self, program: Program, on_healthy: Callable[[], Awaitable[None]] | None) -> None:
        """Wait until the program answers and ``on_healthy`` has succeeded; start over when a connection breaks."""
        while True:
            for url in program.health_urls:
                while not await self._answers_at(url):  # noqa: ASYNC110 - another process sends no event when it listens
                    await asyncio.sleep(self.timeouts.poll_s)
            with contextlib.suppress(httpx.TransportError):
                if on_healthy:
                    await on_healthy()
                return
            await asyncio.sleep(self.timeouts.poll_s)

    async def _wait_until_hung(self, program: Program) -> None:
        """Return when a healthy program has not answered for too long; never for one without a health check."""
        clock_s, url = asyncio.get_running_loop().time, next(iter(program.health_urls), None)
        if url is None or program.hang_s is None:
            await asyncio.get_running_loop().create_future()
            return
        answered_s = clock_s()
        while clock_s() - answered_s < program.hang_s:
            await asyncio.sleep(self.timeouts.check_s)
            if await self._answers_at(url):
                answered_s = clock_s()

    def _report_end(self, program: Program, process: asyncio.subprocess.Process) -> None:
        code = process.returncode
        if code is not None:
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            event = ProcessEvent(program.name, ProcessEventKind.ENDED, process.pid, f"{how}; it is started again")
        else:
            detail = "does not answer; it is started again"
            event = ProcessEvent(program.name, ProcessEventKind.HUNG, process.pid, detail)
        self.on_event(event)

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
        self._command_watchdog(f"+{process.pid}")
        self.pids[program.name] = process.pid
        self.on_change()
        self.on_event(ProcessEvent(program.name, ProcessEventKind.STARTED, process.pid))
        return process

    async def _stop(self, program: Program, process: asyncio.subprocess.Process) -> None:
        """Stop the whole group: with SIGTERM, then with SIGKILL. The group may have outlived its leader."""
        self.pids.pop(program.name, None)
        if process.returncode is None:
            _signal_group(process.pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), self.timeouts.stop_s)
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()
        self._command_watchdog(f"-{process.pid}")
        self.on_change()

    async def _answers_at(self, url: str) -> bool:
        try:
            return (await self._client.get(url)).is_server_error is False
        except httpx.TransportError:
            return False

    def _healthy_event(self, name: str) -> asyncio.Event:
        return self._healthy.setdefault(name, asyncio.Event())

    def _command_watchdog(self, command: str) -> None:
        assert self._watchdog.stdin is not None  # noqa: S101 - for the type checker; it is a pipe
        with contextlib.suppress(BrokenPipeError):  # a killed watchdog can no longer be reached
            self._watchdog.stdin.write(f"{command}\n")
            self._watchdog.stdin.flush()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
