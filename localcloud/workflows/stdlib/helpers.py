"""The helper functions of expressions: default, if, int, double, string, len, keys, get_type."""

import math
import re

from localcloud.workflows.expressions.operators import as_text
from localcloud.workflows.faults import type_fault, value_fault
from localcloud.workflows.stdlib.functions import Namespace, need
from localcloud.workflows.values import Value, integer, type_name

namespace = Namespace()

_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_LONGEST = 1000  # digits; leading zeros are allowed, but int() itself has a limit


@namespace.plain("default", "value", "default_value")
def default(value: Value, default_value: Value) -> Value:
    return default_value if value is None else value


@namespace.plain("if", "condition", "if_true", "if_false")
def choose(condition: Value, if_true: Value, if_false: Value) -> Value:
    if condition is not None:
        need(bool, condition, "the condition of if")
    return if_true if condition else if_false


@namespace.plain("int", "x")
def to_integer(x: Value) -> int:
    if type(x) is int:
        return x
    if type(x) is float:
        if not math.isfinite(x):
            raise value_fault(f"{x} has no integer form")
        return integer(int(x))
    if type(x) is not str:
        raise type_fault(f"int needs a string or a number, not {type_name(x)}")
    if not _INTEGER.fullmatch(x) or len(x) > _LONGEST:
        raise value_fault(f"not an integer: {x!r}")
    return integer(int(x))


@namespace.plain("double", "x")
def to_double(x: Value) -> float:
    if type(x) not in (int, float, str):
        raise type_fault(f"double needs a string or a number, not {type_name(x)}")
    if type(x) is str and not _NUMBER.fullmatch(x):
        raise value_fault(f"not a number: {x!r}")
    number = float(x)
    if not math.isfinite(number):
        raise value_fault(f"not a finite number: {x!r}")
    return number


@namespace.plain("string", "x")
def to_string(x: Value) -> str:
    return as_text(x)


@namespace.plain("len", "x")
def length(x: Value) -> int:
    if type(x) not in (list, dict, str):
        raise type_fault(f"len needs a list, a map or a string, not {type_name(x)}")
    return len(x)


@namespace.plain("keys", "map")
def keys(entries: Value) -> list[Value]:
    need(dict, entries, "the argument of keys")
    return list(entries)


@namespace.plain("get_type", "x")
def get_type(x: Value) -> str:
    return type_name(x)
