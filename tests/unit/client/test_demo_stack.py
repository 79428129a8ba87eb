"""The demo starts, waits for and stops its child process. A small program replaces the stack."""

import ctypes
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from examples import demo_stack
from examples.demo_stack import LocalStack, StackFailed
from localcloud.tests.waiting import PATIENCE_S
from tests.processes import is_alive

ROOT = Path(__file__).parents[3]

# Starts a worker, prints that it is ready, writes the state file of its last argument, and stops the worker on SIGTERM.
GOOD = """
import json, pathlib, signal, subprocess, sys
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print("ready  worker", flush=True)
signal.signal(signal.SIGTERM, lambda *_: (worker.kill(), worker.wait(), sys.exit(0)))
pathlib.Path(PIDS).write_text(str(worker.pid))
state = pathlib.Path(sys.argv[-1])
draft = state.with_suffix(".draft")
draft.write_text(json.dumps({"api": "http://127.0.0.1:1", "tokens": {"owner": "jwt"}}))
draft.replace(state)
signal.pause()
"""
# Its worker ends, but no process reads its exit code.
UNREAPED = GOOD.replace("worker.wait(), sys.exit(0)", "os._exit(0)").replace("json,", "json, os,")
LEAVES_WORKER = GOOD.replace("worker.kill(), worker.wait(), ", "")
# Sends another Ctrl-C to the demo while it is being stopped.
INTERRUPTS = GOOD.replace("lambda *_: (", "lambda *_: (os.kill(os.getppid(), signal.SIGINT), ").replace(
    "json,", "json, os,"
)
IGNORES_SIGTERM = GOOD.replace("lambda *_: (worker.kill(), worker.wait(), sys.exit(0))", "signal.SIG_IGN")
# The demo as a process of its own.
DEMO = """
import sys
from rich.console import Console
from examples import demo_stack
demo_stack.EXIT_TIMEOUT_S = 0.1
with demo_stack.LocalStack(Console(), tuple(sys.argv[1:])):
    pass
"""
DIES = 'import sys; sys.exit("firestore: no Java here")'


def runs(pid: int) -> bool:
    try:
        return is_alive(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


def stack(program: str, pids: Path) -> LocalStack:
    """A stack that runs this program, which writes its worker's pid to a file."""
    return LocalStack(Console(file=io.StringIO()), (sys.executable, "-c", program.replace("PIDS", repr(str(pids)))))


def test_stack_reports_address_and_token_when_ready(tmp_path: Path) -> None:
    with stack(GOOD, tmp_path / "pids") as running:
        assert (running.api, running.token) == ("http://127.0.0.1:1", "jwt")


def test_stack_leaves_no_process_after_the_with_block(tmp_path: Path) -> None:
    with stack(GOOD, tmp_path / "pids"):
        worker = psutil.Process(int((tmp_path / "pids").read_text()))
        assert is_alive(worker)

    assert not is_alive(worker)


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, SystemExit, ValueError])
def test_stack_leaves_no_process_after_an_exception(tmp_path: Path, leaving: type[BaseException]) -> None:
    pids = tmp_path / "pids"

    with pytest.raises(leaving), stack(GOOD, pids):
        raise leaving

    assert not runs(int(pids.read_text()))


def test_stack_is_stopped_when_interrupted_a_second_time(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    with stack(INTERRUPTS, pids):
        pass

    assert not runs(int(pids.read_text()))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_stack_kills_and_reports_a_worker_that_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_stack, "EXIT_TIMEOUT_S", 0.1)

    with pytest.raises(StackFailed, match="left processes behind"), stack(LEAVES_WORKER, tmp_path / "pids"):
        worker = psutil.Process(int((tmp_path / "pids").read_text()))

    assert not is_alive(worker)


@pytest.fixture
def subreaper() -> Iterator[None]:
    """Orphans become children of this process, and stay zombies until it reads their exit code."""
    set_subreaper, prctl = 36, ctypes.CDLL(None).prctl
    prctl(set_subreaper, 1, 0, 0, 0)
    yield
    prctl(set_subreaper, 0, 0, 0, 0)


@pytest.mark.usefixtures("subreaper")
def test_stack_does_not_wait_for_zombies_that_init_has_not_reaped(tmp_path: Path) -> None:
    program = UNREAPED.replace("PIDS", repr(str(tmp_path / "pids")))
    argv = (sys.executable, "-c", DEMO, sys.executable, "-c", program)
    demo = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    assert demo.returncode == 0, demo.stderr
    worker = psutil.Process(int((tmp_path / "pids").read_text()))
    assert worker.status() == psutil.STATUS_ZOMBIE
    os.waitpid(worker.pid, 0)


def test_stack_reports_its_last_output_when_it_dies_at_start(tmp_path: Path) -> None:
    with (
        pytest.raises(StackFailed, match="exit code 1:\nfirestore: no Java here"),
        stack(DIES, tmp_path / "pids"),
    ):
        pytest.fail("the block must not run after a failed start")


def test_stack_is_stopped_when_it_is_not_ready_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_stack, "START_TIMEOUT_S", 0.0)
    before = set(psutil.Process().children())

    with pytest.raises(StackFailed, match="not up after"), stack("import time; time.sleep(60)", tmp_path / "pids"):
        pytest.fail("the block must not run before the stack is ready")

    assert set(psutil.Process().children()) <= before


def test_stack_is_killed_when_it_ignores_sigterm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_stack, "STOP_TIMEOUT_S", 0.1)
    monkeypatch.setattr(demo_stack, "EXIT_TIMEOUT_S", 0.1)
    before = set(psutil.Process().children())

    with pytest.raises(StackFailed, match="left processes behind"), stack(IGNORES_SIGTERM, tmp_path / "pids"):
        assert set(psutil.Process().children()) > before

    assert set(psutil.Process().children()) <= before
