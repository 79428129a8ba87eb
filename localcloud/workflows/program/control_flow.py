"""Steps that need no call: assign, return, raise, jump, nested steps, switch, for."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from localcloud.workflows.expressions.operators import existing_index, existing_key, truth
from localcloud.workflows.faults import Raised, type_fault
from localcloud.workflows.program.blocks import BREAK, CONTINUE, Action, Block, Return, Signal
from localcloud.workflows.program.formulas import Formula
from localcloud.workflows.program.frames import Frame, Scope
from localcloud.workflows.program.journal import UNSHOWN
from localcloud.workflows.values import Value, is_number, type_name


@dataclass(frozen=True, slots=True)
class Assignment:
    """``name: value``, or ``name.key[0]: value`` with the path's keys as formulas."""

    name: str
    path: tuple[Formula, ...]
    value: Formula


@dataclass(frozen=True, slots=True)
class Assign:
    kind: ClassVar[str] = "STEP_ASSIGN"
    assignments: tuple[Assignment, ...]

    async def run(self, frame: Frame) -> Signal:
        scope = frame.scope
        for assignment in self.assignments:
            value = await assignment.value.value(frame)
            if assignment.path:
                keys = [await key.value(frame) for key in assignment.path]
                value = replace_item(scope.read(assignment.name), keys, value)
            scope.assign(assignment.name, value)
        return None


def replace_item(container: Value, keys: list[Value], value: Value) -> Value:
    """The container with one entry replaced, sharing everything beside the path with the old one.

    The last key of a map may be new; a list's index, and every key before the last, must exist.
    """
    key, *deeper = keys
    if type(container) is list:
        index = existing_index(container, key)
        items = container.copy()
        items[index] = replace_item(container[index], deeper, value) if deeper else value
        return items
    if type(container) is not dict:
        raise type_fault(f"cannot assign into a value of type {type_name(container)}")
    if type(key) in (list, dict, bytes):
        raise type_fault(f"a map key cannot be of type {type_name(key)}")
    entries = container.copy()
    entries[key] = replace_item(container[existing_key(container, key)], deeper, value) if deeper else value
    return entries


@dataclass(frozen=True, slots=True)
class ReturnValue:
    kind: ClassVar[str] = "STEP_RETURN"
    value: Formula

    async def run(self, frame: Frame) -> Signal:
        return Return(await self.value.value(frame))


@dataclass(frozen=True, slots=True)
class Raise:
    """The reference speaks of strings and maps; one of Google's samples raises a boolean for its retry predicate."""

    kind: ClassVar[str] = "STEP_RAISE"
    value: Formula

    async def run(self, frame: Frame) -> Signal:
        raise Raised(await self.value.value(frame))


@dataclass(frozen=True, slots=True)
class GoTo:
    """A step that does nothing itself; its ``next`` says where to go."""

    kind: ClassVar[str] = "STEP_GOTO"

    async def run(self, _: Frame) -> Signal:
        return None


@dataclass(frozen=True, slots=True)
class Nested:
    kind: ClassVar[str] = UNSHOWN
    block: Block

    async def run(self, frame: Frame) -> Signal:
        return await self.block.run(frame)


@dataclass(frozen=True, slots=True)
class Case:
    condition: Formula
    action: Action
    next: Signal = None


@dataclass(frozen=True, slots=True)
class Switch:
    """An entry that ends without saying where to go leaves that to the step's own ``next``."""

    kind: ClassVar[str] = "STEP_SWITCH"
    cases: tuple[Case, ...]

    async def run(self, frame: Frame) -> Signal:
        for number, case in enumerate(self.cases, 1):
            if truth("condition", await case.condition.value(frame)):
                with frame.run.journal.part(frame, "STEP_CONDITION", number):
                    return await case.action.run(frame) or case.next
        return None


_WHOLE_DOUBLES = 2.0**53  # beyond this a double plus one is the same double


@dataclass(frozen=True, slots=True)
class Items:
    """``in`` or ``range``: the values of the rounds, fixed before the first one."""

    formula: Formula
    is_range: bool

    async def values(self, frame: Frame) -> Iterable[Value]:
        value = await self.formula.value(frame)
        if type(value) is not list:
            raise type_fault(f"a loop goes over a list, not {type_name(value)}")
        rounds, values = _counted(value) if self.is_range else (len(value), value)
        frame.run.journal.expect(frame, rounds)
        return values


def _counted(ends: list[Value]) -> tuple[int, Iterable[Value]]:
    """How many values there are between the ends, and each of them."""
    if len(ends) != 2 or not all(map(is_number, ends)):  # noqa: PLR2004
        raise type_fault("range needs two numbers, the first and the last")
    first, last = ends
    if type(first) is int:
        values = range(first, math.floor(last) + 1)
        return max(0, values.stop - values.start), values
    rounds = math.floor(max(-1.0, min(last - first, _WHOLE_DOUBLES))) + 1
    return rounds, (first + step for step in range(rounds))


@dataclass(frozen=True, slots=True)
class Round:
    """What each round does, and the names it gives its value and its index."""

    value: str
    index: str | None
    body: Block

    def scope(self, frame: Frame, index: int, value: Value) -> Scope:
        scope = frame.nested()
        scope.create(self.value, value)
        if self.index is not None:
            scope.create(self.index, index)
        return scope


@dataclass(frozen=True, slots=True)
class For:
    kind: ClassVar[str] = "STEP_FOR"
    items: Items
    round: Round

    async def run(self, frame: Frame) -> Signal:
        for index, value in enumerate(await self.items.values(frame)):
            scope = self.round.scope(frame, index, value)
            try:
                signal = await self.round.body.run(frame.inside(scope))
            finally:
                scope.release()
            if signal is BREAK:
                break
            if signal is not None and signal is not CONTINUE:
                return signal
        return None
