"""A failure as people and the API read it: message, context lines, stack trace."""

from typing import Any

from localcloud.workflows.faults import Failure, Raised
from localcloud.workflows.values import to_json


def payload_of(failure: Failure) -> str:
    """The error value as JSON text; what has no JSON form is reported as the fault it is."""
    try:
        return to_json(failure.value)
    except Raised as unprintable:
        return to_json(unprintable.value)


def message_of(failure: Failure) -> str:
    if isinstance(failure.value, str):
        return failure.value
    if isinstance(failure.value, dict) and isinstance(failure.value.get("message"), str):
        return str(failure.value["message"])
    return payload_of(failure)


def context_of(failure: Failure) -> str:
    lines = [f'in step "{e.step}", routine "{e.routine}", line: {e.at.line}' for e in failure.trace]
    return "\n".join([message_of(failure), *lines])


def error_resource(failure: Failure) -> dict[str, Any]:
    """The ``error`` field of a FAILED execution."""
    elements = [
        {
            "step": element.step,
            "routine": element.routine,
            "position": {
                "line": str(element.at.line),
                "column": str(element.at.column),
                "length": str(element.length),
            },
        }
        for element in failure.trace
    ]
    return {"payload": payload_of(failure), "context": context_of(failure), "stackTrace": {"elements": elements}}
