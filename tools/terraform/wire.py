"""The parts of protobuf and msgpack that Terraform's plugin protocol needs, without generated code."""

from collections.abc import Iterator
from typing import Any

import msgpack  # type: ignore[import-untyped]

_CONTINUES = 0x80
_LENGTH_DELIMITED = 2


class Unknown:
    """A value that is unknown before the apply."""

    def __repr__(self) -> str:
        return "(known after apply)"


UNKNOWN = Unknown()


def parse(message: bytes) -> dict[int, Any]:
    """A message's fields by number; of a repeated field the last value."""
    found: dict[int, Any] = {}
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        value, at = _read_varint(message, at)
        if key & 7 == _LENGTH_DELIMITED:
            found[key >> 3], at = message[at : at + value], at + value
        else:
            found[key >> 3] = value
    return found


def field(number: int, value: bytes | str | int | bool) -> bytes:
    """One field; an empty or zero value is still written."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(data)) + data


def read_value(dynamic: bytes | None) -> Any:
    """Read a DynamicValue; None if Terraform sends none."""
    packed = parse(dynamic or b"").get(1)
    return msgpack.unpackb(packed, ext_hook=lambda _code, _data: UNKNOWN, strict_map_key=False) if packed else None


def dynamic_value(value: Any) -> bytes:
    return field(1, msgpack.packb(value, default=_pack_unknown))


def walk(value: Any) -> Iterator[Any]:
    """Every leaf of a value."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)
    else:
        yield value


def _pack_unknown(value: Any) -> Any:
    if isinstance(value, Unknown):
        return msgpack.ExtType(0, b"\0")
    raise TypeError(f"{value!r} is no Terraform value")


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= _CONTINUES:
        out.append(number & 0x7F | _CONTINUES)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < _CONTINUES:
            return number, at
