"""Which variable a name means, known before anything runs.

An area is a routine, or a loop round, branch or handler inside it. In the order of the text, the first write of a
name creates the variable in the area it stands in, unless an area around it has that variable already. Reads are
checked when the whole routine is known, so that a step may read what only a later step in the text assigns.
"""

from dataclasses import dataclass, field

from localcloud.workflows.problems import Position, Problem


@dataclass(slots=True)
class Area:
    """``shared`` is None unless this area is a parallel branch or round: then it names what it may write outside."""

    parent: "Area | None" = None
    shared: frozenset[str] | None = None
    names: set[str] = field(default_factory=set)

    def has(self, name: str) -> bool:
        return name in self.names or (self.parent is not None and self.parent.has(name))

    def write(self, name: str, *, creates: bool) -> bool:
        """Find the variable, or create it here; False where it lies outside a branch that does not share it."""
        area: Area | None = self
        allowed = True
        while area is not None and name not in area.names:
            allowed = allowed and (area.shared is None or name in area.shared)
            area = area.parent
        if area is None and creates:
            self.names.add(name)
        return area is None or allowed


@dataclass(frozen=True, slots=True)
class Read:
    area: Area
    name: str
    at: Position

    def problem(self) -> Problem | None:
        if self.area.has(self.name):
            return None
        return Problem(self.at, f"the variable {self.name!r} is not defined here")
