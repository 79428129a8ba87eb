"""Requests held against Google's message definitions: an unknown field or a value of another type is 400.

All violations are named at once, their paths in snake_case, in the words of Google's JSON front end. Which fields
there are is data, messages.json; what their values mean is for whoever reads the request.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from localcloud.serving import ApiError
from localcloud.vertex.wire import Json, snake

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_INTEGER, _NUMBER = re.compile(r"-?\d+"), re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_DETAIL = "type.googleapis.com/google.rpc.BadRequest"


def check(verb: str, body: Json) -> None:
    """Raises: ApiError 400 that names everything in the request the verb does not know."""
    found = list(_message(_messages()[verb.removeprefix("stream").replace("Generate", "generate")], body, ""))
    if found:
        violations = [
            {"field": path, "description": words} if path else {"description": words} for path, words in found
        ]
        details = [{"@type": _DETAIL, "fieldViolations": violations}]
        raise ApiError(400, "\n".join(words for _, words in found), details=details)


Violation = tuple[str, str]


@cache
def _messages() -> Mapping[str, Mapping[str, str]]:
    data = json.loads(resources.files("localcloud.vertex").joinpath("messages.json").read_bytes())
    return {
        name: {spelling: kind for field, kind in fields.items() for spelling in (field, snake(field))}
        for name, fields in data.items()
        if name != "comment"
    }


def _message(fields: Mapping[str, str], value: Json, path: str) -> Iterator[Violation]:
    for name, each in value.items():
        if name not in fields:
            at = f" at '{path}'" if path else ""
            yield path, f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.'
        elif each is not None:
            yield from _value(fields[name], each, f"{path}.{snake(name)}" if path else snake(name))


def _value(kind: str, value: Any, path: str) -> Iterator[Violation]:
    if kind.endswith("*"):
        entries = value if isinstance(value, list) else [value]  # one entry may stand for a list of one
        for i, each in enumerate(entries):
            yield from _value(kind[:-1], each, f"{path}[{i}]")
    elif kind.startswith("{"):
        if not isinstance(value, Mapping):
            yield _mismatch(path, "Map", value)
            return
        for i, each in enumerate(value.values()):
            yield from _value(kind[1:-1], each, f"{path}[{i}].value")
    elif kind in _SCALARS:
        name, fits = _SCALARS[kind]
        if not fits(value):
            yield _mismatch(path, name, value)
    elif isinstance(value, Mapping):
        yield from _message(_messages()[kind], value, path)
    else:
        yield _mismatch(path, f"type.googleapis.com/google.cloud.aiplatform.v1beta1.{kind}", value)


def _mismatch(path: str, kind: str, value: Any) -> Violation:
    shown = json.dumps(value) if len(json.dumps(value)) < 80 else "..."  # noqa: PLR2004 - a line of a terminal
    return path, f"Invalid value at '{path}' ({kind}), {shown}"


def _is_integer(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_INTEGER.fullmatch(value))
    return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_NUMBER.fullmatch(value))
    return isinstance(value, int | float) and not isinstance(value, bool)


_SCALARS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "any": ("", lambda _: True),
    "string": ("TYPE_STRING", lambda value: isinstance(value, str)),
    "bool": ("TYPE_BOOL", lambda value: isinstance(value, bool)),
    "integer": ("TYPE_INT64", _is_integer),
    "number": ("TYPE_DOUBLE", _is_number),
    "bytes": ("TYPE_BYTES", lambda value: isinstance(value, str) and bool(_BASE64.fullmatch(value))),
}
