"""What can fail between the client and the API, and how transient failures are retried."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

# A later attempt may get another answer: rate limit, gateway and overload.
TRANSIENT_STATUSES = frozenset({429, 502, 503, 504})

# Cloud Run refuses some requests before they reach promptreel; those answers carry no problem document.
_REMEDIES = {
    401: "The ID token is wrong or has expired (after one hour). Set "
    "PROMPTREEL_TOKEN_COMMAND='gcloud auth print-identity-token' to renew it automatically; or put "
    "a new token into PROMPTREEL_TOKEN.",
    403: "Ask for the right to call this API (Cloud Run's invoker role).",
    404: "Check the address of the API and the job's id.",
}


@dataclass(eq=False)
class ClientError(Exception):
    """Base of all errors: a message for people, and what they can do."""

    message: str
    remedy: str = ""

    def __str__(self) -> str:
        return self.message


class InvalidInput(ClientError):
    """A setting or a file cannot be used; the message says what to change. The client sent nothing."""


class NotReachable(ClientError):
    """The API did not answer, or its answer broke off, at every attempt."""


@dataclass(eq=False, kw_only=True)
class ProblemError(ClientError):
    """The API refused the request or failed: an RFC 9457 problem."""

    status: int
    code: str
    trace: str = ""  # finds the request in the API's logs
    retry_after_s: float | None = None

    @property
    def is_transient(self) -> bool:
        """Whether a later attempt may succeed."""
        return self.status in TRANSIENT_STATUSES


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how fast failed requests are sent again; a wait is random, up to a limit that doubles."""

    attempts: int = 4  # the first one included
    first_wait_s: float = 0.5
    longest_wait_s: float = 8.0
    longest_retry_after_s: float = 60.0  # the client gives up, instead of retrying earlier than the server allows
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random

    def wait_s(self, failed: int, retry_after_s: float | None) -> float | None:
        """Seconds before the next attempt after `failed` failures (from 1), or None to give up."""
        if failed >= self.attempts or (retry_after_s or 0.0) > self.longest_retry_after_s:
            return None
        limit_s = min(self.first_wait_s * 2 ** (failed - 1), self.longest_wait_s)
        return (retry_after_s or 0.0) + self.chance() * float(limit_s)


def read_problem(response: httpx.Response) -> ProblemError:
    """Convert an unsuccessful response to an error, also when a proxy sent it without a problem document."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    status = response.status_code
    message = body.get("message") or body.get("detail") or body.get("title") or f"{status} {response.reason_phrase}"
    remedy = body.get("remedy") or ("" if body.get("code") else _REMEDIES.get(status, ""))
    return ProblemError(
        str(message).strip(),
        str(remedy),
        status=status,
        code=str(body.get("code") or f"http_{status}"),
        trace=str(body.get("trace") or ""),
        retry_after_s=_retry_after_s(response.headers),
    )


def _retry_after_s(headers: httpx.Headers) -> float | None:
    """Read Retry-After: seconds, or a date (RFC 9110 §10.2.3), which is compared with the server's own clock."""
    value = headers.get("Retry-After", "")
    if value.isdigit():
        return float(value)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):  # no date, or one without a time zone
        return None
    return max(0.0, wait.total_seconds())
