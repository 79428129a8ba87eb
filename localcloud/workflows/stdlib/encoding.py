"""``json.*``, ``base64.*`` and ``hash.*``: values, text and bytes into one another."""

import base64
import binascii
import hashlib
import hmac

from localcloud.workflows.faults import type_fault, value_fault
from localcloud.workflows.stdlib.functions import Namespace, need
from localcloud.workflows.values import Value, from_json, to_json, type_name

namespace = Namespace()

_ALGORITHMS = ("MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512")
_DEFAULT_INDENT = "    "


@namespace.plain("json.decode", "data")
def json_decode(data: Value) -> Value:
    if type(data) not in (bytes, str):
        raise type_fault(f"data must be bytes or a string, not {type_name(data)}")
    try:
        return from_json(data)
    except (ValueError, RecursionError) as error:
        raise value_fault(f"not JSON: {error}") from error


@namespace.plain("json.encode", "data", indent=None)
def json_encode(data: Value, indent: Value) -> bytes:
    return _encoded(data, indent).encode()


@namespace.plain("json.encode_to_string", "data", indent=None)
def json_encode_to_string(data: Value, indent: Value) -> str:
    return _encoded(data, indent)


def _encoded(data: Value, indent: Value) -> str:
    """``indent``: true, or a map with the ``indent`` of each level and a ``prefix`` before every line but the first."""
    if indent is None or indent is False:
        return to_json(data)
    style = indent if type(indent) is dict else {}
    if indent is not True and type(indent) is not dict:
        raise type_fault(f"indent must be a boolean or a map, not {type_name(indent)}")
    prefix, level = style.get("prefix", ""), style.get("indent", _DEFAULT_INDENT)
    need(str, prefix, "indent.prefix")
    need(str, level, "indent.indent")
    return to_json(data, level).replace("\n", f"\n{prefix}")


@namespace.plain("base64.encode", "data", padding=True)
def base64_encode(data: Value, padding: Value) -> str:
    need(bytes, data, "data")
    need(bool, padding, "padding")
    text = base64.b64encode(data).decode()
    return text if padding else text.rstrip("=")


@namespace.plain("base64.decode", "data", padding=True)
def base64_decode(data: Value, padding: Value) -> bytes:
    need(str, data, "data")
    need(bool, padding, "padding")
    text = data if padding else data + "=" * (-len(data) % 4)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise value_fault(f"not base64: {error}") from error


@namespace.plain("hash.compute_checksum", "data", "algorithm")
def compute_checksum(data: Value, algorithm: Value) -> bytes:
    need(bytes, data, "data")
    return hashlib.new(_algorithm(algorithm), data, usedforsecurity=False).digest()


@namespace.plain("hash.compute_hmac", "key", "data", "algorithm")
def compute_hmac(key: Value, data: Value, algorithm: Value) -> bytes:
    need(bytes, key, "key")
    need(bytes, data, "data")
    return hmac.new(key, data, _algorithm(algorithm)).digest()


def _algorithm(name: Value) -> str:
    need(str, name, "algorithm")
    if name not in _ALGORITHMS:
        raise value_fault(f"algorithm must be one of {', '.join(_ALGORITHMS)}, not {name!r}")
    return str(name).lower()
