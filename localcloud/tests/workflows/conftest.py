"""A runtime for workflows under test: time that jumps instead of passing, and a network that answers from a script."""

import asyncio
import json
import selectors
import textwrap
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from localcloud.workflows import engine
from localcloud.workflows.callbacks import Callbacks
from localcloud.workflows.compiler.routines import compile_source
from localcloud.workflows.faults import SourceRefused
from localcloud.workflows.program.calls import MISSING
from localcloud.workflows.program.frames import Run


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
class ScriptedRuntime:
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
    runtime: ScriptedRuntime
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
    source: str, argument: Any = MISSING, *, runtime: ScriptedRuntime | None = None, env: dict[str, str] | None = None
) -> Played:
    runtime = runtime or ScriptedRuntime()
    base = "http://127.0.0.1:1/callbacks"
    run = engine.start(compile_source(textwrap.dedent(source)), runtime, env or {}, base)
    runtime.callbacks = run.callbacks

    async def timed() -> tuple[engine.Outcome, float]:
        outcome = await engine.execute(run, argument)
        return outcome, asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        outcome, took_s = runner.run(timed())
    return Played(outcome, runtime, run, took_s)


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
def scripted_runtime() -> type[ScriptedRuntime]:
    return ScriptedRuntime


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
