"""``parallel``: branches, or the rounds of a loop, at the same time.

A failing thread stops no other (the service's only policy, continueAll): when all have finished, the step raises one
UnhandledBranchError that lists the failures. Everything runs on one event loop and nothing awaits inside an
assignment, so reads and writes of shared variables are atomic.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from localcloud.workflows.faults import Raised, fault, type_fault, value_fault
from localcloud.workflows.program.blocks import Block, Signal
from localcloud.workflows.program.control_flow import Items, Round
from localcloud.workflows.program.formulas import Formula
from localcloud.workflows.program.frames import Frame, Scope
from localcloud.workflows.report import context_of
from localcloud.workflows.values import Value, to_json, type_name

AT_ONCE_LIMIT = 20  # branches and rounds of one step; the rest queue
NESTING_LIMIT = 2
ERRORS_KEPT = 100


@dataclass(frozen=True, slots=True)
class Thread:
    """One branch or round: its name in error reports, and its block with a scope to run it in."""

    id: str
    scope: Scope
    body: Block


@dataclass(frozen=True, slots=True)
class Branch:
    name: str
    body: Block


@dataclass(frozen=True, slots=True)
class Parallel:
    kind: ClassVar[str] = "STEP_PARALLEL_BRANCH"
    branches: tuple[Branch, ...]
    concurrency: Formula | None

    async def run(self, frame: Frame) -> Signal:
        limit = await _limit(frame, self.concurrency)
        frame.run.journal.expect(frame, len(self.branches))
        starts = [lambda branch=branch: Thread(branch.name, frame.nested(), branch.body) for branch in self.branches]
        await run_threads(frame, starts, limit)
        return None


@dataclass(frozen=True, slots=True)
class ParallelFor:
    kind: ClassVar[str] = "STEP_PARALLEL_FOR"
    items: Items
    round: Round
    concurrency: Formula | None

    async def run(self, frame: Frame) -> Signal:
        limit = await _limit(frame, self.concurrency)
        values = await self.items.values(frame)

        def start(index: int, value: Value) -> Thread:
            return Thread(str(index), self.round.scope(frame, index, value), self.round.body)

        starts = (lambda index=index, value=value: start(index, value) for index, value in enumerate(values))
        await run_threads(frame, starts, limit)
        return None


async def _limit(frame: Frame, concurrency: Formula | None) -> int:
    if concurrency is None:
        return AT_ONCE_LIMIT
    limit = await concurrency.value(frame)
    if type(limit) is not int:
        raise type_fault(f"concurrency_limit must be an integer, not {type_name(limit)}")
    if limit < 1:
        raise value_fault("concurrency_limit must be positive")
    return min(limit, AT_ONCE_LIMIT)


async def run_threads(frame: Frame, starts: Iterable[Callable[[], Thread]], limit: int) -> None:
    """Run all threads, ``limit`` of them at a time. Raises: Raised with every failure, once all have finished."""
    if frame.parallel_depth >= NESTING_LIMIT:
        raise fault("ParallelNestingError", f"parallel steps are nested more than {NESTING_LIMIT} deep", "RuntimeError")
    failures: dict[int, tuple[str, Raised]] = {}
    waiting = iter(enumerate(starts))

    async def work() -> None:
        for index, start in waiting:
            thread = start()
            try:
                await _run_thread(frame, thread)
            except Raised as error:
                failures[index] = (thread.id, error)

    await at_once([work() for _ in range(limit)])
    if failures:
        raise _unhandled([failures[index] for index in sorted(failures)])


async def _run_thread(frame: Frame, thread: Thread) -> None:
    inner = frame.inside(thread.scope)
    inner.thread = frame.run.new_thread()
    inner.parallel_depth = frame.parallel_depth + 1
    try:
        await thread.body.run(inner)
    finally:
        thread.scope.release()
        frame.run.tips.pop(inner.thread, None)


async def at_once(work: Sequence[Awaitable[None]]) -> None:
    """Wait for all; the first exception (an exhausted budget, a bug) or a cancellation stops the others at once."""
    tasks = [asyncio.ensure_future(part) for part in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _unhandled(failures: Sequence[tuple[str, Raised]]) -> Raised:
    branches = [
        {"id": id_, "error": {"context": context_of(error), "payload": _payload(error)}}
        for id_, error in failures[:ERRORS_KEPT]
    ]
    return fault(
        "UnhandledBranchError",
        f"{len(failures)} unhandled error(s) in parallel branches or iterations",
        "RuntimeError",
        branches=branches,
        truncated=len(failures) > ERRORS_KEPT,
    )


def _payload(error: Raised) -> Value:
    """The error value as the report can carry it: bytes and functions have no JSON form."""
    try:
        to_json(error.value)
    except Raised as unprintable:
        return unprintable.value
    return error.value
