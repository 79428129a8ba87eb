"""A world for workflows under test: time that jumps instead of passing, and a network that answers from a script."""

import asyncio
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localcloud.workflows import engine
from localcloud.workflows.callbacks import Callbacks
from localcloud.workflows.compiler.routines import compile_source
from localcloud.workflows.problems import SourceRefused
from localcloud.workflows.program.calls import MISSING
from localcloud.workflows.program.frames import Run

_DEADLINE_S = 60.0
_JSON = {"Content-Type": "application/json"}


class _JumpingSelector(selectors.SelectSelector):
    """Where a loop would wait for its next timer, its clock moves on instead."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        events = super().select(0)
        if not events:
            if timeout is None:
                msg = "everything waits, and nothing will ever happen"
                raise RuntimeError(msg)
            self.now_s += max(0.0, timeout)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jumping = _JumpingSelector()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now_s


@dataclass
class ScriptedWorld:
    """``answer`` is asked for every request; what it raises is what the workflow sees."""

    answer: Callable[[dict[str, Any]], Any] = lambda request: {"code": 200, "headers": {}, "body": request["url"]}
    slept_s: list[float] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    logged: list[dict[str, Any]] = field(default_factory=list)
    callbacks: Callbacks = field(default_factory=lambda: Callbacks(""))  # of the execution being played

    def now_s(self) -> float:
        return 1_700_000_000.0 + asyncio.get_running_loop().time()

    async def sleep(self, wait_s: float) -> None:
        self.slept_s.append(wait_s)
        await asyncio.sleep(wait_s)

    def new_uuid(self) -> str:
        return "00000000-0000-4000-8000-000000000001"

    async def send(self, request: dict[str, Any]) -> Any:
        self.requests.append(request)
        await asyncio.sleep(0)
        return self.answer(request)

    def log(self, entry: dict[str, Any]) -> None:
        self.logged.append(entry)


@dataclass(frozen=True)
class Played:
    outcome: engine.Outcome
    world: ScriptedWorld
    run: Run
    took_s: float

    @property
    def result(self) -> Any:
        assert isinstance(self.outcome, engine.Succeeded), self.outcome
        return json.loads(self.outcome.result)

    @property
    def error(self) -> Any:
        """The value of the unhandled error."""
        assert isinstance(self.outcome, engine.Failed), self.outcome
        return json.loads(self.outcome.error["payload"])

    @property
    def report(self) -> dict[str, Any]:
        assert isinstance(self.outcome, engine.Failed), self.outcome
        return dict(self.outcome.error)


def play_source(
    source: str, argument: Any = MISSING, *, world: ScriptedWorld | None = None, env: dict[str, str] | None = None
) -> Played:
    world = world or ScriptedWorld()
    base = "http://127.0.0.1:1/callbacks"
    run = engine.start(compile_source(textwrap.dedent(source)), world, env or {}, base)
    world.callbacks = run.callbacks

    async def timed() -> tuple[engine.Outcome, float]:
        outcome = await engine.execute(run, argument)
        return outcome, asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        outcome, took_s = runner.run(timed())
    return Played(outcome, world, run, took_s)


@pytest.fixture
def play() -> Callable[..., Played]:
    """Compile a source and run it to its end; sleeping takes no time."""
    return play_source


@pytest.fixture
def virtual_run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine on a loop of its own whose time jumps."""

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(main)

    return run


@pytest.fixture
def scripted_world() -> type[ScriptedWorld]:
    return ScriptedWorld


@pytest.fixture
def evaluate() -> Callable[..., Any]:
    """The value of one expression, given variables; a raised error value is returned as it is."""

    def value_of(expression: str, **variables: Any) -> Any:
        names = "".join(f"\n      - {name}: ${{input.{name}}}" for name in variables) or "\n      - unused: null"
        source = (
            f"main:\n  params: [input]\n  steps:\n  - set:\n      assign:{names}\n"
            f"  - give:\n      return: {json.dumps('${' + expression + '}')}\n"
        )
        played = play_source(source, variables)
        return played.result if isinstance(played.outcome, engine.Succeeded) else played.error

    return value_of


@pytest.fixture
def refusal() -> Callable[[str], str]:
    """The complaints of a deploy that must be refused; empty when it is not."""

    def complaints(source: str) -> str:
        try:
            compile_source(textwrap.dedent(source))
        except SourceRefused as refused:
            return str(refused)
        return ""

    return complaints


@dataclass(frozen=True)
class StandIn:
    rest: str
    grpc: str
    process: "subprocess.Popen[bytes]"

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.rest}{path}", timeout=10) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any) -> Any:
        return self.send("POST", path, body)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.rest}{path}", data=data, method=method, headers=_JSON)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return json.load(error)


def eventually(condition: Callable[[], Any], what: str, deadline_s: float = _DEADLINE_S) -> Any:
    """The condition's first true value; polling, because it becomes true in another process."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    pytest.fail(f"{what} did not happen within {deadline_s} s")


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    return eventually


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
        return stand_in.process.wait(10)
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

    def run(*words: str, ok: bool = True) -> Any:
        command = ["gcloud", "workflows", *words, "--location=us-central1", "--format=json"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode == 0) is ok, done.stderr
        return json.loads(done.stdout) if ok and done.stdout.strip() else done.stderr

    return run


_NOT_RUN: list[str] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without gcloud on this machine its tests cannot run: they are taken out here and named in the summary."""
    if shutil.which("gcloud") is not None:
        return
    here = Path(__file__).parent
    unable = [item for item in items if here in item.path.parents and "gcloud" in getattr(item, "fixturenames", ())]
    _NOT_RUN.extend(item.nodeid for item in unable)
    config.hook.pytest_deselected(items=unable)
    items[:] = [item for item in items if item not in unable]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _NOT_RUN:
        terminalreporter.section("NOT RUN: the gcloud program is not installed")
        for nodeid in _NOT_RUN:
            terminalreporter.line(nodeid)
