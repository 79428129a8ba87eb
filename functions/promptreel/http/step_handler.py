"""Step functions over HTTP: JSON in, a command, the step, JSON out and one log line; errors as problems."""

import dataclasses
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from promptreel.errors import Invalid, QuotaExhausted, Transient
from promptreel.http.problems import problem
from promptreel.logging import events

C = TypeVar("C")

# Problems too: Workflows decodes this type alone (https://cloud.google.com/workflows/docs/http-requests).
_MEDIA_TYPE = "application/json"

Answer = tuple[dict[str, Any], int, dict[str, str]]


def answer(
    step: str, body: Any, command: type[C], run: Callable[[C], Any], trace: str = "", execution: str = ""
) -> Answer:
    """Run one step on one request body; every outcome becomes (JSON, status, headers), and one line ``step``."""
    begun = time.monotonic()
    asked = body if isinstance(body, dict) else {}
    told = {"job_id": asked.get("job_id"), "scene_id": asked.get("scene"), "attempt": asked.get("attempt")}
    with events.log_context(action=step, **told, execution_id=execution or asked.get("execution")):
        reply, status, headers = _answered(step, body, command, run, trace)
        refused = status != HTTPStatus.OK
        events.log_event(
            "step",
            job_id=reply.get("job_id") or told["job_id"],
            outcome=reply["code"] if refused else reply.get("state", "done"),
            reason=reply["message"] if refused else None,
            status=int(status),
            duration_ms=round((time.monotonic() - begun) * 1000),
        )
    return reply, status, headers


def for_one_task(run: Callable[[C], Any]) -> Callable[[C], Any]:
    """The same step, for Cloud Tasks: it slows a whole queue after 429 and 503, and repeats one task after 500.

    Only the quota that the queue is there for is told as 429 (DESIGN §7).
    """

    def delivered(cmd: C) -> Any:
        try:
            return run(cmd)
        except QuotaExhausted:
            raise
        except Transient as error:
            raise _OneTask(error.message, code=error.code, remedy=error.remedy) from error

    return delivered


class _OneTask(Transient):
    """Transient, and no reason to let other tasks wait."""

    status = 500


def _answered(step: str, body: Any, command: type[C], run: Callable[[C], Any], trace: str) -> Answer:
    scene = body.get("scene") if isinstance(body, dict) else None
    try:
        result = run(_command(body, command))
    except Exception as error:  # noqa: BLE001 - the one translation point from exception to HTTP
        told = problem(error, step=step, scene=scene if isinstance(scene, str) else None, trace=trace)
        return told.body, told.status, {"Content-Type": _MEDIA_TYPE, **told.headers}
    reply = TypeAdapter(type(result)).dump_python(result, mode="json")
    return reply, HTTPStatus.OK, {"Content-Type": _MEDIA_TYPE}


def _command(body: Any, command: type[C]) -> C:
    """The command in a request body, checked field by field; what the caller is not asked for is refused."""
    if not isinstance(body, dict):
        raise Invalid("The body must be a JSON object.")
    unknown = set(body) - {field.name for field in dataclasses.fields(command)}  # type: ignore[arg-type]
    if unknown:
        raise Invalid(f"{', '.join(sorted(unknown))}: there is no such field.")
    try:
        return TypeAdapter(command).validate_python(body)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise Invalid(faults) from error
