"""What the passes of one compilation share: problems found so far, the routines' signatures, the position of a step."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

from localcloud.workflows import loader
from localcloud.workflows.compiler.names import Area, LoopName, Read, suggest
from localcloud.workflows.expressions.parser import RESERVED
from localcloud.workflows.faults import Position, Problem
from localcloud.workflows.program.blocks import Action, Block, Jump

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

NodeKind = TypeVar("NodeKind", loader.Mapping, loader.Sequence)


@dataclass(frozen=True, slots=True)
class Signature:
    """A subworkflow's parameters: name → may it be left out."""

    parameters: Mapping[str, bool]

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(name for name, optional in self.parameters.items() if not optional)


CompileAction: TypeAlias = "Callable[[loader.Mapping, Place], Action]"


@dataclass(slots=True)
class Workspace:
    actions: Mapping[str, CompileAction]
    signatures: Mapping[str, Signature] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    uses: list[Read | LoopName] = field(default_factory=list)  # checked when all writes are known
    blocks: int = 0

    def complain(self, at: Position, message: str) -> None:
        self.problems.append(Problem(at, message))

    def block(self) -> Block:
        self.blocks += 1
        return Block(self.blocks)

    def mapping(self, node: loader.Node | None, what: str, at: Position) -> loader.Mapping:
        """The node as a map; an empty one in its place, after a complaint, if it is something else."""
        if isinstance(node, loader.Mapping):
            return node
        self.complain(node.at if node else at, f"{what} must be a map")
        return loader.Mapping((), at)

    def sequence(self, node: loader.Node | None, what: str, at: Position) -> loader.Sequence:
        if isinstance(node, loader.Sequence):
            return node
        self.complain(node.at if node else at, f"{what} must be a list")
        return loader.Sequence((), at)

    def single(self, node: loader.Node, what: str) -> tuple[str, loader.Scalar, loader.Node] | None:
        """The name and content of a one-key map."""
        if isinstance(node, loader.Mapping) and len(node.entries) == 1:
            key, content = node.entries[0]
            if isinstance(key.value, str | int | float) and not isinstance(key.value, bool):
                return str(key.value), key, content
        self.complain(node.at, f"{what} must be a map with one key, its name")
        return None

    def name(self, node: loader.Node, what: str) -> str:
        if not isinstance(node, loader.Scalar) or not isinstance(node.value, str) or not _NAME.fullmatch(node.value):
            self.complain(node.at, f"{what} must be a name of letters, digits and underscores")
            return "_"
        if node.value in RESERVED:
            self.complain(node.at, f"{node.value!r} is a word of the language and cannot name {what}")
        return node.value

    @staticmethod
    def given(node: loader.Mapping, key: str) -> loader.Node | None:
        """The content of a key; nothing and null mean the same: a key whose content was left out."""
        content = node.get(key)
        return None if isinstance(content, loader.Scalar) and content.value is None else content

    def only_keys(self, node: loader.Mapping, known: set[str], what: str) -> None:
        for key, _ in node.entries:
            if key.value not in known:
                self.complain(key.at, f"{what} does not know the key {key.value!r}{suggest(str(key.value), known)}")


@dataclass(frozen=True, slots=True)
class Place:
    """The position of a step: what it can see, and where it may go."""

    workspace: Workspace
    area: Area
    step: str = ""
    targets: Mapping[str, Jump] = field(default_factory=dict)
    step_names: set[str] = field(default_factory=set)  # of the whole routine: one set, seen from all its places
    in_loop: bool = False  # continue is possible
    may_break: bool = False
    in_branch: bool = False  # leaving the routine is not possible

    def complain(self, at: Position, message: str) -> None:
        self.workspace.complain(at, f"in step {self.step!r}: {message}" if self.step else message)

    def reads(self, name: str, at: Position) -> None:
        self.workspace.uses.append(Read(self.area, name, at, self.step))

    def loops(self, name: str, at: Position) -> None:
        self.workspace.uses.append(LoopName(self.area, name, at, self.step))

    def writes(self, name: str, at: Position, *, creates: bool = True) -> None:
        if not self.area.write(name, creates=creates):
            self.complain(at, f"{name!r} is written in a parallel branch, but is not listed in shared")

    def named(self, step: str) -> "Place":
        return replace(self, step=step)

    def reaching(self, targets: Mapping[str, Jump]) -> "Place":
        return replace(self, targets={**self.targets, **targets})

    def handler(self, names: set[str]) -> "Place":
        return replace(self, area=Area(self.area, names=names))

    def loop(self, names: set[str]) -> "Place":
        return replace(self, area=Area(self.area, names=names), in_loop=True, may_break=True)

    def thread(self, names: set[str], shared: frozenset[str], *, is_round: bool) -> "Place":
        """A parallel branch or round: nothing outside it can be jumped to."""
        area = Area(self.area, shared, names)
        return replace(self, area=area, targets={}, in_loop=is_round, may_break=False, in_branch=True)
