"""The ``filter`` and ``orderBy`` of list calls, as gcloud and the client libraries send them.

A filter is comparisons joined by AND: ``state="FAILED" AND labels.team:*``. Anything else is refused, because a filter
that is quietly ignored shows people the wrong list.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from localcloud.serving import ApiError
from localcloud.workflows.resources import Resource

_COMPARISON = re.compile(r"\s*\(?\s*([\w.-]+)\s*(!=|<=|>=|=|<|>|:)\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s()]+))\s*\)?\s*")
_AND = re.compile(r"\s+AND\s+", re.IGNORECASE)
_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "=": lambda found, wanted: found == wanted,
    "!=": lambda found, wanted: found != wanted,
    "<": lambda found, wanted: found < wanted,
    "<=": lambda found, wanted: found <= wanted,
    ">": lambda found, wanted: found > wanted,
    ">=": lambda found, wanted: found >= wanted,
    ":": lambda found, wanted: wanted == "*" or wanted in found,
}


def matching(resources: Sequence[Resource], text: str) -> list[Resource]:
    """Raises: ApiError 400 for a filter that is not understood."""
    found = list(resources)
    for part in _AND.split(text.strip()) if text.strip() else ():
        match = _COMPARISON.fullmatch(part)
        if match is None:
            raise ApiError(400, f"the filter is not understood: {part!r}")
        field, operator, *spellings = match.groups()
        wanted = next(spelling for spelling in spellings if spelling is not None)
        found = [resource for resource in found if _holds(resource, field, operator, wanted)]
    return found


def _holds(resource: Resource, field: str, operator: str, wanted: str) -> bool:
    value = _value(resource, field)
    return value is not None and _COMPARE[operator](_text(value), wanted)


def ordered(resources: Sequence[Resource], text: str) -> list[Resource]:
    """``field``, ``field desc``, or several with commas. Raises: ApiError 400."""
    found = list(resources)
    for part in reversed([part.split() for part in text.split(",") if part.strip()]):
        if len(part) > 2 or (len(part) == 2 and part[1] not in ("asc", "desc")):  # noqa: PLR2004 - name and direction
            raise ApiError(400, f"orderBy is not understood: {' '.join(part)!r}")
        found.sort(key=lambda resource: _text(_value(resource, part[0])), reverse=part[1:] == ["desc"])
    return found


def _value(resource: Any, path: str) -> Any:
    """``labels.team``; names may also be written with underscores, as the API's protos have them."""
    for name in path.split("."):
        if not isinstance(resource, dict):
            return None
        resource = resource.get(name, resource.get(_camel(name)))
    return resource


def _camel(name: str) -> str:
    first, *words = name.split("_")
    return first + "".join(word.capitalize() for word in words)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
