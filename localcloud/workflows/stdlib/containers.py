"""``list.*`` and ``map.*``: every function gives a new value and leaves its arguments alone."""

from localcloud.workflows.faults import type_fault
from localcloud.workflows.stdlib.functions import Namespace, need
from localcloud.workflows.values import Value, type_name

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
