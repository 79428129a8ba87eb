"""The call document: one paid call of the ledger, from intent to receipt, and what calls count."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import Field

from promptreel.domain import states
from promptreel.domain.document import Document, Part, UtcDatetime
from promptreel.domain.models import TokenUsage
from promptreel.domain.states import CallState

CallKind = Literal["text", "image", "video"]

JOB_ENDED = "job_ended"
CUT_OFF = "cut_off"


class Lease(Part):
    """Who may write next. ``holder`` is a random token, new for every claim."""

    holder: str
    until: UtcDatetime


class Call(Document):
    """One paid call, from intent to receipt."""

    id: str
    job: str
    kind: CallKind
    model: str
    purpose: str
    scene: str | None = None
    take: int
    attempt: int
    digest: str = ""  # of model, parameters and inputs; set by every claim
    state: CallState = CallState.PLANNED
    reserved_micros: int = Field(ge=0)
    cost_micros: int = Field(default=0, ge=0)
    prefix: str = ""  # storageUri nobody else uses; for video
    operation: str | None = None
    lease: Lease | None = None
    sent_at: UtcDatetime | None = None
    answer_by: UtcDatetime | None = None
    window_end: UtcDatetime | None = None
    artifact: str | None = None
    usage: TokenUsage | None = None
    reason: str = ""
    codes: tuple[str, ...] = ()
    created: UtcDatetime
    updated: UtcDatetime

    @property
    def is_finished(self) -> bool:
        return self.state in states.FINISHED_CALL_STATES

    @property
    def is_paid(self) -> bool:
        return self.state in states.PAID_CALL_STATES

    @property
    def counts_as_attempt(self) -> bool:
        """Whether this ending counts as a try: a call that was never made does not."""
        return JOB_ENDED not in self.codes

    @property
    def was_cut_off(self) -> bool:
        """Whether the answer ended at its output limit: the same question would end there again."""
        return CUT_OFF in self.codes

    def held_by(self, holder: str) -> bool:
        return self.lease is not None and self.lease.holder == holder

    def to(self, state: CallState, now: datetime, **changes: object) -> "Call":
        """The call after a legal move. Raises: Conflict for an illegal one."""
        return self.evolve(state=states.move(states.CALL_MOVES, self.state, state), updated=now, **changes)


def committed_micros(calls: list[Call]) -> int:
    """What the job has spent or may still spend: cost of finished calls, reserved price of the others (rule 2)."""
    return sum(counted_micros(call) for call in calls)


def spent_micros(calls: Iterable[Call]) -> int:
    """What finished calls count; open ones are reserved, and together they are what the job has committed."""
    return sum(counted_micros(call) for call in calls if call.is_finished)


def counted_micros(call: Call) -> int:
    """A LOST call counts at its reserved price: perhaps it was paid."""
    if call.state is CallState.RELEASED:
        return 0
    return call.cost_micros if call.is_paid else call.reserved_micros
