"""Where in an answer the filler is, and what it knows there."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from localcloud.vertex import chance
from localcloud.vertex.text.schema import Node
from localcloud.vertex.text.story import Brief

_DEEPEST = 24  # levels after which only what a schema demands is written, whatever the schema
_INNER_ATTEMPTS = 64
_MOST_TURNS = 2  # times a schema may contain itself before it has to come to an end


@dataclass(slots=True)
class Patience:
    """Second tries left for a whole answer: some schemas cannot be satisfied at all."""

    tries_left: int = 400

    def spend(self) -> bool:
        self.tries_left -= 1
        return self.tries_left >= 0


@dataclass(frozen=True, slots=True)
class Place:
    """Names on the way down, the part of the story told here, the place among siblings.

    ``turns`` counts how often each reference was followed on the way; ``attempt`` makes a second try differ.
    """

    brief: Brief
    beat: str
    path: tuple[str | int, ...] = ()
    place: int = 0
    listed: bool = False
    called: str = ""
    turns: Mapping[str, int] = field(default_factory=dict)
    attempt: int = 0
    patience: Patience = field(default_factory=Patience)

    @property
    def name(self) -> str:
        return next((str(step) for step in reversed(self.path) if isinstance(step, str)), "")

    @property
    def seed(self) -> tuple[object, ...]:
        return (*self.brief.seed, self.path, *([self.attempt] if self.attempt else []))

    @property
    def arrays_above(self) -> int:
        return sum(isinstance(step, int) for step in self.path)

    @property
    def must_end(self) -> bool:
        """Whether only what the schema demands should be written from here on."""
        return len(self.path) > _DEEPEST or any(turns >= _MOST_TURNS for turns in self.turns.values())

    def at(self, step: str | int, **changes: Any) -> "Place":
        """A place inside this one; in a second try each inside place goes its own way."""
        attempt = chance.number(self.attempt, step) % _INNER_ATTEMPTS if self.attempt else 0
        return replace(self, path=(*self.path, step), attempt=attempt, **changes)

    def within(self, way: Node) -> "Place":
        """The same place once it is decided how to fill it."""
        if not way.references:
            return self
        return replace(self, turns={**self.turns, **{each: self.turns.get(each, 0) + 1 for each in way.references}})
