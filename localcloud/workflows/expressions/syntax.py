"""The expression tree: frozen values, each knowing the offset it begins at."""

from dataclasses import dataclass
from typing import TypeAlias

from localcloud.workflows.values import Value


@dataclass(frozen=True, slots=True)
class Literal:
    value: Value
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Field:
    """``of.name``."""

    of: "Expression"
    name: str
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """``of[key]``."""

    of: "Expression"
    key: "Expression"
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """``function(arguments…)``; a function is always named, with dots if it is a library's."""

    function: str
    arguments: tuple["Expression", ...]
    offset: int = 0


@dataclass(frozen=True, slots=True)
class ListOf:
    items: tuple["Expression", ...]
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str
    operand: "Expression"
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: "Expression"
    right: "Expression"
    offset: int = 0


Expression: TypeAlias = Literal | Name | Field | Item | Call | ListOf | Unary | Binary


def children(node: Expression) -> tuple[Expression, ...]:
    match node:
        case Field(of):
            return (of,)
        case Item(of, key):
            return (of, key)
        case Call(_, arguments):
            return arguments
        case ListOf(items):
            return items
        case Unary(_, operand):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
    return ()


def dotted(node: Expression) -> str | None:
    """``a.b.c`` if the node is nothing but names and dots."""
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Field):
        root = dotted(node.of)
        return root and f"{root}.{node.name}"
    return None
