"""``switch``: the first entry whose condition is true."""

from dataclasses import dataclass
from typing import ClassVar

from localcloud.workflows.expressions.operators import truth
from localcloud.workflows.program.blocks import Action, Signal
from localcloud.workflows.program.formulas import Formula
from localcloud.workflows.program.frames import Frame


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
