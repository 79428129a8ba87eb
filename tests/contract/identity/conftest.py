"""The identity stand-ins as a process of their own, which is how every client meets them."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests import loopback
from tests.loopback import answers, free_port
from tests.waiting import PATIENCE_S, eventually

OPEN_JOB = "film-open-job@local.iam.gserviceaccount.com"
WORKFLOW = "film-workflow@local.iam.gserviceaccount.com"


@contextmanager
def stand_in(name: str, *options: str, ports: tuple[int, ...]) -> Iterator[None]:
    """Run ``python -m localcloud NAME`` until every port answers its health check; stopped at the end."""
    process = subprocess.Popen([sys.executable, "-m", "localcloud", name, *options])
    try:
        for port in ports:
            eventually(partial(is_up, port, process), f"{name} on {port}")
        yield
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def is_up(port: int, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
    return answers(f"http://127.0.0.1:{port}/_local/health")


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
            return loopback.get(metadata_url + path, params={"audience": audience}, headers=headers).text
        answer = loopback.post(f"{metadata_url}/_local/person", json={"email": email, "audience": audience})
        return str(answer.json()["id_token"])

    return ask


@pytest.fixture(scope="session")
def unused_port() -> Callable[[], int]:
    return free_port


@pytest.fixture(scope="session")
def running() -> Callable[..., AbstractContextManager[None]]:
    """Runs one stand-in as a process of its own for the length of a ``with`` block."""
    return stand_in
