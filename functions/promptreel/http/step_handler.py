"""Steps and the stitcher's actions over HTTP: JSON in, a command, JSON out and one log line; errors as problems."""

import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import Request
from pydantic import TypeAdapter, ValidationError

from promptreel.errors import Invalid, QuotaExhausted, Transient
from promptreel.http.problems import Answer, make_problem
from promptreel.logging import events
from promptreel.services import Services

C = TypeVar("C")
S = TypeVar("S")

_OK = 200


@dataclass(frozen=True, slots=True)
class Action(Generic[C, S]):
    """A use case that is called over HTTP: its name in log lines and problems, and its command."""

    name: str
    command: type[C]
    use_case: Callable[[C, S], Any]

    def run(self, cmd: C, services: S) -> Any:
        """Run the use case."""
        return self.use_case(cmd, services)


@dataclass(frozen=True, slots=True)
class Step(Action[C, Services]):
    """One step function, with the services that its use case may use.

    ``is_task``: it is called by Cloud Tasks, not by the workflow.
    """

    uses: AbstractSet[str]
    is_task: bool = False

    def run(self, cmd: C, services: Services) -> Any:
        """Run the use case with the declared services.

        Cloud Tasks slows a whole queue down after 429 and 503, and repeats a single task after 500. So a task answers
        429 only for the quota that its queue keeps, and 500 for everything else that is transient.
        """
        try:
            return self.use_case(cmd, services.limited_to(self.uses))
        except Transient as error:
            if not self.is_task or isinstance(error, QuotaExhausted):
                raise
            raise _RetryThisTask(error.message, code=error.code, remedy=error.remedy) from error


def respond(action: Action[Any, S], request: Request, services: Callable[[], S]) -> Answer:
    """Answer a request; the services are built only when it comes."""
    execution = request.headers.get("X-Promptreel-Execution", "")
    return answer(action, request.get_json(silent=True), services, read_trace(request), execution)


def read_trace(request: Request) -> str:
    """The request's own trace, as Cloud Run gives it."""
    return request.headers.get("X-Cloud-Trace-Context", "").partition("/")[0]


def answer(
    action: Action[Any, S], body: Any, services: Callable[[], S], trace: str = "", execution: str = ""
) -> Answer:
    """Run one action on one request body; every outcome becomes an answer, and one line ``step``."""
    began = time.monotonic()
    given = body if isinstance(body, dict) else {}
    context = {"job_id": given.get("job_id"), "scene_id": given.get("scene"), "attempt": given.get("attempt")}
    with events.log_context(action=action.name, **context, execution_id=execution or given.get("execution")):
        try:
            result = action.run(_command(body, action.command), services())
            reply, status = TypeAdapter(type(result)).dump_python(result, mode="json"), _OK
        except Exception as error:  # noqa: BLE001 - the one translation point from exception to HTTP
            scene = given.get("scene")
            scene = scene if isinstance(scene, str) else None
            reply, status = make_problem(error, step=action.name, scene=scene, trace=trace)
        refused = status != _OK
        events.log_event(
            "step",
            job_id=reply.get("job_id") or context["job_id"],
            outcome=reply["code"] if refused else reply.get("state", "done"),
            reason=reply["message"] if refused else None,
            status=status,
            duration_ms=round((time.monotonic() - began) * 1000),
        )
    return reply, status


class _RetryThisTask(Transient):
    """Transient, and no reason for other tasks to wait."""

    status = 500


def _command(body: Any, command: type[C]) -> C:
    """The command in a request body, checked field by field; unknown fields are refused."""
    if not isinstance(body, dict):
        raise Invalid("The body must be a JSON object.")
    try:
        return TypeAdapter(command).validate_python(body, extra="forbid")
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise Invalid(faults) from error
