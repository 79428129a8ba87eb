"""Step functions over HTTP: JSON in, a command, the step, JSON out; errors as problems. No step is named here."""

import dataclasses
import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from promptreel.api.problems import MEDIA_TYPE, problem
from promptreel.errors import Invalid

log = logging.getLogger(__name__)

C = TypeVar("C")

Answer = tuple[dict[str, Any], int, dict[str, str]]


def answer(step: str, body: Any, command: type[C], run: Callable[[C], Any], trace: str = "") -> Answer:
    """Run one step on one request body; every outcome becomes (JSON, status, headers)."""
    begun = time.monotonic()
    scene = body.get("scene") if isinstance(body, dict) else None
    fields = {"action": step, "job_id": body.get("job_id") if isinstance(body, dict) else None, "scene_id": scene}
    try:
        result = run(_command(body, command))
    except Exception as error:  # noqa: BLE001 - the one translation point from exception to HTTP
        told = problem(error, step=step, scene=scene if isinstance(scene, str) else None, trace=trace)
        _log(fields, begun, outcome=told.body["code"], reason=told.body["message"])
        return told.body, told.status, {"Content-Type": MEDIA_TYPE, **told.headers}
    reply = TypeAdapter(type(result)).dump_python(result, mode="json")
    _log(fields, begun, outcome=reply.get("state", "done"))
    return reply, 200, {"Content-Type": "application/json"}


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


def _log(fields: dict[str, Any], begun: float, **outcome: str) -> None:
    duration_ms = round((time.monotonic() - begun) * 1000)
    log.info("step", extra={"json_fields": {**fields, **outcome, "duration_ms": duration_ms}})
