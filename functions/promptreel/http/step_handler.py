"""Steps and the stitcher's actions over HTTP: JSON in, a command, JSON out and one log line; errors as problems."""

import json
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from flask import Request, Response
from pydantic import TypeAdapter, ValidationError

from promptreel.errors import Invalid, QuotaExhausted, Transient
from promptreel.http.problems import make_problem_response
from promptreel.logging import events
from promptreel.services import Services

C = TypeVar("C")
S = TypeVar("S")

# Problems too: Workflows decodes this type alone (https://cloud.google.com/workflows/docs/http-requests).
_MEDIA_TYPE = "application/json"

Answer = tuple[dict[str, Any], int, dict[str, str]]


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
        except QuotaExhausted:
            raise
        except Transient as error:
            if not self.is_task:
                raise
            raise _RetryThisTask(error.message, code=error.code, remedy=error.remedy) from error


def respond(action: Action[Any, S], request: Request, services: Callable[[], S]) -> Response:
    """Answer a request; the services are built only when it comes."""
    trace = request.headers.get("X-Cloud-Trace-Context", "").partition("/")[0]
    execution = request.headers.get("X-Promptreel-Execution", "")
    body, status, headers = answer(action, request.get_json(silent=True), services, trace, execution)
    return Response(json.dumps(body), status, headers)


def answer(
    action: Action[Any, S], body: Any, services: Callable[[], S], trace: str = "", execution: str = ""
) -> Answer:
    """Run one action on one request body; every outcome becomes (JSON, status, headers), and one line ``step``."""
    began = time.monotonic()
    given = body if isinstance(body, dict) else {}
    context = {"job_id": given.get("job_id"), "scene_id": given.get("scene"), "attempt": given.get("attempt")}
    with events.log_context(action=action.name, **context, execution_id=execution or given.get("execution")):
        reply, status, headers = _answer(action, body, services, trace)
        refused = status != HTTPStatus.OK
        events.log_event(
            "step",
            job_id=reply.get("job_id") or context["job_id"],
            outcome=reply["code"] if refused else reply.get("state", "done"),
            reason=reply["message"] if refused else None,
            status=int(status),
            duration_ms=round((time.monotonic() - began) * 1000),
        )
    return reply, status, headers


class _RetryThisTask(Transient):
    """Transient, and no reason for other tasks to wait."""

    status = 500


def _answer(action: Action[Any, S], body: Any, services: Callable[[], S], trace: str) -> Answer:
    named = body.get("scene") if isinstance(body, dict) else None
    scene = named if isinstance(named, str) else None
    try:
        result = action.run(_command(body, action.command), services())
    except Exception as error:  # noqa: BLE001 - the one translation point from exception to HTTP
        problem = make_problem_response(error, step=action.name, scene=scene, trace=trace)
        return problem.body, problem.status, {"Content-Type": _MEDIA_TYPE, **problem.headers}
    reply = TypeAdapter(type(result)).dump_python(result, mode="json")
    return reply, HTTPStatus.OK, {"Content-Type": _MEDIA_TYPE}


def _command(body: Any, command: type[C]) -> C:
    """The command in a request body, checked field by field; unknown fields are refused."""
    if not isinstance(body, dict):
        raise Invalid("The body must be a JSON object.")
    unknown = set(body) - {field.name for field in fields(command)}  # type: ignore[arg-type]
    if unknown:
        raise Invalid(f"{', '.join(sorted(unknown))}: there is no such field.")
    try:
        return TypeAdapter(command).validate_python(body)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise Invalid(faults) from error
