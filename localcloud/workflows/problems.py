"""What is wrong with a source text: every complaint carries the place it is about."""

from collections.abc import Sequence
from dataclasses import dataclass


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
