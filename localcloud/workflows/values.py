"""The values a workflow computes with, and their JSON form.

Values are None, bool, int (64 bits), float, str, bytes, list, dict and function references. Once built, a list or
dict is never changed: an assignment into ``a.b[0]`` builds new containers along that path. Copying a value is
therefore free, and two names can never be seen to share structure.
"""

import json
import math
from typing import Any, TypeAlias

from localcloud.workflows.faults import type_fault, value_fault

Value: TypeAlias = Any

INT64 = range(-(2**63), 2**63)
_TYPE_NAMES = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    dict: "map",
}
_SCALAR_BYTES = 8
_CONTAINER_BYTES = 8


def type_name(value: Value) -> str:
    return _TYPE_NAMES.get(type(value), "function")


def is_number(value: Value) -> bool:
    return type(value) in (int, float)


def integer(number: int) -> int:
    """The number if it fits in 64 bits; workflow integers do not grow."""
    if number not in INT64:
        raise value_fault(f"integer overflow: {number} does not fit in 64 bits")
    return number


def size_bytes(value: Value) -> int:
    """What a variable holding this counts towards the limit on variables."""
    kind = type(value)
    if kind is str:
        return _CONTAINER_BYTES + (len(value) if value.isascii() else len(value.encode()))
    if kind is bytes:
        return _CONTAINER_BYTES + len(value)
    if kind is list:
        return _CONTAINER_BYTES + sum(map(size_bytes, value))
    if kind is dict:
        return _CONTAINER_BYTES + sum(size_bytes(key) + size_bytes(item) for key, item in value.items())
    return _SCALAR_BYTES


def equal(left: Value, right: Value) -> bool:
    """Equality without conversion: numbers equal numbers by value, anything else only its own type."""
    if is_number(left) and is_number(right):
        return bool(left == right)
    if type(left) is not type(right):
        return False
    if type(left) is list:
        return len(left) == len(right) and all(map(equal, left, right))
    if type(left) is dict:
        return left.keys() == right.keys() and all(equal(item, right[key]) for key, item in left.items())
    return bool(left == right)


def from_json(text: str | bytes) -> Value:
    """Raises: ValueError as Python's json does. Integers beyond 64 bits become doubles, as in any JSON reader."""
    value = json.loads(text, parse_int=_number, parse_float=_double, parse_constant=_no_constant)
    escapes = (b"\\u" if isinstance(text, bytes) else "\\u") in text  # type: ignore[operator]
    return _well_formed(value) if escapes else value


def well_formed(text: str) -> str:
    """Two escapes that spell one character, joined; half of such a pair has no UTF-8 form and becomes U+FFFD."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _well_formed(value: Value) -> Value:
    kind = type(value)
    if kind is str:
        return well_formed(value)
    if kind is list:
        return [_well_formed(item) for item in value]
    if kind is dict:
        return {well_formed(key): _well_formed(item) for key, item in value.items()}
    return value


def to_json(value: Value, indent: str | None = None) -> str:
    """Compact JSON text. Raises: a TypeError or ValueError fault for what JSON cannot hold."""
    separators = (",", ":") if indent is None else (",", ": ")
    try:
        return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)
    except ValueError as error:
        raise value_fault(f"not representable in JSON: {error}") from error


def _plain(value: Value) -> Any:
    kind = type(value)
    if kind is list:
        return [_plain(item) for item in value]
    if kind is dict:
        return {_key(key): _plain(item) for key, item in value.items()}
    if kind not in _TYPE_NAMES or kind is bytes:
        raise value_fault(f"a value of type {type_name(value)} has no JSON form")
    return value


def _key(key: Value) -> str:
    if type(key) is str:
        return key
    if type(key) in (bool, int, float):
        return json.dumps(key)
    raise type_fault(f"a map key of type {type_name(key)} has no JSON form")


def _number(digits: str) -> int | float:
    number = int(digits) if len(digits) < 25 else 2**64  # noqa: PLR2004 - longer cannot fit, and int() has its own limit
    return number if number in INT64 else float(digits)


def _double(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        msg = f"{digits} is too large for a double"
        raise ValueError(msg)
    return number


def _no_constant(word: str) -> None:
    msg = f"{word} is not JSON"
    raise ValueError(msg)
