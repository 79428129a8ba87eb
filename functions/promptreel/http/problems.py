"""Errors as RFC 9457 problem details: the one translation from exception to HTTP."""

import logging
from dataclasses import dataclass
from typing import Any

from promptreel.errors import PromptreelError, Transient

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem on the wire: ``status``, ``body`` and ``headers``."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


def problem(error: Exception, *, step: str = "", scene: str | None = None, trace: str = "") -> Problem:
    """The problem an exception is told as. What is not ours is a bug: 500 in our words, the cause in the log."""
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
    return Problem(error.status, body, headers)


class _Unexpected(PromptreelError):
    """A bug, told without its details."""

    default_code = "internal"

    def __init__(self, cause: Exception) -> None:
        super().__init__(
            f"Something broke inside promptreel ({type(cause).__name__}).",
            remedy="Nothing made so far is lost. Resume the job; if it happens again, tell the operators the trace.",
        )
