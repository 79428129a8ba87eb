"""``try``: run, run again while a retry policy says so, then hand the error to ``except``."""

from dataclasses import dataclass
from typing import ClassVar

from localcloud.workflows.faults import Raised, type_fault, value_fault
from localcloud.workflows.program.blocks import Block, Signal
from localcloud.workflows.program.calls import call_value
from localcloud.workflows.program.formulas import Formula
from localcloud.workflows.program.frames import Frame
from localcloud.workflows.stdlib.retry import ALWAYS, DEFAULT_BACKOFF, DEFAULT_MAX_RETRIES
from localcloud.workflows.values import Value, is_number, type_name


@dataclass(frozen=True, slots=True)
class Backoff:
    initial_s: float
    max_s: float
    multiplier: float

    def pause_s(self, retry: int) -> float:
        """The wait before a retry; the first one is number 1."""
        try:
            return min(self.initial_s * self.multiplier ** (retry - 1), self.max_s)
        except OverflowError:
            return self.max_s


@dataclass(frozen=True, slots=True)
class Policy:
    predicate: Value
    max_retries: float
    backoff: Backoff

    @classmethod
    def of(cls, value: Value) -> "Policy":
        """A policy as it is written in a workflow, or given by ``http.default_retry``."""
        if type(value) is not dict:
            raise type_fault(f"a retry policy is a map, not {type_name(value)}")
        backoff = value.get("backoff", DEFAULT_BACKOFF)
        if type(backoff) is not dict:
            raise type_fault(f"a backoff is a map, not {type_name(backoff)}")
        delays = {**DEFAULT_BACKOFF, **backoff}
        return cls(
            value.get("predicate", ALWAYS),
            _amount("max_retries", value.get("max_retries", DEFAULT_MAX_RETRIES)),
            Backoff(
                _amount("initial_delay", delays["initial_delay"]),
                _amount("max_delay", delays["max_delay"]),
                _amount("multiplier", delays["multiplier"]),
            ),
        )


def _amount(name: str, value: Value) -> float:
    if not is_number(value):
        raise type_fault(f"{name} must be a number, not {type_name(value)}")
    if value < 0:
        raise value_fault(f"{name} must not be negative")
    return float(value)


@dataclass(frozen=True, slots=True)
class Handler:
    error: str | None
    body: Block


@dataclass(frozen=True, slots=True)
class Try:
    kind: ClassVar[str] = "STEP_TRY_RETRY_EXCEPT"
    body: Block
    retry: Formula | None
    handler: Handler | None

    async def run(self, frame: Frame) -> Signal:
        attempts = 1
        while True:
            try:
                with frame.run.journal.part(frame, "STEP_TRY" if attempts == 1 else "STEP_RETRY", attempts - 1):
                    return await self.body.run(frame)
            except Raised as error:
                pause_s = await self._pause_s(frame, error, attempts)
                if pause_s is None:
                    return await self._handle(frame, error)
            frame.run.tips[frame.thread] = frame
            await frame.run.runtime.sleep(pause_s)
            attempts += 1

    async def _pause_s(self, frame: Frame, error: Raised, attempts: int) -> float | None:
        """How long to wait before the body runs again; None when it must not."""
        if self.retry is None:
            return None
        policy = Policy.of(await self.retry.value(frame))
        if attempts > policy.max_retries:
            return None
        frame.run.journal.expect(frame, int(policy.max_retries))
        again = await call_value(policy.predicate, frame, [error.value])
        if type(again) is not bool:
            raise type_fault(f"a retry predicate must return a boolean, not {type_name(again)}")
        return policy.backoff.pause_s(attempts) if again else None

    async def _handle(self, frame: Frame, error: Raised) -> Signal:
        if self.handler is None:
            raise error
        scope = frame.nested()
        if self.handler.error is not None:
            scope.create(self.handler.error, error.value)
        try:
            return await self.handler.body.run(frame.inside(scope))
        finally:
            scope.release()
