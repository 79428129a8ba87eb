"""Programs, routines and blocks of steps: what runs after what."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, TypeAlias

from localcloud.workflows.faults import Failure, Position, TraceElement
from localcloud.workflows.program.formulas import Formula
from localcloud.workflows.program.frames import Frame
from localcloud.workflows.values import Value


@dataclass(frozen=True, slots=True)
class Jump:
    """Go on at a step of the block with this number: the running one, or one around it."""

    block: int
    index: int


@dataclass(frozen=True, slots=True)
class Return:
    """The routine ends with this value."""

    value: Value


@dataclass(frozen=True, slots=True)
class Leave:
    """The innermost loop ends its round (``continue``) or itself (``break``)."""

    loop: bool


BREAK = Leave(loop=True)
CONTINUE = Leave(loop=False)
END = Return(None)

Signal: TypeAlias = Jump | Return | Leave | None
"""How a step ended: None means that the next one follows."""


class Action(Protocol):
    kind: ClassVar[str]

    async def run(self, frame: Frame) -> Signal: ...


@dataclass(frozen=True, slots=True)
class Step:
    """``at`` is the position of the word for its action, ``length`` how long that word is."""

    name: str
    action: Action
    at: Position
    length: int = 0
    next: Signal = None


@dataclass(slots=True)
class Block:
    """Steps in order. Built empty and filled by the compiler, because steps refer to the blocks they jump to."""

    number: int
    steps: tuple[Step, ...] = ()

    async def run(self, frame: Frame) -> Signal:
        steps = self.steps
        run = frame.run
        index = 0
        while index < len(steps):
            step = steps[index]
            frame.step = step
            run.tips[frame.thread] = frame
            if run.meter.count_step():
                await asyncio.sleep(0)
            entry = run.journal.begin(frame, step.name, step.action.kind)
            try:
                signal = await step.action.run(frame)
            except Failure as failure:
                if not failure.trace:
                    failure.trace = trace_of(frame, step, failure)
                if entry is not None:
                    run.journal.end(entry, "STATE_FAILED", failure)
                raise
            if entry is not None:
                run.journal.end(entry, "STATE_SUCCEEDED")
            signal = signal or step.next
            if signal is None:
                index += 1
            elif type(signal) is Jump and signal.block == self.number:
                index = signal.index
            else:
                return signal
        return None


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    default: Formula | None = None


@dataclass(frozen=True, slots=True)
class Routine:
    name: str
    parameters: tuple[Parameter, ...]
    body: Block


@dataclass(frozen=True, slots=True)
class RoutineReference:
    """A subworkflow as a value: how a workflow hands its own predicate to ``retry``."""

    name: str


@dataclass(frozen=True, slots=True)
class Program:
    """A workflow that passed every check of the deploy."""

    routines: Mapping[str, Routine] = field(default_factory=dict)

    @property
    def main(self) -> Routine:
        return self.routines["main"]


def trace_of(frame: Frame, step: Step, failure: Failure) -> tuple[TraceElement, ...]:
    """The step, then the call it was reached by, out to ``main``."""
    at, length = failure.expression or (step.at, step.length)
    elements = [TraceElement(step.name, frame.routine, at, length)]
    caller = frame.caller
    while caller is not None:
        if caller.step is not None:
            elements.append(
                TraceElement(caller.step.name, caller.routine, caller.step.at, caller.step.length),
            )
        caller = caller.caller
    return tuple(elements)
