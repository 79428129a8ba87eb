"""Errors as RFC 9457 problem details: the one translation from exception to HTTP, for every service.

It knows no web framework: the API, the steps and the stitcher send `ProblemResponse` in their own way. Workflows
decodes ``application/json`` alone, so that the steps and the stitcher do not send ``MEDIA_TYPE``.
"""

import logging
from dataclasses import dataclass
from typing import Any

from promptreel.errors import PromptreelError, Transient

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemResponse:
    """A problem as it is sent: HTTP status, JSON body, and headers without the content type."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


def make_problem_response(
    error: Exception, *, step: str = "", scene: str | None = None, trace: str = ""
) -> ProblemResponse:
    """Translate an exception. One that promptreel did not raise is a bug: a 500 without details, the cause in the log.

    Args:
        error: What was raised.
        step: The step that raised it, if it was a step.
        scene: The scene that the step worked on.
        trace: The request's trace, for the operators.
    """
    if not isinstance(error, PromptreelError):
        log.error("unexpected error", exc_info=error, extra={"json_fields": {"step": step, "trace": trace}})
        error = _Unexpected(error)
    body: dict[str, Any] = {**error.to_problem(), "trace": trace}
    if step:
        body["step"] = step
    if scene:
        body["scene"] = scene
    headers = {}
    if isinstance(error, Transient) and error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    return ProblemResponse(error.status, body, headers)


class _Unexpected(PromptreelError):
    default_code = "internal"

    def __init__(self, cause: Exception) -> None:
        super().__init__(
            f"Something broke inside promptreel ({type(cause).__name__}).",
            remedy="Nothing made so far is lost. Resume the job; if it happens again, tell the operators the trace.",
        )
