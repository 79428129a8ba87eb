"""Stand-ins as processes of their own, and the real gcloud pointed at one."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localcloud.tests.loopback import free_port
from localcloud.tests.waiting import PATIENCE_S, eventually

_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class StandIn:
    rest: str
    grpc: str
    process: "subprocess.Popen[bytes]"

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.rest}{path}", timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any) -> Any:
        return self.send("POST", path, body)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.rest}{path}", data=data, method=method, headers=_JSON)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return json.load(error)


def start_stand_in(*options: str) -> StandIn:
    rest_port, grpc_port = free_port(), free_port()
    ports = ("--rest-port", str(rest_port), "--grpc-port", str(grpc_port))
    env = {key: value for key, value in os.environ.items() if not key.startswith("GCE_METADATA")}
    process = subprocess.Popen([sys.executable, "-m", "localcloud", "workflows", *ports, *options], env=env)
    made = StandIn(f"http://127.0.0.1:{rest_port}", f"127.0.0.1:{grpc_port}", process)
    eventually(lambda: _is_healthy(made), "a healthy stand-in")
    return made


def stop(stand_in: StandIn) -> int:
    stand_in.process.send_signal(signal.SIGTERM)
    try:
        return stand_in.process.wait(PATIENCE_S)
    finally:
        stand_in.process.kill()


def _is_healthy(stand_in: StandIn) -> bool:
    assert stand_in.process.poll() is None, "the stand-in ended by itself"
    try:
        return bool(stand_in.get("/_local/health")["status"] == "ok")
    except OSError:
        return False


@pytest.fixture(scope="session")
def stand_in() -> Iterator[StandIn]:
    """One stand-in process for all tests that only add to it."""
    made = start_stand_in()
    yield made
    stop(made)


@pytest.fixture
def ended(stand_in: StandIn) -> Callable[[str], Any]:
    """Wait for an execution, by name, to be no longer ACTIVE; gives it."""

    def wait(execution: str) -> Any:
        def finished() -> Any:
            found = stand_in.get(f"/v1/{execution}")
            return found if found["state"] != "ACTIVE" else None

        return eventually(finished, "the end of the execution")

    return wait


@pytest.fixture
def launch() -> Iterator[Callable[..., StandIn]]:
    """Start stand-ins with options of one's own; whatever still runs at the end is stopped."""
    started: list[StandIn] = []

    def start(*options: str) -> StandIn:
        started.append(start_stand_in(*options))
        return started[-1]

    yield start
    for made in started:
        stop(made)


@pytest.fixture(scope="session")
def halt() -> Callable[[StandIn], int]:
    return stop


@pytest.fixture
def gcloud(stand_in: StandIn, tmp_path: Path) -> Callable[..., Any]:
    """Run the real gcloud against the stand-in; its answer parsed from JSON."""
    env = {
        **os.environ,
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_WORKFLOWS": f"{stand_in.rest}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_WORKFLOWEXECUTIONS": f"{stand_in.rest}/",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": "local",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
    }

    def run(*words: str, ok: bool = True, place: bool = True) -> Any:
        where = ("--location=us-central1",) if place else ()
        command = ["gcloud", "workflows", *words, *where, "--format=json"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert (done.returncode == 0) is ok, done.stderr
        return json.loads(done.stdout) if ok and done.stdout.strip() else done.stderr

    return run
