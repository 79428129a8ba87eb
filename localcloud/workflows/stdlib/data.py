"""Lists, maps, json, base64, hash and math; functions that Google has and this stand-in lacks."""

import base64
import binascii
import hashlib
import hmac
import math
from collections.abc import Awaitable, Callable

from localcloud.workflows.faults import fault, type_fault, value_fault
from localcloud.workflows.program.frames import Run
from localcloud.workflows.stdlib.functions import Namespace, need, need_number
from localcloud.workflows.values import Value, from_json, integer, to_json, type_name

namespace = Namespace()


@namespace.plain("list.concat", "objs", "val")
def concat(objs: Value, val: Value) -> list[Value]:
    """Append one element; a list nests."""
    need(list, objs, "objs")
    return [*objs, val]


@namespace.plain("list.prepend", "objs", "val")
def prepend(objs: Value, val: Value) -> list[Value]:
    need(list, objs, "objs")
    return [val, *objs]


@namespace.plain("map.get", "map", "keys")
def get(entries: Value, keys: Value) -> Value:
    """One key, or a walk along several; null where there is nothing, or nothing to look into."""
    path = keys if type(keys) is list else [keys]
    for key in path:
        if type(key) is not str:
            raise type_fault(f"keys must be a string or a list of strings, not {type_name(key)}")
    for key in path:
        if type(entries) is not dict:
            return None
        entries = entries.get(key)
    return entries


@namespace.plain("map.delete", "map", "key")
def delete(entries: Value, key: Value) -> dict[Value, Value]:
    need(dict, entries, "map")
    need(str, key, "key")
    return {name: value for name, value in entries.items() if name != key}


@namespace.plain("map.merge", "first", "second")
def merge(first: Value, second: Value) -> dict[Value, Value]:
    need(dict, first, "first")
    need(dict, second, "second")
    return {**first, **second}


@namespace.plain("map.merge_nested", "first", "second")
def merge_nested(first: Value, second: Value) -> dict[Value, Value]:
    need(dict, first, "first")
    need(dict, second, "second")
    merged = dict(first)
    for key, value in second.items():
        both_maps = type(value) is dict and type(merged.get(key)) is dict
        merged[key] = merge_nested(merged[key], value) if both_maps else value
    return merged


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


@namespace.plain("math.abs", "x")
def absolute(x: Value) -> Value:
    need_number(x, "x")
    return integer(abs(x)) if type(x) is int else abs(x)


@namespace.plain("math.max", "x", "y")
def larger(x: Value, y: Value) -> Value:
    need_number(x, "x")
    need_number(y, "y")
    return max(x, y)


@namespace.plain("math.min", "x", "y")
def smaller(x: Value, y: Value) -> Value:
    need_number(x, "x")
    need_number(y, "y")
    return min(x, y)


@namespace.plain("math.floor", "x")
def floor(x: Value) -> Value:
    need_number(x, "x")
    return integer(math.floor(x))


_CLUSTER: dict[str, Value] = {"project": None, "namespace": None, "connector_params": None, "timeout": None}


def _absent(name: str) -> Callable[..., Awaitable[Value]]:
    async def fail(_run: Run, *_arguments: Value) -> Value:
        raise fault("SystemError", f"{name} is not part of this local stand-in")

    return fail


def _declare(name: str, *required: str, **optional: Value) -> None:
    namespace.blocking(name, *required, **optional)(_absent(name))


_declare("gke.request", "cluster_id", "location", "path", **_CLUSTER, method="GET", body=None, headers=None, query=None)
_declare("gke.create_job", "cluster_id", "location", "job", **_CLUSTER, query=None)
_declare("gke.await_job", "cluster_id", "location", "job_name", **_CLUSTER)
_declare("gke.delete_job", "cluster_id", "location", "job_name", **_CLUSTER, query=None)
_declare("shell.gcloud", "args", location=None, env=None, skip_logging=None)
_declare("shell.kubectl", "args", location=None, env=None, skip_logging=None)
