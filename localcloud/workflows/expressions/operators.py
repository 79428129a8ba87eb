"""What the operators do to values, without closures or trees: arithmetic, comparison, membership, lookup."""

import math
from collections.abc import Callable

from localcloud.workflows.faults import Raised, fault, type_fault
from localcloud.workflows.values import Value, equal, integer, is_number, to_json, type_name


def add(left: Value, right: Value) -> Value:
    if type(left) is str or type(right) is str:
        return as_text(left) + as_text(right)
    _numbers("+", left, right)
    return _number(left + right)


def subtract(left: Value, right: Value) -> Value:
    _numbers("-", left, right)
    return _number(left - right)


def multiply(left: Value, right: Value) -> Value:
    _numbers("*", left, right)
    return _number(left * right)


def divide(left: Value, right: Value) -> Value:
    _divisible("/", left, right)
    return left / right


def floor_divide(left: Value, right: Value) -> Value:
    _divisible("//", left, right)
    return _number(left // right)


def remainder(left: Value, right: Value) -> Value:
    _divisible("%", left, right)
    return _number(left % right)


def negate(operand: Value) -> Value:
    if not is_number(operand):
        raise type_fault(f"unary '-' needs a number, not {type_name(operand)}")
    return _number(-operand)


def negated(operand: Value) -> bool:
    return not truth("not", operand)


def truth(operator: str, operand: Value) -> bool:
    """The operand of and, or, not and of conditions: a boolean, never something merely truthy."""
    if type(operand) is not bool:
        raise type_fault(f"'{operator}' needs a boolean, not {type_name(operand)}")
    return operand


def contains(element: Value, container: Value) -> bool:
    if type(container) is dict:
        return type(element) not in (list, dict) and element in container
    if type(container) is list:
        return any(equal(element, item) for item in container)
    message = f"The argument of 'in' must be a dict or an array; got: {_as_written(container)}"
    raise Raised({"message": message, "tags": ["TypeError"]})


def _as_written(value: Value) -> str:
    try:
        return to_json(value)
    except Raised:
        return type_name(value)


def lookup(container: Value, key: Value) -> Value:
    """``container[key]``: a map's entry or a list's element."""
    if type(container) is dict:
        return container[existing_key(container, key)]
    if type(container) is list:
        return container[existing_index(container, key)]
    raise type_fault(f"a value of type {type_name(container)} has no entries")


def existing_key(container: dict[Value, Value], key: Value) -> Value:
    if type(key) in (list, dict) or type(key) is bytes:
        raise type_fault(f"a map key cannot be of type {type_name(key)}")
    if key not in container:
        raise key_fault(key)
    return key


def existing_index(container: list[Value], index: Value) -> int:
    if type(index) is not int:
        raise type_fault(f"a list index must be an integer, not {type_name(index)}")
    if not 0 <= index < len(container):
        raise fault("IndexError", f"index {index} is outside a list of {len(container)}", "LookupError")
    return index


def key_fault(key: Value) -> Raised:
    return fault("KeyError", f"key not found: {key}", "LookupError")


def as_text(value: Value) -> str:
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if is_number(value):
        return str(value)
    raise type_fault(f"a value of type {type_name(value)} has no text form")


def _ordered(symbol: str, compare: Callable[[Value, Value], bool]) -> Callable[[Value, Value], bool]:
    def ordered(left: Value, right: Value) -> bool:
        if (is_number(left) and is_number(right)) or (type(left) is str and type(right) is str):
            return compare(left, right)
        raise type_fault(f"'{symbol}' cannot compare {type_name(left)} with {type_name(right)}")

    return ordered


def _numbers(symbol: str, left: Value, right: Value) -> None:
    if not (is_number(left) and is_number(right)):
        raise type_fault(f"unsupported operands for '{symbol}': {type_name(left)} and {type_name(right)}")


def _divisible(symbol: str, left: Value, right: Value) -> None:
    _numbers(symbol, left, right)
    if right == 0:
        raise fault("ZeroDivisionError", "division by zero", "ArithmeticError")


def _number(result: float) -> Value:
    if type(result) is int:
        return integer(result)
    if math.isinf(result) or math.isnan(result):
        raise fault("ValueError", "the result is not a finite number", "ArithmeticError")
    return result


BINARY: dict[str, Callable[[Value, Value], Value]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "//": floor_divide,
    "%": remainder,
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    "<": _ordered("<", lambda left, right: left < right),
    "<=": _ordered("<=", lambda left, right: left <= right),
    ">": _ordered(">", lambda left, right: left > right),
    ">=": _ordered(">=", lambda left, right: left >= right),
    "in": contains,
}
UNARY: dict[str, Callable[[Value], Value]] = {"-": negate, "not": negated}
