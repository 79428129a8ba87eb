"""Problems of a source text, each with its position, and how a running workflow fails.

    Raised    an error value on its way to the nearest ``except``: what a ``raise`` step threw, or a map with
              ``message`` and ``tags`` when the fault is the interpreter's
    Overrun   a limit of the service was hit; no ``except`` sees it, the execution ends

Python's own exceptions crossing the interpreter are bugs of this stand-in and stay what they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the source text; both numbers begin at 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    at: Position
    message: str

    def __str__(self) -> str:
        return f"line {self.at.line}, column {self.at.column}: {self.message}"


class SourceRefused(Exception):
    """The source cannot be deployed; ``problems`` lists everything found, in the order of the text."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class TraceElement:
    """``at`` and ``length`` tell the word for the step's action, or the expression in it that failed."""

    step: str
    routine: str
    at: Position
    length: int


class Failure(Exception):
    """``value`` is the error value; ``trace`` the steps it came from, innermost first.

    ``expression`` is where the expression that failed begins, and its length; None if no expression did.
    """

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value
        self.trace: tuple[TraceElement, ...] = ()
        self.expression: tuple[Position, int] | None = None


class Raised(Failure):
    pass


class Overrun(Failure):
    def __init__(self, message: str) -> None:
        super().__init__({"message": f"ResourceLimitError: {message}", "tags": ["ResourceLimitError"]})


_SAID_FIRST = {"IndexError", "KeyError", "RecursionError", "TypeError", "ValueError", "ZeroDivisionError"}
"""What the service names at the beginning of the message, too."""


def fault(tag: str, message: str, *more_tags: str, **fields: Any) -> Raised:
    """An error of the interpreter itself, as the workflow's ``except`` will see it."""
    said = f"{tag}: {message}" if tag in _SAID_FIRST else message
    return Raised({"message": said, "tags": [tag, *more_tags], **fields})


def type_fault(message: str) -> Raised:
    return fault("TypeError", message)


def value_fault(message: str) -> Raised:
    return fault("ValueError", message)
