"""Which names exist where a source uses them, and what to suggest for a misspelt one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from localcloud.workflows.faults import Position, Problem


def suggest(name: str, known: Iterable[object]) -> str:
    """The end of a complaint; empty when nothing known is like the name."""
    close = get_close_matches(name, [word for word in known if isinstance(word, str)], n=1, cutoff=0.7)
    return f", did you mean {close[0]!r}?" if close and close[0] != name else ""


@dataclass(slots=True)
class Area:
    """``shared`` is None unless this area is a parallel branch or round: then it names what it may write outside."""

    parent: "Area | None" = None
    shared: frozenset[str] | None = None
    names: set[str] = field(default_factory=set)
    inner: list["Area"] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.parent is not None:
            self.parent.inner.append(self)

    def around(self) -> Iterator["Area"]:
        """This area and those around it, from the inside out."""
        area: Area | None = self
        while area is not None:
            yield area
            area = area.parent

    def has(self, name: str) -> bool:
        return any(name in area.names for area in self.around())

    def holds(self, name: str) -> bool:
        """Some area in here, however deep, has it."""
        return name in self.names or any(area.holds(name) for area in self.inner)

    def write(self, name: str, *, creates: bool) -> bool:
        """Find the variable, or create it here; False where it lies outside a branch that does not share it."""
        allowed = True
        for area in self.around():
            if name in area.names:
                return allowed
            allowed = allowed and (area.shared is None or name in area.shared)
        if creates:
            self.names.add(name)
        return True


@dataclass(frozen=True, slots=True)
class Read:
    area: Area
    name: str
    at: Position
    step: str

    def problem(self) -> Problem | None:
        if self.area.has(self.name):
            return None
        areas = list(self.area.around())
        if areas[-1].holds(self.name):
            why = f"the variable {self.name!r} only exists inside another loop, branch or except block"
        else:
            known = sorted(name for area in areas for name in area.names)
            why = f"symbol {self.name!r} is neither a variable nor a sub-workflow name" + suggest(self.name, known)
        return Problem(self.at, f"in step {self.step!r}: {why}" if self.step else why)


@dataclass(frozen=True, slots=True)
class LoopName:
    """The value or index of a loop: the reference wants a name that nothing around the loop uses."""

    outside: Area
    name: str
    at: Position
    step: str

    def problem(self) -> Problem | None:
        if not self.outside.has(self.name):
            return None
        return Problem(self.at, f"in step {self.step!r}: the loop variable {self.name!r} is also a variable outside")
