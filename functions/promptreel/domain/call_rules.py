"""The ledger's rules (docs/ledger.md) as pure functions on one call: what may be written, by whom, when.

Every function takes the call as just read and returns the call to write, or None when it may write nothing. The store
writes by compare-and-set, so each decision is made on the stored state.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from promptreel.domain.call import JOB_ENDED, REPLANNED, Call, CallSource, Lease
from promptreel.domain.models import TokenUsage
from promptreel.domain.remedies import EXHAUSTED
from promptreel.domain.states import CallState

LEASE_S = 60.0
SENT_GRACE_S = 30.0
WINDOW_GRACE_S = 120.0

_ANSWERABLE = frozenset({CallState.SENT, CallState.UNCERTAIN, CallState.LOST})


def lease_has_expired(call: Call, now: datetime) -> bool:
    """Whether any worker may take the call over."""
    return call.lease is None or now >= call.lease.until


@dataclass(frozen=True, slots=True)
class SendTimes:
    """How long a call may take; ``pace`` multiplies production seconds."""

    timeout_s: float  # real seconds within which the answer comes or the request is cut off
    window_s: float  # production seconds after that within which its output may still appear
    pace: float


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an answered call cost and brought. ``reason`` is a remark on the answer, or why it has no artifact."""

    cost_micros: int
    artifact: str | None = None
    usage: TokenUsage | None = None
    reason: str = ""
    codes: tuple[str, ...] = ()


def new_lease(holder: str, pace: float, now: datetime) -> Lease:
    """The lease of a claim that is made now."""
    return Lease(holder=holder, until=now + timedelta(seconds=LEASE_S * pace))


def claim(call: Call, lease: Lease, *, digest: str | None, prefix: str, now: datetime) -> Call | None:
    """PLANNED, or RESERVED whose lease is over, becomes RESERVED under this lease (rules 2, 3, 7).

    Nothing was sent for it, so what it is to be made from may have changed since an earlier claim.
    """
    is_free = call.state is CallState.PLANNED or (call.state is CallState.RESERVED and lease_has_expired(call, now))
    if not is_free:
        return None
    return call.to(CallState.RESERVED, now, digest=digest, prefix=prefix, lease=lease, reason="")


def send(call: Call, holder: str, times: SendTimes, now: datetime) -> Call | None:
    """RESERVED becomes SENT, by the lease's holder, before its lease is over (rule 3)."""
    if call.state is not CallState.RESERVED or not call.held_by(holder) or lease_has_expired(call, now):
        return None
    answer_by = now + timedelta(seconds=times.timeout_s)
    return call.to(
        CallState.SENT,
        now,
        sent_at=now,
        answer_by=answer_by,
        window_end=answer_by + timedelta(seconds=(times.window_s + WINDOW_GRACE_S) * times.pace),
        lease=Lease(holder=holder, until=answer_by + timedelta(seconds=SENT_GRACE_S * times.pace)),
    )


@dataclass(frozen=True, slots=True)
class Copied:
    """The copy of an earlier call's artifact, and that call's remark on it."""

    source: CallSource
    artifact: str
    reason: str = ""


def reuse(call: Call, holder: str, copied: Copied, now: datetime) -> Call | None:
    """RESERVED becomes SETTLED at no cost, by the lease's holder, before its lease is over (rule 9)."""
    if call.state is not CallState.RESERVED or not call.held_by(holder) or lease_has_expired(call, now):
        return None
    return call.to(
        CallState.SETTLED, now, artifact=copied.artifact, source=copied.source, reason=copied.reason or call.reason
    )


def record_unpaid(call: Call, holder: str, reason: str, now: datetime) -> Call | None:
    """Certainly unpaid and worth repeating: the call may be claimed again; after LOST it is only released (4, 7)."""
    if not call.held_by(holder):
        return None
    if call.state in {CallState.SENT, CallState.UNCERTAIN}:
        planned = call.to(CallState.PLANNED, now, lease=None, sent_at=None, answer_by=None, window_end=None)
        return planned.evolve(reason=reason, unsent_since=call.unsent_since or now)
    if call.state is CallState.LOST:
        return call.to(CallState.RELEASED, now, reason=reason)
    return None


def record_refused(call: Call, holder: str, reason: str, codes: tuple[str, ...], now: datetime) -> Call | None:
    """The POST itself was answered with a refusal: unpaid for good (rule 4)."""
    return release_without_output(call, reason, codes, now) if call.held_by(holder) else None


def record_answer_lost(call: Call, holder: str, reason: str, now: datetime) -> Call | None:
    """No usable answer: perhaps paid (rule 4)."""
    if call.state is not CallState.SENT or not call.held_by(holder):
        return None
    return call.to(CallState.UNCERTAIN, now, reason=reason)


def record_operation(call: Call, operation: str, now: datetime) -> Call | None:
    """The operation's name, stored the moment it is known, whatever the job's run or state (rule 5, fencing)."""
    if call.operation or call.state not in _ANSWERABLE:
        return None
    return call.evolve(operation=operation, updated=now)


def settle(call: Call, receipt: Receipt, now: datetime) -> Call | None:
    """Answered and paid, with an artifact or without one; a late answer is recorded too (rules 4, 6, 7)."""
    if call.state not in _ANSWERABLE:
        return None
    return call.to(
        CallState.SETTLED,
        now,
        cost_micros=receipt.cost_micros,
        artifact=receipt.artifact,
        usage=receipt.usage,
        reason=receipt.reason or call.reason,
        codes=receipt.codes or call.codes,
    )


def release_without_output(call: Call, reason: str, codes: tuple[str, ...], now: datetime) -> Call | None:
    """The operation ended without output: not billed (rule 4)."""
    return call.to(CallState.RELEASED, now, reason=reason, codes=codes) if call.state in _ANSWERABLE else None


def adopt(call: Call, artifact: str, now: datetime) -> Call | None:
    """The answer was lost, its output found where only this call could put it; it costs what was reserved (rule 5)."""
    if call.state not in {CallState.UNCERTAIN, CallState.LOST}:
        return None
    return call.to(CallState.ADOPTED, now, artifact=artifact, cost_micros=call.reserved_micros)


def give_up_after_window(call: Call, looked_at: datetime, reason: str, now: datetime) -> Call | None:
    """LOST, counted at the reserved price; only after a look that BEGAN after the window's end (rule 5)."""
    is_open = call.state in {CallState.UNCERTAIN, CallState.SENT}
    if not is_open or call.window_end is None or looked_at <= call.window_end:
        return None
    return call.to(CallState.LOST, now, reason=reason)


def give_up_at_once(call: Call, reason: str, now: datetime) -> Call | None:
    """LOST: a text or image whose answer was lost and whose artifact was not stored (rule 6)."""
    return call.to(CallState.LOST, now, reason=reason) if call.state is CallState.UNCERTAIN else None


def release_unbilled(call: Call, now: datetime) -> Call | None:
    """A billing export that covers the call's time has no line for it: perhaps paid becomes certainly unpaid (7)."""
    if call.state is not CallState.LOST:
        return None
    return call.to(CallState.RELEASED, now, reason=f"Never billed. {call.reason}".strip())


def expire(call: Call, now: datetime) -> Call | None:
    """What any worker may write: an abandoned claim, or a sender that died before its answer (rule 7)."""
    if not lease_has_expired(call, now):
        return None
    if call.state is CallState.RESERVED:
        return call.to(CallState.PLANNED, now, lease=None)
    if call.state is CallState.SENT and call.operation is None:
        return call.to(CallState.UNCERTAIN, now, reason="The sender died before its answer came.")
    return None


def give_up_unsent(call: Call, now: datetime) -> Call | None:
    """A planned call that its provider has not accepted for long: released, for another model to film (rule 4)."""
    if call.state is not CallState.PLANNED or call.unsent_since is None:
        return None
    return call.to(CallState.RELEASED, now, codes=(EXHAUSTED,))


def abandon(call: Call, now: datetime) -> Call | None:
    """A planned call of a job that ended: released, and no remedy is spent on it when the job is resumed (rule 2)."""
    if call.state is not CallState.PLANNED:
        return None
    return call.to(CallState.RELEASED, now, reason="The job ended before this call was made.", codes=(JOB_ENDED,))


def withdraw(call: Call, now: datetime) -> Call | None:
    """A planned call that an edit at a gate made unnecessary: released, and no remedy is spent on it (rule 2)."""
    if call.state is not CallState.PLANNED:
        return None
    return call.to(
        CallState.RELEASED, now, reason="The plan was changed before this call was made.", codes=(REPLANNED,)
    )


def reprice(call: Call, reserved_micros: int, now: datetime) -> Call | None:
    """A planned call whose price an edit at a gate changed (rule 2)."""
    if call.state is not CallState.PLANNED or call.reserved_micros == reserved_micros:
        return None
    return call.evolve(reserved_micros=reserved_micros, updated=now)
