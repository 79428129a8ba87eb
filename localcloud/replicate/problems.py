"""Refusals in Replicate's words: a JSON object with `detail`, `status` and mostly a `title`.

Where the words of the service are known they are used; docs and recorded answers, read 2026-11.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class ApiProblem(Exception):
    """A refusal; `more` are members besides title, detail and status."""

    def __init__(self, status: int, detail: str, title: str = "", **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.title = title
        self.more = more

    def body(self) -> dict[str, Any]:
        titled = {"title": self.title} if self.title else {}
        return {**titled, "detail": self.detail, "status": self.status, **self.more}


async def answer_problem(_: Request, problem: Exception) -> Response:
    """Starlette's handler for `ApiProblem`."""
    if not isinstance(problem, ApiProblem):
        raise problem
    return JSONResponse(problem.body(), status_code=problem.status)


@dataclass(frozen=True, slots=True)
class InvalidField:
    """One thing wrong with a request, in the words of the JSON schema library that the service uses."""

    type: str
    field: str  # a path such as input.duration; empty for the body itself
    description: str

    def line(self) -> str:
        return f"- {self.field}: {self.description}\n" if self.field else f"- {self.description}\n"

    def json(self) -> dict[str, str]:
        return {"type": self.type, "field": self.field, "description": self.description}


def unauthenticated(*, missing: bool) -> ApiProblem:
    words = "an authentication token" if missing else "a valid authentication token"
    return ApiProblem(401, f"You did not pass {words}", "Unauthenticated")


def insufficient_credit() -> ApiProblem:
    return ApiProblem(
        402,
        "You have insufficient credit to run this model. Go to https://replicate.com/account/billing#billing to "
        "purchase credit. Once you purchase credit, please wait a few minutes before trying again.",
        "Insufficient credit",
    )


def not_found() -> ApiProblem:
    return ApiProblem(404, "The requested resource could not be found.")


def invalid_version() -> ApiProblem:
    return ApiProblem(
        422,
        "The specified version does not exist (or perhaps you don't have permission to use it?)",
        "Invalid version or not permitted",
    )


def invalid_fields(found: Sequence[InvalidField]) -> ApiProblem:
    return ApiProblem(
        422,
        "".join(each.line() for each in found),
        "Input validation failed",
        invalid_fields=[each.json() for each in found],
    )


def throttled(retry_after_s: int, *, low_credit: bool) -> ApiProblem:
    why = (
        "Your rate limit for creating predictions is reduced to 6 requests per minute with a burst of 1 requests "
        "while you have less than $5.0 in credit. "
        if low_credit
        else ""
    )
    detail = f"Request was throttled. {why}Your rate limit resets in ~{retry_after_s}s."
    return ApiProblem(429, detail, retry_after=retry_after_s)
