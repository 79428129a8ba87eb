"""The call document: one paid call of the ledger, from intent to receipt, and what calls count together."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypedDict, Unpack

from pydantic import Field

from promptreel.domain import states
from promptreel.domain.document import Document, OptionalText, Part, UtcDatetime
from promptreel.domain.fitting import FittedPrompt
from promptreel.domain.models import TokenUsage
from promptreel.domain.states import CallState

CallKind = Literal["text", "image", "video"]

JOB_ENDED = "job_ended"  # the code of a call that was never made, because its job ended
REPLANNED = "replanned"  # the code of a call that was never made, because an edit of the plan made it unnecessary
CUT_OFF = "cut_off"  # the code of an answer that ended at its output limit


class Lease(Part):
    """Who may write next. ``holder`` is a random token, new for every claim."""

    holder: str
    until: UtcDatetime


class CallSource(Part):
    """The call of another job whose artifact was copied instead of paying."""

    job: str
    call: str


class CallChanges(TypedDict, total=False):
    """The fields of a call that a write may change, beside its state."""

    digest: str | None
    cache_key: str | None
    prompt: FittedPrompt | None
    reserved_micros: int
    cost_micros: int
    prefix: str
    operation: str
    lease: Lease | None
    sent_at: datetime | None
    answer_by: datetime | None
    window_end: datetime | None
    unsent_since: datetime | None
    artifact: str | None
    source: CallSource | None
    usage: TokenUsage | None
    reason: str
    codes: tuple[str, ...]
    updated: datetime


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
    digest: OptionalText = None  # of model, parameters and inputs; set by every claim
    cache_key: OptionalText = None  # of owner and content, equal for equal calls of any job; set by every claim
    state: CallState = CallState.PLANNED
    reserved_micros: int = Field(ge=0)
    cost_micros: int = Field(default=0, ge=0)
    prefix: OptionalText = None  # of objects that only this call may write; for video
    operation: str | None = None
    lease: Lease | None = None
    sent_at: UtcDatetime | None = None
    answer_by: UtcDatetime | None = None
    window_end: UtcDatetime | None = None
    unsent_since: UtcDatetime | None = None  # when a provider first did not accept it for the moment
    artifact: str | None = None
    source: CallSource | None = None  # where the artifact was copied from; then nothing was sent
    usage: TokenUsage | None = None
    prompt: FittedPrompt | None = None  # of a picture or clip, as its owner may read it
    reason: str = ""
    codes: tuple[str, ...] = ()
    created: UtcDatetime
    updated: UtcDatetime

    @property
    def is_finished(self) -> bool:
        """Whether what it costs is known, or is counted at its most for good."""
        return self.state in states.FINISHED_CALL_STATES

    @property
    def is_paid(self) -> bool:
        """Whether it was answered and paid."""
        return self.state in states.PAID_CALL_STATES

    @property
    def has_output(self) -> bool:
        """Whether it was paid and brought something: an answer without output may be billed too."""
        return self.is_paid and bool(self.artifact)

    @property
    def counts_as_attempt(self) -> bool:
        """Whether its end counts as an attempt: a call that was never made does not."""
        return not {JOB_ENDED, REPLANNED}.intersection(self.codes)

    @property
    def was_cut_off(self) -> bool:
        """Whether the answer ended at its output limit: the same request would end there again."""
        return CUT_OFF in self.codes

    @property
    def counted_micros(self) -> int:
        """What it counts against the job's limit. A LOST call counts at its reserved price: perhaps it was paid."""
        if self.state is CallState.RELEASED:
            return 0
        return self.cost_micros if self.is_paid else self.reserved_micros

    def held_by(self, holder: str) -> bool:
        """Whether this worker's claim is the latest one."""
        return self.lease is not None and self.lease.holder == holder

    def evolve(self, **changes: Unpack[CallChanges]) -> "Call":
        """The call with these fields changed, in the same state."""
        return self._copy_with(changes)

    def to(self, state: CallState, now: datetime, **changes: Unpack[CallChanges]) -> "Call":
        """The call after a legal move. Raises: Conflict for an illegal one."""
        moved = {"state": states.move(states.CALL_MOVES, self.state, state), "updated": now}
        return self._copy_with({**moved, **changes})


@dataclass(frozen=True, slots=True)
class Totals:
    """What the calls of a job count together: ``spent_micros`` by finished calls, ``reserved_micros`` by open ones."""

    spent_micros: int
    reserved_micros: int


def add_up(calls: Iterable[Call]) -> Totals:
    """The totals of these calls."""
    spent = reserved = 0
    for call in calls:
        if call.is_finished:
            spent += call.counted_micros
        else:
            reserved += call.counted_micros
    return Totals(spent, reserved)


def committed_micros(calls: Iterable[Call]) -> int:
    """What the job has spent or may still spend; its limit holds this (ledger rule 2)."""
    return sum(call.counted_micros for call in calls)
