"""One execution from its argument to its outcome. Used by the service and by ``workflows run`` alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.workflows.callbacks import Callbacks
from localcloud.workflows.faults import Failure, Overrun
from localcloud.workflows.program.blocks import Program
from localcloud.workflows.program.calls import MISSING, enter
from localcloud.workflows.program.frames import Frame, Run, Runtime, Scope
from localcloud.workflows.report import error_resource
from localcloud.workflows.step_entries import NOTHING_SPECIAL, Recording, StepEntries
from localcloud.workflows.values import Value, to_json


@dataclass(frozen=True, slots=True)
class Succeeded:
    result: str  # JSON text


@dataclass(frozen=True, slots=True)
class Failed:
    error: Mapping[str, Any]  # the API's Execution.Error


Outcome = Succeeded | Failed


def start(
    program: Program,
    runtime: Runtime,
    env: Mapping[str, str],
    callbacks_base: str = "",
    recording: Recording = NOTHING_SPECIAL,
) -> Run:
    """An execution ready to run; the URLs of its callbacks begin with ``callbacks_base``."""
    journal = StepEntries(runtime, env.get("GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID", ""), recording)
    return Run(program, runtime, journal, Callbacks(callbacks_base), dict(env))


async def execute(run: Run, argument: Value = MISSING) -> Outcome:
    """Run ``main``. A cancelled task stops at once, wherever it waits: CancelledError passes through."""
    frame = Frame(run, "main", Scope(run.meter))
    try:
        value = await enter(run.program.main, frame, [argument])
        return Succeeded(_sendable(to_json(value)))
    except Failure as failure:
        resource = error_resource(failure)
        return Failed(
            {**resource, "payload": _sendable(resource["payload"]), "context": _sendable(resource["context"])}
        )
    except RecursionError:  # a value nested hundreds deep: the service would have run into its own limits
        return Failed(error_resource(Overrun("a value is nested too deeply")))


def _sendable(text: str) -> str:
    """Half a surrogate pair can stand in JSON, but in no answer."""
    return text.encode(errors="replace").decode()


def current_steps(run: Run) -> list[dict[str, str]]:
    """The position of the execution: the first thread's calls, outermost first, then the other threads' steps."""
    steps: list[dict[str, str]] = []
    for thread in sorted(run.tips):
        frame: Frame | None = run.tips[thread]
        calls: list[dict[str, str]] = []
        while frame is not None:
            if frame.step is not None:
                calls.append({"routine": frame.routine, "step": frame.step.name})
            frame = frame.caller if thread == 0 else None
        steps.extend(reversed(calls))
    return steps
