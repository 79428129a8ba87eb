"""The real emulators, started once for a test run and ended with all their children.

``EMULATORS=firebase`` in the environment (`make test-firebase`) takes firebase-tools' in place of gcloud's Firestore
emulator and fake-gcs-server.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from localcloud.tests import loopback
from localcloud.tests.loopback import free_port
from localcloud.tests.waiting import eventually
from localstack import firebase_tools
from localstack.emulators import find_firestore, object_store_command
from localstack.programs import FIREBASE, OWN
from localstack.supervisor import Program

ROOT = Path(__file__).parents[3]
LANE = os.environ.get("EMULATORS", OWN)


@dataclass(frozen=True, slots=True)
class Addresses:
    firestore: str
    """HOST:PORT"""
    storage: str
    """URL"""


@contextmanager
def firestore(run_dir: Path) -> Iterator[str]:
    """A Firestore emulator; answers ``HOST:PORT``."""
    host = f"127.0.0.1:{free_port()}"
    emulator = find_firestore(os.environ, int(host.partition(":")[2]), run_dir, "local")
    with _running(emulator.program(run_dir, os.environ, host)):
        yield host


@contextmanager
def storage(run_dir: Path) -> Iterator[str]:
    """An object-store server; answers its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    health = (f"{url}/storage/v1/b",)
    with _running(Program("storage", object_store_command(run_dir, port), run_dir, os.environ, health)):
        yield url


@contextmanager
def both_of_firebase_tools(run_dir: Path) -> Iterator[Addresses]:
    """firebase-tools' two emulators."""
    firestore_port, storage_port = free_port(), free_port()
    tools = ROOT / firebase_tools.TOOLS_FOLDER
    with _running(firebase_tools.program(os.environ, run_dir, "local", firestore_port, storage_port, tools=tools)):
        yield Addresses(f"127.0.0.1:{firestore_port}", f"http://127.0.0.1:{storage_port}")


def is_firebase() -> bool:
    return LANE == FIREBASE


@contextmanager
def _running(program: Program) -> Iterator[None]:
    process = subprocess.Popen(
        program.argv,
        cwd=program.cwd,
        env=dict(program.env),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for url in program.health_urls:
            _wait_for(process, url)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # the group: a start script's Java is its child
        process.wait()


def _wait_for(process: subprocess.Popen[bytes], health_url: str) -> None:
    def is_up() -> bool:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        try:
            return loopback.get(health_url).status_code < 500
        except httpx.HTTPError:
            return False

    eventually(is_up, f"{process.args!r} is up")
