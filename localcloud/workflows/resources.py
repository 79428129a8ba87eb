"""What both services share: resource names, times as the API writes them, paging."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from localcloud.serving import ApiError

LOCATION = r"projects/[^/]+/locations/[^/]+"
_WORKFLOW_ID = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")
DEFAULT_PAGE = 100
LARGEST_PAGE = 1000

Resource = dict[str, Any]
Listed = TypeVar("Listed")


def timestamp(moment_s: float) -> str:
    return datetime.fromtimestamp(moment_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def duration(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def checked_id(workflow_id: str) -> str:
    if not _WORKFLOW_ID.fullmatch(workflow_id):
        raise ApiError(400, f"workflowId {workflow_id!r} must be 1 to 64 letters, digits, dashes and underscores")
    return workflow_id


@dataclass(frozen=True, slots=True)
class Page:
    """What a list call asks for; a size of 0 means the default."""

    size: int = 0
    token: str = ""
    filter: str = ""
    order_by: str = ""


FIRST_PAGE = Page()


def page(items: Sequence[Listed], wanted: Page) -> tuple[Sequence[Listed], str]:
    """One page of the items, and the token of the next one: empty at the end."""
    size, token = wanted.size, wanted.token
    if size < 0:
        raise ApiError(400, "pageSize must not be negative")
    if token and not token.isdecimal():
        raise ApiError(400, f"unknown pageToken {token!r}")
    first = int(token or 0)
    beyond = first + min(size or DEFAULT_PAGE, LARGEST_PAGE)
    return items[first:beyond], str(beyond) if beyond < len(items) else ""


def project_number(project: str) -> str:
    """Twelve digits that are always the same for a project: there is nobody to ask for the real ones."""
    if project.isdecimal():
        return project
    digits = 0
    for byte in project.encode():
        digits = (digits * 257 + byte) % 900_000_000_000
    return str(100_000_000_000 + digits)
