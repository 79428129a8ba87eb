"""Errors as RFC 9457 problem details: the one translation from exception to HTTP, for every service.

It knows no web framework. Workflows decodes ``application/json`` alone, so that the steps and the stitcher do not send
``MEDIA_TYPE`` (https://cloud.google.com/workflows/docs/http-requests).
"""

import logging
from typing import Any

from promptreel.errors import PromptreelError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

Answer = tuple[dict[str, Any], int]
"""JSON body and HTTP status, in Flask's order."""


def make_problem(error: Exception, *, step: str = "", scene: str | None = None, trace: str = "") -> Answer:
    """Translate an exception. One that promptreel did not raise is a bug: a 500 without details, the cause in the log.

    ``trace`` is the request's, for the operators.
    """
    if not isinstance(error, PromptreelError):
        log.error("unexpected error", exc_info=error, extra={"json_fields": {"step": step, "trace": trace}})
        error = _Unexpected(
            f"Something broke inside promptreel ({type(error).__name__}).",
            remedy="Nothing made so far is lost. Resume the job; if it happens again, tell the operators the trace.",
        )
    body = {
        "title": type(error).__name__.lstrip("_"),
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "message": error.message,
        "remedy": error.remedy,
        "trace": trace,
    }
    if step:
        body["step"] = step
    if scene:
        body["scene"] = scene
    return body, error.status


class _Unexpected(PromptreelError):
    default_code = "internal"
