"""The ``filter`` of list calls (https://google.aip.dev/160) and their ``orderBy`` (https://google.aip.dev/132).

As AIP-160 has it, OR binds tighter than AND, and two terms side by side are joined by AND. What is not understood is
refused, because a filter that is quietly ignored shows people the wrong list.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from localcloud.serving import ApiError
from localcloud.workflows.resources import Resource, camel

Test: TypeAlias = Callable[[Resource], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<sign>[()]|!=|<=|>=|[=<>:])|(?P<word>[^\s()=<>!:"']+))"""
)
_ESCAPE = re.compile(r"\\(.)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda found, wanted: bool(found < wanted),
    "<=": lambda found, wanted: bool(found <= wanted),
    ">": lambda found, wanted: bool(found > wanted),
    ">=": lambda found, wanted: bool(found >= wanted),
}
_OPERATORS = {*_COMPARE, "=", "!=", ":"}
# Names the executions API filters by that are no fields of the resource.
_FIELDS: dict[str, Callable[[Resource], Any]] = {
    "executionId": lambda resource: str(resource.get("name", "")).rpartition("/")[2],
    "stepName": lambda resource: [step["step"] for step in resource.get("status", {}).get("currentSteps", [])],
}


def filter_resources(resources: Sequence[Resource], text: str) -> list[Resource]:
    """Raises: ApiError 400 for a filter that is not understood."""
    if not text.strip():
        return list(resources)
    holds = _Parser(text).test()
    return [resource for resource in resources if holds(resource)]


def sort_resources(resources: Sequence[Resource], text: str) -> list[Resource]:
    """``field``, ``field desc``, or several with commas. Raises: ApiError 400."""
    found = list(resources)
    for part in reversed([part.split() for part in text.split(",") if part.strip()]):
        if len(part) > 2 or (len(part) == 2 and part[1].lower() not in ("asc", "desc")):  # noqa: PLR2004 - name and direction
            raise ApiError(400, f"orderBy is not understood: {' '.join(part)!r}")
        descends = len(part) > 1 and part[1].lower() == "desc"
        found.sort(key=lambda resource: _comparable(_value(resource, part[0])), reverse=descends)
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        end = 0
        while text[end:].strip():
            match = _TOKEN.match(text, end)
            if match is None:
                raise self._refusal()
            kind = str(match.lastgroup)
            self._tokens.append((kind, _ESCAPE.sub(r"\1", match[kind][1:-1]) if kind == "quoted" else match[kind]))
            end = match.end()

    def test(self) -> Test:
        holds = self._all()
        if self._tokens:
            raise self._refusal()
        return holds

    def _all(self) -> Test:
        tests = [self._any()]
        while self._tokens and self._tokens[0] != ("sign", ")"):
            self._took("AND")
            tests.append(self._any())
        return lambda resource: all(holds(resource) for holds in tests)

    def _any(self) -> Test:
        tests = [self._term()]
        while self._took("OR"):
            tests.append(self._term())
        return lambda resource: any(holds(resource) for holds in tests)

    def _term(self) -> Test:
        if self._took("NOT"):
            holds = self._term()
            return lambda resource: not holds(resource)
        kind, token = self._next()
        if (kind, token) == ("sign", "("):
            holds = self._all()
            if self._next() != ("sign", ")"):
                raise self._refusal()
            return holds
        return self._comparison(kind, token)

    def _comparison(self, kind: str, field: str) -> Test:
        negated = kind == "word" and field.startswith("-")
        sign, operator = self._next()
        wanted_kind, wanted = self._next()
        if kind != "word" or sign != "sign" or operator not in _OPERATORS or wanted_kind == "sign":
            raise self._refusal()
        while self._tokens and self._tokens[0] == ("sign", ":") and wanted_kind == "word":  # a time without quotes
            self._next()
            wanted += f":{self._next()[1]}"
        path = field.removeprefix("-")
        return lambda resource: _holds(_value(resource, path), operator, wanted) is not negated

    def _took(self, word: str) -> bool:
        if self._tokens and self._tokens[0] == ("word", word):
            del self._tokens[0]
            return True
        return False

    def _next(self) -> tuple[str, str]:
        if not self._tokens:
            raise self._refusal()
        return self._tokens.pop(0)

    def _refusal(self) -> ApiError:
        return ApiError(400, f"the filter is not understood: {self._text!r}")


def _holds(value: Any, operator: str, wanted: str) -> bool:
    if value is None:
        return False
    if isinstance(value, list):
        return any(_holds(item, operator, wanted) for item in value)
    if operator == ":":
        return wanted == "*" or wanted in (value if isinstance(value, dict) else _text(value))
    if operator in ("=", "!="):
        pattern = ".*".join(map(re.escape, wanted.split("*")))
        equal = _comparable(value) == _comparable(wanted) or re.fullmatch(pattern, _text(value)) is not None
        return equal is (operator == "=")
    found, limit = _comparable(value), _comparable(wanted)
    return found[0] == limit[0] and _COMPARE[operator](found[1], limit[1])


def _value(resource: Any, path: str) -> Any:
    """``labels.team``; names may also be written with underscores, as the API's protos have them."""
    if camel(path) in _FIELDS:
        return _FIELDS[camel(path)](resource)
    for name in path.split("."):
        if not isinstance(resource, dict):
            return None
        resource = next((resource[key] for key in (name, camel(name), f"{name}s") if key in resource), None)
    return resource


def _comparable(value: Any) -> tuple[int, Any]:
    """Numbers and durations by size, times as moments, the rest as text: a kind, and what orders within it."""
    text = _text(value)
    try:
        return 0, float(text.removesuffix("s"))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 2, text
    return 1, moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
