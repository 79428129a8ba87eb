"""Anything a step computes: constants, expressions and the maps and lists written around them.

A formula without subworkflow calls is one plain Python call, so nothing else can run in the middle of it: that is
what makes ``total: ${total + x}`` atomic between parallel branches. Only a subworkflow call makes a formula wait.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from localcloud.workflows.faults import Failure, Position
from localcloud.workflows.program.frames import Frame
from localcloud.workflows.values import Value

Read = Callable[[Frame], Value]


class Formula(Protocol):
    @property
    def read(self) -> Read | None:
        """The formula as a plain call; None where a subworkflow must be waited for."""

    async def value(self, frame: Frame) -> Value: ...


class Constant:
    __slots__ = ("constant", "read")

    def __init__(self, constant: Value) -> None:
        self.constant = constant
        self.read: Read | None = lambda _: constant

    async def value(self, _: Frame) -> Value:
        return self.constant


class Plain:
    __slots__ = ("_read", "read")

    def __init__(self, read: Read) -> None:
        self._read = read
        self.read: Read | None = read

    async def value(self, frame: Frame) -> Value:
        return self._read(frame)


class Waiting:
    __slots__ = ("_wait", "read")

    def __init__(self, wait: Callable[[Frame], Awaitable[Value]]) -> None:
        self._wait = wait
        self.read: Read | None = None

    async def value(self, frame: Frame) -> Value:
        return await self._wait(frame)


def located(formula: Formula, at: Position, length: int) -> Formula:
    """The formula of one expression: an error in it carries the expression's position."""
    if isinstance(formula, Constant):
        return formula
    read = formula.read

    async def wait(frame: Frame) -> Value:
        try:
            return await formula.value(frame)
        except Failure as failure:
            failure.expression = failure.expression or (at, length)
            raise

    if read is None:
        return Waiting(wait)

    def read_here(frame: Frame) -> Value:
        try:
            return read(frame)
        except Failure as failure:
            failure.expression = failure.expression or (at, length)
            raise

    return Plain(read_here)


def combined(parts: Sequence[Formula], build: Callable[..., Value]) -> Formula:
    """``build(*values)`` over the parts' values, waiting only if one of them must."""
    reads = [part.read for part in parts if part.read is not None]
    if len(reads) < len(parts):

        async def wait(frame: Frame) -> Value:
            waited = {index: await part.value(frame) for index, part in enumerate(parts) if part.read is None}
            # Plain parts are read last: what they read cannot be stale by the time the result is assigned.
            return build(*[part.read(frame) if part.read else waited[index] for index, part in enumerate(parts)])

        return Waiting(wait)
    if len(reads) == 1:
        (only,) = reads
        return Plain(lambda frame: build(only(frame)))
    if len(reads) == 2:  # noqa: PLR2004 - binary operators are what loops are made of
        left, right = reads
        return Plain(lambda frame: build(left(frame), right(frame)))
    return Plain(lambda frame: build(*[read(frame) for read in reads]))


def list_of(items: Sequence[Formula]) -> Formula:
    if all(isinstance(item, Constant) for item in items):
        return Constant([item.constant for item in items if isinstance(item, Constant)])
    return combined(items, lambda *values: list(values))


def map_of(keys: Sequence[Formula], items: Sequence[Formula], check_key: Callable[[Value], Value]) -> Formula:
    """A map literal; keys may be expressions, too, and ``check_key`` raises for what cannot be a key."""
    known = [key.constant for key in keys if isinstance(key, Constant) and type(key.constant) is str]
    values = [item.constant for item in items if isinstance(item, Constant)]
    if len(known) == len(keys) and len(values) == len(items):
        return Constant(dict(zip(known, values, strict=True)))
    count = len(keys)
    return combined(
        [*keys, *items],
        lambda *parts: {check_key(key): item for key, item in zip(parts[:count], parts[count:], strict=True)},
    )
