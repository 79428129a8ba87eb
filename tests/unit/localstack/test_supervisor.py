"""The supervisor, with real child processes."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from localstack.supervisor import (
    FAILURES_BEFORE_GIVING_UP,
    ProcessEvent,
    ProcessEventKind,
    Program,
    StartFailed,
    Supervisor,
    Timeouts,
)
from tests.processes import is_alive

Until = Callable[[Callable[[], object]], Coroutine[None, None, None]]

SUPERVISE = """
import asyncio, sys
from pathlib import Path
from tests.processes import is_alive
from localstack.supervisor import Program, Supervisor

async def main(folder, port, *argv):
    report = lambda event: print(event.kind, flush=True)
    async with Supervisor(Path(folder) / "logs", on_event=report) as supervisor:
        await supervisor.keep_running(Program("script", argv, Path(folder), {}, (f"http://127.0.0.1:{port}/",)))

asyncio.run(main(*sys.argv[1:]))
"""


@contextlib.asynccontextmanager
async def kept_running(supervisor: Supervisor, program: Program) -> AsyncIterator[asyncio.Task[None]]:
    async with supervisor:
        kept = asyncio.create_task(supervisor.keep_running(program))
        try:
            yield kept
        finally:
            kept.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await kept


async def kill_and_await_restart(supervisor: Supervisor, name: str, until: Until) -> tuple[int, int]:
    """Kill a program; return its process ids before and after."""
    first = supervisor.pids[name]
    os.kill(first, signal.SIGKILL)
    await until(lambda: supervisor.pids.get(name) not in {None, first})
    return first, supervisor.pids[name]


def test_program_is_restarted_with_a_new_pid_when_it_is_killed(
    tmp_path: Path, server: Program, timeouts: Timeouts, until: Until
) -> None:
    async def scenario() -> tuple[int, int]:
        supervisor = Supervisor(tmp_path / "logs", timeouts=timeouts)
        async with kept_running(supervisor, server):
            await supervisor.wait_until_healthy(["server"])
            return await kill_and_await_restart(supervisor, "server", until)

    first, second = asyncio.run(scenario())

    assert first != second


def test_hook_runs_again_when_its_program_is_restarted(
    tmp_path: Path, server: Program, timeouts: Timeouts, until: Until
) -> None:
    async def scenario() -> list[int]:
        supervisor = Supervisor(tmp_path / "logs", timeouts=timeouts)
        prepared: list[int] = []

        async def prepare() -> None:
            prepared.append(supervisor.pids["server"])

        async with supervisor:
            kept = asyncio.create_task(supervisor.keep_running(server, prepare))
            await supervisor.wait_until_healthy(["server"])
            os.kill(supervisor.pids["server"], signal.SIGKILL)
            await until(lambda: len(prepared) == 2)
            kept.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await kept
        return prepared

    first, second = asyncio.run(scenario())

    assert first != second


def test_supervisor_gives_up_with_the_last_log_lines_when_a_program_never_answers(
    tmp_path: Path, failing: Program, timeouts: Timeouts
) -> None:
    starts: list[int] = []

    async def scenario() -> None:
        supervisor = Supervisor(tmp_path / "logs", timeouts=timeouts)
        supervisor.on_change = lambda: starts.extend(supervisor.pids.values())
        async with supervisor:
            await supervisor.keep_running(failing)

    with pytest.raises(StartFailed) as failed:
        asyncio.run(scenario())

    assert len(set(starts)) == FAILURES_BEFORE_GIVING_UP
    assert failed.value.last_lines() == "no such film\n" * FAILURES_BEFORE_GIVING_UP


def test_supervisor_never_gives_up_when_a_program_fails_after_its_first_answer(
    tmp_path: Path, server: Program, timeouts: Timeouts, until: Until
) -> None:
    async def scenario() -> bool:
        supervisor = Supervisor(tmp_path / "logs", timeouts=timeouts)
        async with kept_running(supervisor, server) as kept:
            await supervisor.wait_until_healthy(["server"])
            for _ in range(FAILURES_BEFORE_GIVING_UP + 2):
                await kill_and_await_restart(supervisor, "server", until)
            return kept.done()

    assert asyncio.run(scenario()) is False


def test_silent_program_counts_as_failed_when_its_start_timeout_is_over(tmp_path: Path, timeouts: Timeouts) -> None:
    sleeper = Program("sleeper", ("sleep", "600"), tmp_path, {}, ("http://127.0.0.1:9/",))

    async def scenario() -> None:
        quick = Timeouts(poll_s=0.01, start_s=0.05, first_pause_s=0.0, longest_pause_s=0.0)
        async with Supervisor(tmp_path / "logs", timeouts=quick) as supervisor:
            await supervisor.keep_running(sleeper)

    with pytest.raises(StartFailed):
        asyncio.run(scenario())


def test_children_of_a_program_end_when_it_is_stopped(
    tmp_path: Path, server_behind_a_script: Program, timeouts: Timeouts, left_behind: Callable[[], list[str]]
) -> None:
    async def scenario() -> list[str]:
        supervisor = Supervisor(tmp_path / "logs", timeouts=timeouts)
        async with kept_running(supervisor, server_behind_a_script):
            await supervisor.wait_until_healthy(["script"])
            return left_behind()

    while_running = asyncio.run(scenario())

    assert len(while_running) == 2
    assert left_behind() == []


def test_orphans_free_the_port_when_their_group_leader_is_killed(
    tmp_path: Path, server_behind_a_script: Program, timeouts: Timeouts, until: Until
) -> None:
    async def scenario() -> None:
        supervisor = Supervisor(tmp_path / "logs", timeouts=timeouts)
        async with kept_running(supervisor, server_behind_a_script):
            await supervisor.wait_until_healthy(["script"])
            orphans = psutil.Process(supervisor.pids["script"]).children()
            await kill_and_await_restart(supervisor, "script", until)

            assert orphans
            assert not any(map(is_alive, orphans))

    asyncio.run(scenario())


def test_no_process_is_left_behind_when_the_supervisor_is_killed(
    tmp_path: Path, server_behind_a_script: Program, port: int, until: Until, left_behind: Callable[[], list[str]]
) -> None:
    argv = (sys.executable, "-c", SUPERVISE, str(tmp_path), str(port), *server_behind_a_script.argv)
    with subprocess.Popen(argv, cwd="/", stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout
        assert supervisor.stdout.readline()  # the watchdog knows of the program before this line is written
        asyncio.run(until(lambda: len(left_behind()) == 2))
        supervisor.kill()

    asyncio.run(until(lambda: left_behind() == []))

    assert psutil.pid_exists(supervisor.pid) is False


def test_program_is_restarted_and_reported_when_it_hangs(
    tmp_path: Path, server: Program, timeouts: Timeouts, until: Until
) -> None:
    events: list[ProcessEvent] = []

    async def scenario() -> tuple[int, int]:
        watchful = replace(timeouts, check_s=0.02, stop_s=0.1)  # a stopped process takes no SIGTERM
        supervisor = Supervisor(tmp_path / "logs", on_event=events.append, timeouts=watchful)
        async with kept_running(supervisor, replace(server, hang_s=0.2)):
            await supervisor.wait_until_healthy(["server"])
            first = supervisor.pids["server"]
            os.kill(first, signal.SIGSTOP)
            await until(lambda: supervisor.pids.get("server") not in {None, first})
            return first, supervisor.pids["server"]

    first, second = asyncio.run(scenario())

    assert not psutil.pid_exists(first)
    assert [(event.kind, event.pid) for event in events[:4]] == [
        (ProcessEventKind.STARTED, first),
        (ProcessEventKind.READY, first),
        (ProcessEventKind.HUNG, first),
        (ProcessEventKind.STARTED, second),
    ]


def test_program_without_hang_limit_is_not_restarted_when_it_is_silent(
    tmp_path: Path, server: Program, timeouts: Timeouts
) -> None:
    async def scenario() -> bool:
        supervisor = Supervisor(tmp_path / "logs", timeouts=replace(timeouts, check_s=0.0))
        async with supervisor:
            impatient = asyncio.create_task(supervisor._wait_until_hung(replace(server, hang_s=0.0)))
            patient = asyncio.create_task(supervisor._wait_until_hung(replace(server, hang_s=None)))
            await impatient
            left_alone = not patient.done()
            patient.cancel()
            return left_alone

    assert asyncio.run(scenario())


def test_death_of_a_program_is_reported_with_its_cause_but_a_stop_of_the_stack_is_not(
    tmp_path: Path, server: Program, timeouts: Timeouts, until: Until
) -> None:
    events: list[ProcessEvent] = []

    async def scenario() -> None:
        supervisor = Supervisor(tmp_path / "logs", on_event=events.append, timeouts=timeouts)
        async with kept_running(supervisor, server):
            await supervisor.wait_until_healthy(["server"])
            await kill_and_await_restart(supervisor, "server", until)

    asyncio.run(scenario())
    failures = [event.detail for event in events if event.kind in {ProcessEventKind.ENDED, ProcessEventKind.HUNG}]

    assert failures == ["was ended by SIGKILL; it is started again"]


def test_supervisor_names_no_process_when_it_is_stopped(tmp_path: Path, server: Program, timeouts: Timeouts) -> None:
    published: list[dict[str, int]] = []

    async def scenario() -> None:
        supervisor = Supervisor(tmp_path / "logs", timeouts=timeouts)
        supervisor.on_change = lambda: published.append(dict(supervisor.pids))
        async with kept_running(supervisor, server):
            await supervisor.wait_until_healthy(["server"])

    asyncio.run(scenario())

    assert list(published[0]) == ["server"]
    assert published[-1] == {}
