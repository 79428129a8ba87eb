"""Reading what a request carries: its body, its headers, its query. What cannot be read is refused."""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request

from localcloud.identity import is_loopback
from localcloud.replicate import problems
from localcloud.replicate.problems import ApiProblem, InvalidField

_LONGEST_WAIT_S = 60
_LEAST_LIFETIME_S = 5
_PREFER = re.compile(r"wait(?:=([1-9]|[1-5][0-9]|60))?")
_LIFETIME = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")
_CURSOR = re.compile(r"(r=1&)?p=(\d+)")


async def read_body(request: Request) -> Mapping[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise ApiProblem(400, f"The request body is not JSON: {error}", "Invalid JSON") from None
    if not isinstance(body, dict):
        raise problems.invalid_fields([InvalidField("invalid_type", "", "Invalid type. Expected: object")])
    return body


def refuse(found: Sequence[InvalidField]) -> None:
    if found:
        raise problems.invalid_fields(found)


def check_webhook(url: str | None) -> None:
    """HTTPS, as the service asks for; on this machine plain HTTP too."""
    if url is not None and not url.startswith("https://") and not (url.startswith("http://") and is_loopback(url)):
        raise problems.invalid_fields([InvalidField("format", "webhook", "webhook must be an HTTPS URL")])


def read_wait_s(request: Request) -> float | None:
    """How long Prefer lets the request stay open; None without it."""
    if (text := request.headers.get("prefer")) is None:
        return None
    if (found := _PREFER.fullmatch(text)) is None:
        raise ApiProblem(422, f"Prefer must be wait or wait=n with n from 1 to {_LONGEST_WAIT_S}.", "Invalid header")
    return float(found[1] or _LONGEST_WAIT_S)


def read_lifetime_s(request: Request) -> float | None:
    """Cancel-After in seconds; None without it."""
    if (text := request.headers.get("cancel-after")) is None:
        return None
    found = _LIFETIME.fullmatch(text.strip())
    hours, minutes, seconds = (int(each or 0) for each in found.groups()) if found else (0, 0, 0)
    lifetime_s = float(hours * 3600 + minutes * 60 + seconds)
    if lifetime_s < _LEAST_LIFETIME_S:
        raise ApiProblem(422, f"Cancel-After must be at least {_LEAST_LIFETIME_S} seconds.", "Invalid header")
    return lifetime_s


def read_moment_s(query: Mapping[str, str], name: str, default: float) -> float:
    if (text := query.get(name)) is None:
        return default
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ApiProblem(422, f"{name} must be a date-time in ISO 8601 format.", "Invalid parameter") from None
    return moment.timestamp()


def read_cursor(text: str | None) -> tuple[int | None, int | None]:
    """The number before which, or after which, a page begins."""
    if text is None:
        return None, None
    try:
        found = _CURSOR.fullmatch(base64.urlsafe_b64decode(text).decode())
    except (binascii.Error, UnicodeDecodeError, ValueError):
        found = None
    if found is None:
        raise ApiProblem(404, "Invalid cursor")
    return (None, int(found[2])) if found[1] else (int(found[2]), None)
