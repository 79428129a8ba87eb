"""What both services share: resource names, times as the API writes them, paging."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from localcloud.serving import ApiError

LOCATION = r"projects/[^/]+/locations/[^/]+"
DEFAULT_PAGE = 100
LARGEST_PAGE = 1000

Resource = dict[str, Any]
Listed = TypeVar("Listed")


def timestamp(moment_s: float) -> str:
    return datetime.fromtimestamp(moment_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def duration(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


@dataclass(frozen=True, slots=True)
class Page:
    """What a list call asks for; a size of 0 means the default."""

    size: int = 0
    token: str = ""
    filter: str = ""
    order_by: str = ""
    skip: int = 0

    @property
    def seal(self) -> str:
        """Ties a token to its list: the other parameters must stay the same from page to page."""
        return hashlib.sha256(f"{self.filter}\n{self.order_by}".encode()).hexdigest()[:8]


FIRST_PAGE = Page()


def page(
    items: Sequence[Listed], wanted: Page, default: int = DEFAULT_PAGE, largest: int = LARGEST_PAGE
) -> tuple[Sequence[Listed], str]:
    """One page of the items, and the token of the next one: empty at the end. Raises: ApiError 400."""
    if wanted.size < 0:
        raise ApiError(400, "pageSize must not be negative")
    first = wanted.skip
    if wanted.token:
        position, _, seal = wanted.token.partition("-")
        if not position.isdecimal() or seal != wanted.seal:
            raise ApiError(400, f"the pageToken {wanted.token!r} does not belong to this request")
        first += int(position)
    beyond = first + min(wanted.size or default, largest)
    return items[first:beyond], f"{beyond}-{wanted.seal}" if beyond < len(items) else ""


def camel(field: str) -> str:
    """``create_time`` as JSON has it, ``createTime``."""
    first, *words = field.split("_")
    return first + "".join(word.capitalize() for word in words)


def project_number(project: str) -> str:
    """Twelve digits that are always the same for a project: the real ones are not known here."""
    if project.isdecimal():
        return project
    digits = 0
    for byte in project.encode():
        digits = (digits * 257 + byte) % 900_000_000_000
    return str(100_000_000_000 + digits)
