"""The identity stand-ins as a process of their own, which is how every client meets them."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest

START_DEADLINE_S = 180
OPEN_JOB = "film-open-job@local.iam.gserviceaccount.com"
WORKFLOW = "film-workflow@local.iam.gserviceaccount.com"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def stand_in(name: str, *options: str, ports: tuple[int, ...]) -> Iterator[None]:
    """Run ``python -m localcloud NAME`` until every port answers its health check; stopped at the end."""
    process = subprocess.Popen([sys.executable, "-m", "localcloud", name, *options])
    try:
        deadline = time.monotonic() + START_DEADLINE_S
        for port in ports:
            while not healthy(port):
                assert process.poll() is None, f"{name} ended with {process.returncode}"
                assert time.monotonic() < deadline, f"{name} did not answer on {port}"
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0


def healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/_local/health", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def metadata_ports(tmp_path_factory: pytest.TempPathFactory, state_dir: Path) -> Iterator[dict[str, int]]:
    """A running metadata server: the port of ``main`` and of each account's own listener."""
    ports = {"main": free_port(), OPEN_JOB: free_port(), WORKFLOW: free_port()}
    identities = tmp_path_factory.mktemp("identities") / "identities.json"
    identities.write_text(json.dumps({"listeners": {ports[OPEN_JOB]: OPEN_JOB, ports[WORKFLOW]: WORKFLOW}}))
    options = ("--port", str(ports["main"]), "--state-dir", str(state_dir), "--identities", str(identities))
    with stand_in("metadata", *options, ports=tuple(ports.values())):
        yield ports


@pytest.fixture(scope="session")
def metadata_url(metadata_ports: dict[str, int]) -> str:
    return f"http://127.0.0.1:{metadata_ports['main']}"


@pytest.fixture(scope="session")
def id_token_of(metadata_url: str) -> Callable[[str, str], str]:
    """The ID token of an account, or of a person, for an audience."""

    def ask(email: str, audience: str) -> str:
        if email.endswith(".gserviceaccount.com"):
            path = f"/computeMetadata/v1/instance/service-accounts/{email}/identity"
            headers = {"Metadata-Flavor": "Google"}
            return httpx.get(metadata_url + path, params={"audience": audience}, headers=headers).text
        answer = httpx.post(f"{metadata_url}/_local/person", json={"email": email, "audience": audience})
        return str(answer.json()["id_token"])

    return ask


@pytest.fixture(scope="session")
def unused_port() -> Callable[[], int]:
    return free_port


@pytest.fixture(scope="session")
def running() -> Callable[..., AbstractContextManager[None]]:
    """Runs one stand-in as a process of its own for the length of a ``with`` block."""
    return stand_in
