"""The real emulators, started once for a test run and ended with all their children."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from localcloud.up import objectstore
from localcloud.up.firestore import find_emulator
from localcloud.up.ports import free_ports

DEADLINE_S = 60.0


@contextmanager
def firestore(run_dir: Path) -> Iterator[str]:
    """A Firestore emulator; answers ``HOST:PORT``."""
    port = free_ports(["firestore"], random.Random())["firestore"]
    host = f"127.0.0.1:{port}"
    program = find_emulator(os.environ, port, run_dir, "local").program(run_dir, os.environ, host)
    with _running(program.argv, program.env, f"http://{host}/"):
        yield host


@contextmanager
def storage(run_dir: Path) -> Iterator[str]:
    """An object-store server; answers its URL."""
    port = free_ports(["storage"], random.Random())["storage"]
    url = f"http://127.0.0.1:{port}"
    with _running(objectstore.argv(run_dir, port), os.environ, f"{url}/storage/v1/b"):
        yield url


@contextmanager
def _running(argv: Sequence[str], env: Mapping[str, str], health_url: str) -> Iterator[None]:
    process = subprocess.Popen(
        argv, env=dict(env), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(process, health_url)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # the group: a start script's Java is its child
        process.wait()


def _wait_for(process: subprocess.Popen[bytes], health_url: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        try:
            if httpx.get(health_url, timeout=1).status_code < 500:
                return
        except httpx.HTTPError:
            time.sleep(0.05)  # between two looks at a starting process, never as synchronisation
    raise RuntimeError(f"{process.args!r} was not healthy within {DEADLINE_S} s")
