"""The ledger's rules (DESIGN §5) as pure functions on one call: what may be written, by whom, when.

Every function takes the call as just read and returns the call to write, or None when it may write nothing. The store
writes by compare-and-set, so each decision is made on what is really there. Rule numbers are those of DESIGN §5.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from promptreel.domain import states
from promptreel.domain.document import Document, Part, UtcDatetime
from promptreel.domain.models import TokenUsage
from promptreel.domain.states import CallState

CallKind = Literal["text", "image", "video"]

LEASE_S = 60.0
SENT_GRACE_S = 30.0
WINDOW_GRACE_S = 120.0
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
        return self.state in states.FINISHED_CALL

    @property
    def is_paid(self) -> bool:
        return self.state in states.PAID_CALL

    @property
    def spends_remedy(self) -> bool:
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


def lease_over(call: Call, now: datetime) -> bool:
    return call.lease is None or now >= call.lease.until


def claim(call: Call, *, digest: str, prefix: str, holder: str, pace: float, now: datetime) -> Call | None:
    """PLANNED, or RESERVED whose lease is over, becomes RESERVED for this holder (rules 2, 3, 7).

    Nothing was sent for it, so what it is to be made from may have changed since an earlier claim.
    """
    free = call.state is CallState.PLANNED or (call.state is CallState.RESERVED and lease_over(call, now))
    if not free:
        return None
    until = now + timedelta(seconds=LEASE_S * pace)
    return call.to(
        CallState.RESERVED, now, digest=digest, prefix=prefix, lease=Lease(holder=holder, until=until), reason=""
    )


def send(call: Call, holder: str, *, timeout_s: float, window_s: float, pace: float, now: datetime) -> Call | None:
    """RESERVED becomes SENT, by the lease's holder, before its lease is over (rule 3)."""
    if call.state is not CallState.RESERVED or not call.held_by(holder) or lease_over(call, now):
        return None
    answer_by = now + timedelta(seconds=timeout_s)
    return call.to(
        CallState.SENT,
        now,
        sent_at=now,
        answer_by=answer_by,
        window_end=answer_by + timedelta(seconds=(window_s + WINDOW_GRACE_S) * pace),
        lease=Lease(holder=holder, until=answer_by + timedelta(seconds=SENT_GRACE_S * pace)),
    )


def unpaid(call: Call, holder: str, reason: str, now: datetime) -> Call | None:
    """Certainly unpaid and worth repeating: the call may be claimed again; after LOST it is only released (4, 7)."""
    if not call.held_by(holder):
        return None
    if call.state in {CallState.SENT, CallState.UNCERTAIN}:
        return call.to(CallState.PLANNED, now, lease=None, sent_at=None, answer_by=None, window_end=None, reason=reason)
    if call.state is CallState.LOST:
        return call.to(CallState.RELEASED, now, reason=reason)
    return None


def refused(call: Call, holder: str, reason: str, codes: tuple[str, ...], now: datetime) -> Call | None:
    """The POST itself was answered with a refusal: unpaid for good (rule 4)."""
    if not call.held_by(holder) or call.state not in {CallState.SENT, CallState.UNCERTAIN, CallState.LOST}:
        return None
    return call.to(CallState.RELEASED, now, reason=reason, codes=codes)


def answer_lost(call: Call, holder: str, reason: str, now: datetime) -> Call | None:
    """No usable answer: perhaps paid (rule 4)."""
    if call.state is not CallState.SENT or not call.held_by(holder):
        return None
    return call.to(CallState.UNCERTAIN, now, reason=reason)


def named(call: Call, operation: str, now: datetime) -> Call | None:
    """The operation's name, stored the moment it is known, whatever the job's run or state (rule 5, fencing)."""
    if call.operation or call.state not in {CallState.SENT, CallState.UNCERTAIN, CallState.LOST}:
        return None
    return call.evolve(operation=operation, updated=now)


def settled(
    call: Call, *, cost_micros: int, artifact: str, usage: TokenUsage | None, now: datetime, remark: str = ""
) -> Call | None:
    """Answered and paid; a late answer is recorded too (rules 6, 7)."""
    if call.state not in {CallState.SENT, CallState.UNCERTAIN, CallState.LOST}:
        return None
    said = {"reason": remark} if remark else {}
    return call.to(CallState.SETTLED, now, cost_micros=cost_micros, artifact=artifact, usage=usage, **said)


def declined(
    call: Call, *, cost_micros: int, usage: TokenUsage, reason: str, codes: tuple[str, ...], now: datetime
) -> Call | None:
    """Answered and paid without output: SETTLED with no artifact (rule 4)."""
    if call.state not in {CallState.SENT, CallState.UNCERTAIN, CallState.LOST}:
        return None
    return call.to(CallState.SETTLED, now, cost_micros=cost_micros, usage=usage, reason=reason, codes=codes)


def filtered(call: Call, reason: str, codes: tuple[str, ...], now: datetime) -> Call | None:
    """The operation ended without output: not billed (rule 4)."""
    if call.state not in {CallState.SENT, CallState.UNCERTAIN, CallState.LOST}:
        return None
    return call.to(CallState.RELEASED, now, reason=reason, codes=codes)


def adopted(call: Call, artifact: str, cost_micros: int, now: datetime) -> Call | None:
    """The answer was lost, its output was found where only this call could have put it (rule 5)."""
    if call.state not in {CallState.UNCERTAIN, CallState.LOST}:
        return None
    return call.to(CallState.ADOPTED, now, artifact=artifact, cost_micros=cost_micros)


def lost(call: Call, looked_at: datetime, reason: str, now: datetime) -> Call | None:
    """Given up, counted at the reserved price; only after a look that BEGAN after the window's end (rule 5)."""
    live = call.state in {CallState.UNCERTAIN, CallState.SENT}
    if not live or call.window_end is None or looked_at <= call.window_end:
        return None
    return call.to(CallState.LOST, now, reason=reason)


def never_billed(call: Call, now: datetime) -> Call | None:
    """A billing export that covers the call's time has no line for it: perhaps paid becomes certainly unpaid (7)."""
    if call.state is not CallState.LOST:
        return None
    return call.to(CallState.RELEASED, now, reason=f"Never billed. {call.reason}".strip())


def given_up(call: Call, reason: str, now: datetime) -> Call | None:
    """A text or picture whose answer was lost and whose artifact does not stand: lost at once (rule 6)."""
    return call.to(CallState.LOST, now, reason=reason) if call.state is CallState.UNCERTAIN else None


def expired(call: Call, now: datetime) -> Call | None:
    """What anybody moves: an abandoned claim, a sender that died before its answer (rule 7)."""
    if not lease_over(call, now):
        return None
    if call.state is CallState.RESERVED:
        return call.to(CallState.PLANNED, now, lease=None)
    if call.state is CallState.SENT and call.operation is None:
        return call.to(CallState.UNCERTAIN, now, reason="The sender died before its answer came.")
    return None


def abandoned(call: Call, now: datetime) -> Call | None:
    """A planned call of a job that ended: released, and no remedy is spent on it when the job goes on (rule 2)."""
    if call.state is not CallState.PLANNED:
        return None
    return call.to(CallState.RELEASED, now, reason="The job ended before this call was made.", codes=(JOB_ENDED,))
