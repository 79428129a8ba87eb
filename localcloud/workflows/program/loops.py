"""``for``: one round after the other. The items a loop or a parallel ``for`` goes over are told here for both."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from localcloud.workflows.faults import type_fault
from localcloud.workflows.program.blocks import BREAK, CONTINUE, Block, Signal
from localcloud.workflows.program.formulas import Formula
from localcloud.workflows.program.frames import Frame, Scope
from localcloud.workflows.values import Value, is_number, type_name

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
