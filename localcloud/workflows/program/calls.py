"""Calling things: library functions and subworkflows, from a ``call`` step, an expression or a retry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from localcloud.workflows.faults import fault, type_fault
from localcloud.workflows.program.blocks import Return, Routine, RoutineReference, Signal
from localcloud.workflows.program.formulas import Formula
from localcloud.workflows.program.frames import Frame, Scope
from localcloud.workflows.stdlib.functions import Function, Kind
from localcloud.workflows.values import Value

CALL_DEPTH_LIMIT = 20

MISSING = object()
"""Marks an argument that was not given, where the parameter's default is to be taken."""


@dataclass(frozen=True, slots=True)
class Assignee:
    """Where a result goes: a plain variable; None drops it."""

    name: str | None

    def set(self, frame: Frame, value: Value) -> None:
        if self.name is not None:
            frame.scope.assign(self.name, value)


@dataclass(frozen=True, slots=True)
class CallFunction:
    kind: ClassVar[str] = "STEP_STD_LIB_CALL"
    function: Function
    arguments: tuple[Formula, ...]  # in the order of the function's parameters, defaults filled in
    result: Assignee

    async def run(self, frame: Frame) -> Signal:
        values = [await argument.value(frame) for argument in self.arguments]
        self.result.set(frame, await call_function(self.function, frame, values))
        return None


@dataclass(frozen=True, slots=True)
class CallRoutine:
    kind: ClassVar[str] = "STEP_SUBWORKFLOW_CALL"
    routine: str
    arguments: tuple[tuple[str, Formula], ...]
    result: Assignee

    async def run(self, frame: Frame) -> Signal:
        routine = frame.run.program.routines[self.routine]
        named = {name: await formula.value(frame) for name, formula in self.arguments}
        values = [named.get(parameter.name, MISSING) for parameter in routine.parameters]
        self.result.set(frame, await call_routine(routine, frame, values))
        return None


async def call_function(function: Function, frame: Frame, values: Sequence[Value]) -> Value:
    if function.kind is Kind.PLAIN:
        return function.body(*values)
    if function.kind is Kind.WORLDLY:
        return function.body(frame.run, *values)
    return await function.body(frame.run if function.kind is Kind.BLOCKING else frame, *values)


async def call_routine(routine: Routine, caller: Frame, values: Sequence[Value]) -> Value:
    """Run a subworkflow in a frame of its own; arguments that are MISSING, or beyond the given ones, take defaults."""
    if caller.call_depth >= CALL_DEPTH_LIMIT:
        raise fault("RecursionError", f"calls are nested more than {CALL_DEPTH_LIMIT} deep", "RuntimeError")
    frame = Frame(
        caller.run,
        routine.name,
        Scope(caller.run.meter),
        caller.thread,
        caller,
        caller.call_depth + 1,
        caller.parallel_depth,
    )
    try:
        return await enter(routine, frame, values)
    finally:
        frame.scope.release()


async def enter(routine: Routine, frame: Frame, values: Sequence[Value]) -> Value:
    """Bind the parameters and run the routine's steps in a fresh frame."""
    for index, parameter in enumerate(routine.parameters):
        value = values[index] if index < len(values) else MISSING
        if value is MISSING:
            value = await parameter.default.value(frame) if parameter.default is not None else None
        frame.scope.create(parameter.name, value)
    signal = await routine.body.run(frame)
    return signal.value if type(signal) is Return else None


async def call_value(callee: Value, frame: Frame, values: Sequence[Value]) -> Value:
    """Call a function that arrived as a value, such as a retry's predicate."""
    if isinstance(callee, Function):
        return await call_function(callee, frame, values)
    if isinstance(callee, RoutineReference):
        return await call_routine(frame.run.program.routines[callee.name], frame, values)
    raise type_fault("this value cannot be called")
