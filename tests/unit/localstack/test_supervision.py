"""The supervisor's promises, kept with real child processes."""

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

from localstack.program import Program
from localstack.supervision import FAILURES_BEFORE_GIVING_UP, GaveUp, Happening, Patience, Supervisor, What
from tests.processes import is_alive

Until = Callable[[Callable[[], object]], Coroutine[None, None, None]]

SUPERVISE = """
import asyncio, sys
from pathlib import Path
from tests.processes import is_alive
from localstack.program import Program
from localstack.supervision import Supervisor

async def main(folder, port, *argv):
    told = lambda happening: print(happening.what, flush=True)
    async with Supervisor(Path(folder) / "logs", tell=told) as supervisor:
        await supervisor.keep(Program("script", argv, Path(folder), {}, (f"http://127.0.0.1:{port}/",)))

asyncio.run(main(*sys.argv[1:]))
"""


@contextlib.asynccontextmanager
async def keeping(supervisor: Supervisor, program: Program) -> AsyncIterator[asyncio.Task[None]]:
    async with supervisor:
        kept = asyncio.create_task(supervisor.keep(program))
        try:
            yield kept
        finally:
            kept.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await kept


async def kill_and_await_the_next(supervisor: Supervisor, name: str, until: Until) -> tuple[int, int]:
    """The process ids before and after."""
    first = supervisor.pids[name]
    os.kill(first, signal.SIGKILL)
    await until(lambda: supervisor.pids.get(name) not in {None, first})
    return first, supervisor.pids[name]


def test_program_when_it_is_killed_then_runs_again_under_a_new_pid(
    tmp_path: Path, server: Program, patience: Patience, until: Until
) -> None:
    async def story() -> tuple[int, int]:
        supervisor = Supervisor(tmp_path / "logs", patience=patience)
        async with keeping(supervisor, server):
            await supervisor.healthy(["server"])
            return await kill_and_await_the_next(supervisor, "server", until)

    first, second = asyncio.run(story())

    assert first != second


def test_restarted_program_when_healthy_again_then_its_hook_has_run_again(
    tmp_path: Path, server: Program, patience: Patience, until: Until
) -> None:
    async def story() -> list[int]:
        supervisor = Supervisor(tmp_path / "logs", patience=patience)
        prepared: list[int] = []

        async def prepare() -> None:
            prepared.append(supervisor.pids["server"])

        async with supervisor:
            kept = asyncio.create_task(supervisor.keep(server, prepare))
            await supervisor.healthy(["server"])
            os.kill(supervisor.pids["server"], signal.SIGKILL)
            await until(lambda: len(prepared) == 2)
            kept.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await kept
        return prepared

    first, second = asyncio.run(story())

    assert first != second


def test_program_when_it_never_answers_then_given_up_after_five_starts_with_its_last_lines(
    tmp_path: Path, failing: Program, patience: Patience
) -> None:
    starts: list[int] = []

    async def story() -> None:
        supervisor = Supervisor(tmp_path / "logs", patience=patience)
        supervisor.changed = lambda: starts.extend(supervisor.pids.values())
        async with supervisor:
            await supervisor.keep(failing)

    with pytest.raises(GaveUp) as gave_up:
        asyncio.run(story())

    assert len(set(starts)) == FAILURES_BEFORE_GIVING_UP
    assert gave_up.value.last_lines() == "no such film\n" * FAILURES_BEFORE_GIVING_UP


def test_program_when_it_fails_often_after_its_first_answer_then_never_given_up(
    tmp_path: Path, server: Program, patience: Patience, until: Until
) -> None:
    async def story() -> bool:
        supervisor = Supervisor(tmp_path / "logs", patience=patience)
        async with keeping(supervisor, server) as kept:
            await supervisor.healthy(["server"])
            for _ in range(FAILURES_BEFORE_GIVING_UP + 2):
                await kill_and_await_the_next(supervisor, "server", until)
            return kept.done()

    assert asyncio.run(story()) is False


def test_silent_program_when_its_time_to_start_is_over_then_counts_as_failed(
    tmp_path: Path, patience: Patience
) -> None:
    sleeper = Program("sleeper", ("sleep", "600"), tmp_path, {}, ("http://127.0.0.1:9/",))

    async def story() -> None:
        quick = Patience(poll_s=0.01, start_s=0.05, first_pause_s=0.0, longest_pause_s=0.0)
        async with Supervisor(tmp_path / "logs", patience=quick) as supervisor:
            await supervisor.keep(sleeper)

    with pytest.raises(GaveUp):
        asyncio.run(story())


def test_children_of_a_program_when_stopped_then_gone_too(
    tmp_path: Path, server_behind_a_script: Program, patience: Patience, left_behind: Callable[[], list[str]]
) -> None:
    async def story() -> list[str]:
        supervisor = Supervisor(tmp_path / "logs", patience=patience)
        async with keeping(supervisor, server_behind_a_script):
            await supervisor.healthy(["script"])
            return left_behind()

    while_running = asyncio.run(story())

    assert len(while_running) == 2
    assert left_behind() == []


def test_leader_when_killed_then_its_orphans_do_not_keep_the_port(
    tmp_path: Path, server_behind_a_script: Program, patience: Patience, until: Until
) -> None:
    async def story() -> None:
        supervisor = Supervisor(tmp_path / "logs", patience=patience)
        async with keeping(supervisor, server_behind_a_script):
            await supervisor.healthy(["script"])
            orphans = psutil.Process(supervisor.pids["script"]).children()
            await kill_and_await_the_next(supervisor, "script", until)

            assert orphans
            assert not any(map(is_alive, orphans))

    asyncio.run(story())


def test_supervisor_when_killed_outright_then_leaves_no_process_behind(
    tmp_path: Path, server_behind_a_script: Program, port: int, until: Until, left_behind: Callable[[], list[str]]
) -> None:
    argv = (sys.executable, "-c", SUPERVISE, str(tmp_path), str(port), *server_behind_a_script.argv)
    with subprocess.Popen(argv, cwd="/", stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout
        assert supervisor.stdout.readline()  # its warden knows of the program before anybody else does
        asyncio.run(until(lambda: len(left_behind()) == 2))
        supervisor.kill()

    asyncio.run(until(lambda: left_behind() == []))

    assert psutil.pid_exists(supervisor.pid) is False


def test_program_that_hangs_when_it_stays_silent_too_long_then_started_again_and_told(
    tmp_path: Path, server: Program, patience: Patience, until: Until
) -> None:
    told: list[Happening] = []

    async def story() -> tuple[int, int]:
        watchful = replace(patience, look_s=0.02)
        supervisor = Supervisor(tmp_path / "logs", tell=told.append, patience=watchful)
        async with keeping(supervisor, replace(server, hang_s=0.2)):
            await supervisor.healthy(["server"])
            first = supervisor.pids["server"]
            os.kill(first, signal.SIGSTOP)
            await until(lambda: supervisor.pids.get("server") not in {None, first})
            return first, supervisor.pids["server"]

    first, second = asyncio.run(story())

    assert not psutil.pid_exists(first)
    assert [(one.what, one.pid) for one in told[:4]] == [
        (What.STARTED, first), (What.READY, first), (What.HUNG, first), (What.STARTED, second),
    ]  # fmt: skip


def test_program_that_may_be_busy_when_silent_then_left_alone(
    tmp_path: Path, server: Program, patience: Patience
) -> None:
    async def story() -> bool:
        supervisor = Supervisor(tmp_path / "logs", patience=replace(patience, look_s=0.0))
        async with supervisor:
            impatient = asyncio.create_task(supervisor._hung(replace(server, hang_s=0.0)))
            patient = asyncio.create_task(supervisor._hung(replace(server, hang_s=None)))
            await impatient
            left_alone = not patient.done()
            patient.cancel()
            return left_alone

    assert asyncio.run(story())


def test_program_when_it_dies_then_told_by_what_and_a_stop_of_the_stack_is_no_mishap(
    tmp_path: Path, server: Program, patience: Patience, until: Until
) -> None:
    told: list[Happening] = []

    async def story() -> None:
        supervisor = Supervisor(tmp_path / "logs", tell=told.append, patience=patience)
        async with keeping(supervisor, server):
            await supervisor.healthy(["server"])
            await kill_and_await_the_next(supervisor, "server", until)

    asyncio.run(story())
    mishaps = [one.detail for one in told if one.what in {What.ENDED, What.HUNG}]

    assert mishaps == ["was ended by SIGKILL; it is started again"]


def test_stopped_supervisor_when_looked_at_then_names_no_process(
    tmp_path: Path, server: Program, patience: Patience
) -> None:
    published: list[dict[str, int]] = []

    async def story() -> None:
        supervisor = Supervisor(tmp_path / "logs", patience=patience)
        supervisor.changed = lambda: published.append(dict(supervisor.pids))
        async with keeping(supervisor, server):
            await supervisor.healthy(["server"])

    asyncio.run(story())

    assert list(published[0]) == ["server"]
    assert published[-1] == {}
