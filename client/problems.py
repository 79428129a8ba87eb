"""What can go wrong between us and the API, and which of it may pass by itself.

ClientError
├── Unusable       something here is wrong (settings, a file): the message says what to change
├── NotReachable   no usable answer after every try
└── ProblemError   the API answered with a problem (RFC 9457)
"""

from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

# Answers that may be another one in a moment: rate limit, gateway and overload.
PASSING = frozenset({429, 502, 503, 504})

# Cloud Run's own refusals come before our app and carry no problem document.
_REMEDIES = {
    401: "The ID token is wrong or older than its hour. Set "
    "PROMPTREEL_TOKEN_COMMAND='gcloud auth print-identity-token', and it is renewed by itself; or put "
    "a fresh one into PROMPTREEL_TOKEN.",
    403: "Ask for the right to call this API (Cloud Run's invoker role).",
    404: "Check the address of the API and the job's id.",
}


class ClientError(Exception):
    """Base of all: a sentence for people, and the way out."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class Unusable(ClientError):
    """A setting or file on this side cannot be used; nothing was sent."""


class NotReachable(ClientError):
    """The API did not answer, or its answer broke off, as often as it was asked."""


class ProblemError(ClientError):
    """The API understood and refused, or failed; `trace` finds the request in its logs."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        remedy: str = "",
        trace: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.code = code
        self.trace = trace
        self.retry_after_s = retry_after_s

    @property
    def may_pass(self) -> bool:
        return self.status in PASSING


def problem(response: httpx.Response) -> ProblemError:
    """The problem in an answer that is not a success; a page of a proxy on the way becomes one too."""
    body = _json_object(response)
    status = response.status_code
    message = body.get("message") or body.get("detail") or body.get("title") or f"{status} {_phrase(status)}"
    return ProblemError(
        status,
        str(body.get("code") or f"http_{status}"),
        str(message),
        str(body.get("remedy") or ("" if body.get("code") else _REMEDIES.get(status, ""))),
        str(body.get("trace") or ""),
        retry_after_s(response.headers),
    )


def retry_after_s(headers: httpx.Headers) -> float | None:
    """The wait a server asks for, in seconds or as a date (RFC 9110 §10.2.3); a date counts from the server's own."""
    asked = headers.get("Retry-After", "")
    if asked.isdigit():
        return float(asked)
    try:
        wait = parsedate_to_datetime(asked) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):  # no date, or one without its zone
        return None
    return max(0.0, wait.total_seconds())


def _json_object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "answer"
