"""The steps that end at once: assign, return, raise, a bare ``next``, and plain nesting."""

from dataclasses import dataclass
from typing import ClassVar

from localcloud.workflows.expressions.operators import existing_index, existing_key
from localcloud.workflows.faults import Raised, type_fault
from localcloud.workflows.program.blocks import Block, Return, Signal
from localcloud.workflows.program.formulas import Formula
from localcloud.workflows.program.frames import Frame
from localcloud.workflows.program.journal import UNSHOWN
from localcloud.workflows.values import Value, type_name


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
