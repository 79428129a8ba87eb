"""What a library function is, how one is declared, and the checks most of them begin with."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from localcloud.workflows.faults import type_fault
from localcloud.workflows.values import Value, is_number, type_name


class Kind(Enum):
    PLAIN = "computes from its arguments alone"
    WORLDLY = "also reads the clock, the environment, …; gets the run first"
    BLOCKING = "waits; refused in expressions; a coroutine that gets the run first"
    CALLING = "as BLOCKING, but gets the frame it is called in: it calls something itself"

    @property
    def waits(self) -> bool:
        return self in (Kind.BLOCKING, Kind.CALLING)


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED = _Required()


@dataclass(frozen=True, slots=True)
class Argument:
    name: str
    default: Value = REQUIRED

    @property
    def is_required(self) -> bool:
        return self.default is REQUIRED


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    arguments: tuple[Argument, ...]
    body: Callable[..., Any]
    kind: Kind = Kind.PLAIN

    @property
    def required(self) -> int:
        return sum(argument.is_required for argument in self.arguments)


Body = TypeVar("Body", bound=Callable[..., Any])


class Namespace:
    """Collects the functions of one module.

    ``@namespace.plain("text.split", "source", "separator")`` declares required arguments by name, in the
    reference's order; keywords after them declare optional ones with their defaults.
    """

    def __init__(self) -> None:
        self.functions: dict[str, Function] = {}

    def plain(self, name: str, *required: str, **optional: Value) -> Callable[[Body], Body]:
        return self._declare(Kind.PLAIN, name, required, optional)

    def worldly(self, name: str, *required: str, **optional: Value) -> Callable[[Body], Body]:
        return self._declare(Kind.WORLDLY, name, required, optional)

    def blocking(self, name: str, *required: str, **optional: Value) -> Callable[[Body], Body]:
        return self._declare(Kind.BLOCKING, name, required, optional)

    def calling(self, name: str, *required: str, **optional: Value) -> Callable[[Body], Body]:
        return self._declare(Kind.CALLING, name, required, optional)

    def _declare(
        self, kind: Kind, name: str, required: tuple[str, ...], optional: dict[str, Value]
    ) -> Callable[[Body], Body]:
        arguments = (*map(Argument, required), *(Argument(key, default) for key, default in optional.items()))

        def keep(body: Body) -> Body:
            self.functions[name] = Function(name, arguments, body, kind)
            return body

        return keep


def need(kind: type, value: Value, what: str) -> None:
    """Raises: TypeError as the workflow sees it, unless the value is of exactly that type."""
    if type(value) is not kind:
        expected = type_name(kind())
        raise type_fault(f"{what} must be of type {expected}, not {type_name(value)}")


def need_number(value: Value, what: str) -> None:
    if not is_number(value):
        raise type_fault(f"{what} must be a number, not {type_name(value)}")
