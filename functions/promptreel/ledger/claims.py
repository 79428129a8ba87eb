"""Pay by ledger (docs/ledger.md): claim, send, record. Every paid request of promptreel is sent here.

A step describes the call as a `CallRequest` and gets a `Claim` back. Only `Acquired` may be sent; every other claim
says why nothing needs to, or may, be paid now.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from promptreel.domain import call_rules, identifiers
from promptreel.domain.call import Call, CallKind, committed_micros
from promptreel.domain.call_rules import Copied, Receipt, SendTimes
from promptreel.domain.fitting import FittedPrompt
from promptreel.domain.job import Job
from promptreel.domain.money import format_usd
from promptreel.domain.states import CallState
from promptreel.errors import AnswerLost, BudgetExceeded, NotFound, Refused, Unpaid, VersionConflict
from promptreel.logging.endings import log_call_ended
from promptreel.ports.storage import Change, Create, JobStore, Replace, Versioned
from promptreel.ports.system import Clock, Ids

T = TypeVar("T")

BUSY_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class CallRequest:
    """One call that a step wants to make.

    ``digest`` covers model, parameters and inputs; ``price_micros`` is the most it can cost. ``scene`` binds the call
    to the scene's current take; ``attempt_of_scene`` also to its current attempt. ``cache_key`` is equal for equal
    calls of one owner, whose artifact ``may_reuse`` allows to copy. ``prompt`` is stored for the job's owner.
    """

    job_id: str
    run: int
    kind: CallKind
    model: str
    purpose: str
    digest: str | None
    price_micros: int
    timeout_s: float
    window_s: float = 0.0
    scene: str | None = None
    take: int = 1
    attempt: int = 1
    attempt_of_scene: bool = False
    prefix: str = ""
    cache_key: str | None = None
    prompt: FittedPrompt | None = None
    may_reuse: bool = False

    @property
    def call_id(self) -> str:
        """The id of this call, the same for every repeated request."""
        return identifiers.call_id(self.job_id, self.purpose, self.take, self.attempt)

    def planned(self, now: datetime) -> Call:
        """The call as planned, with its price reserved."""
        return Call(
            id=self.call_id,
            job=self.job_id,
            kind=self.kind,
            model=self.model,
            purpose=self.purpose,
            scene=self.scene,
            take=self.take,
            attempt=self.attempt,
            reserved_micros=self.price_micros,
            created=now,
            updated=now,
        )


@dataclass(frozen=True, slots=True)
class Acquired:
    """The caller holds the lease and must send the call now."""

    call: Call
    holder: str


@dataclass(frozen=True, slots=True)
class Paid:
    """The call is answered and paid. ``answer`` is there for the caller that received it; others read its artifact."""

    call: Call
    answer: bytes | None = None


@dataclass(frozen=True, slots=True)
class EndedWithoutOutput:
    """The call ended without output: only another attempt can help."""

    call: Call


@dataclass(frozen=True, slots=True)
class Busy:
    """Another worker is making this call, or its answer is being looked for: claim it again after ``wait_s``."""

    call: Call
    wait_s: float


@dataclass(frozen=True, slots=True)
class Superseded:
    """The caller is stale: the job is final or waits at a gate, a newer run began, or the scene has a newer take."""


Claim = Acquired | Paid | EndedWithoutOutput | Busy | Superseded


class Ledger:
    """The protocol over a store; holds no state of its own."""

    def __init__(self, jobs: JobStore, clock: Clock, ids: Ids, pace: float) -> None:
        self._jobs = jobs
        self._clock = clock
        self._ids = ids
        self._pace = pace

    @property
    def jobs(self) -> JobStore:
        """The store that the ledger is kept in."""
        return self._jobs

    def claim(self, request: CallRequest) -> Claim:
        """Ask for the right to make one call.

        Raises: BudgetExceeded when the call is an extra one that the limit does not hold; nothing is sent then.
        """
        holder = self._ids.new_token()
        return self._jobs.retry_on_conflict(lambda: self._claim(request, holder))

    def send(self, claim: Acquired, request: CallRequest, post: Callable[[float], T]) -> T:
        """Write SENT, then let `post` leave with the seconds it has left; record any way it can fail.

        Raises: Unpaid, Refused, AnswerLost (recorded); VersionConflict when the lease was lost before the send.
        """
        sent = self._write_sent(claim, request)
        try:
            return self._post_in_time(sent, post)
        except Unpaid as error:
            reason = error.reason
            self._record(sent, lambda call, now: call_rules.record_unpaid(call, claim.holder, reason, now))
            raise
        except Refused as error:
            reason, codes = error.reason, error.codes
            self._record(sent, lambda call, now: call_rules.record_refused(call, claim.holder, reason, codes, now))
            raise
        except Exception as error:  # whatever else happened after SENT, the provider may have accepted the call
            reason = error.reason if isinstance(error, AnswerLost) else repr(error)
            self._record(sent, lambda call, now: call_rules.record_answer_lost(call, claim.holder, reason, now))
            raise AnswerLost(reason) from error

    def _post_in_time(self, sent: Call, post: Callable[[float], T]) -> T:
        left_s = (sent.answer_by - self._clock.now()).total_seconds() if sent.answer_by else 0.0
        if left_s <= 0:
            raise Unpaid("The time to answer had passed before the request was sent.")
        return post(left_s)

    def name_operation(self, call: Call, operation: str) -> Call:
        """Store the operation's name, whatever has become of the job meanwhile."""
        return self._record(call, lambda read, now: call_rules.record_operation(read, operation, now))

    def settle(self, call: Call, receipt: Receipt) -> Call:
        """Record a billed answer, a late one too."""
        return self._record(call, lambda read, now: call_rules.settle(read, receipt, now))

    def reuse(self, claim: Acquired, copied: Copied) -> Paid | Busy:
        """Settle an acquired call by a copy, at no cost; `Busy` when the lease was lost meanwhile."""
        call = self._record(claim.call, lambda read, now: call_rules.reuse(read, claim.holder, copied, now))
        return Paid(call) if call.has_output else Busy(call, BUSY_WAIT_S * self._pace)

    def release(self, call: Call, reason: str, codes: tuple[str, ...]) -> Call:
        """Record that the operation ended without output and without a bill."""
        return self._record(call, lambda read, now: call_rules.release_without_output(read, reason, codes, now))

    def adopt(self, call: Call, artifact: str) -> Call:
        """Record output that was found although its answer was lost; it costs what was reserved."""
        return self._record(call, lambda read, now: call_rules.adopt(read, artifact, now))

    def give_up(self, call: Call, looked_at: datetime, reason: str) -> Call:
        """LOST, if the look that found nothing began after the call's window (video) or nothing can be looked for."""
        if call.kind == "video":
            return self._record(call, lambda read, now: call_rules.give_up_after_window(read, looked_at, reason, now))
        return self._record(call, lambda read, now: call_rules.give_up_at_once(read, reason, now))

    def release_unbilled(self, call: Call) -> Call:
        """Release a LOST call that was never billed; a late answer that was recorded meanwhile is kept."""
        return self._record(call, call_rules.release_unbilled)

    def expire(self, call: Call) -> Call:
        """Move an abandoned claim or a dead sender's call on, if its lease is over."""
        return self._record(call, call_rules.expire)

    def give_up_unsent(self, call: Call) -> Call:
        """Release a planned call that its provider has not accepted for long."""
        return self._record(call, call_rules.give_up_unsent)

    def abandon(self, call: Call) -> Call:
        """Release a planned call of a job that ended."""
        return self._record(call, call_rules.abandon)

    def _claim(self, request: CallRequest, holder: str) -> Claim:
        job = self._jobs.get_job(request.job_id)
        if not self._is_current(job.value, request):
            return Superseded()
        read = self._jobs.get_call(request.job_id, request.call_id)
        if read is None:
            self._reserve(
                job, request, request.price_micros, Create(request.job_id, request.planned(self._clock.now()))
            )
            raise VersionConflict("The extra call is planned; claim it on a fresh read.")
        call = read.value
        if call.state is CallState.RESERVED and call.held_by(holder):
            return Acquired(call, holder)  # an earlier write of this claim, whose answer was lost
        if call.has_output:
            return Paid(call)
        if call.is_finished:
            return EndedWithoutOutput(call)
        now = self._clock.now()
        lease = call_rules.new_lease(holder, self._pace, now)
        claimed = call_rules.claim(call, lease, digest=request.digest, prefix=request.prefix, now=now)
        if claimed is None:
            expired = call_rules.expire(call, now)
            if expired is not None:
                self._jobs.write(Replace(request.job_id, read, expired))
            return Busy(expired or call, BUSY_WAIT_S * self._pace)
        missing_micros = request.price_micros - call.reserved_micros
        if missing_micros > 0:
            dearer = call.evolve(reserved_micros=request.price_micros, updated=now)
            self._reserve(job, request, missing_micros, Replace(request.job_id, read, dearer))
            raise VersionConflict("The call costs more with the inputs of today; claim it on a fresh read.")
        claimed = claimed.evolve(cache_key=request.cache_key, prompt=request.prompt)
        self._jobs.write(Replace(request.job_id, read, claimed))
        return Acquired(claimed, holder)

    def _is_current(self, job: Job, request: CallRequest) -> bool:
        if not job.is_running or job.run != request.run:
            return False
        if request.scene is None:
            return True
        scene = self._jobs.get_scene(request.job_id, request.scene).value
        return scene.take == request.take and (not request.attempt_of_scene or scene.attempt == request.attempt)

    def _reserve(self, job: Versioned[Job], request: CallRequest, micros: int, change: Change) -> None:
        """Reserve what the plan did not hold. ``job`` was read before the calls are (rule 2)."""
        committed = committed_micros([read.value for read in self._jobs.list_calls(request.job_id)])
        budget = job.value.budget
        if committed + micros > budget.limit_micros:
            raise BudgetExceeded(
                f"budget_usd: {format_usd(budget.limit_micros)} USD do not hold {request.purpose} at up to "
                f"{format_usd(request.price_micros)} USD; {format_usd(committed)} USD are spent or reserved.",
                remedy=f"Resume with a limit of at least {format_usd(committed + micros)} USD.",
            )
        raised = job.value.evolve(budget=budget.evolve(version=budget.version + 1), updated=self._clock.now())
        self._jobs.write(Replace(request.job_id, job, raised), change)

    def _write_sent(self, claim: Acquired, request: CallRequest) -> Call:
        def attempt() -> Call | None:
            job = self._jobs.get_job(request.job_id)
            if not self._is_current(job.value, request):
                return None
            read = self._jobs.get_call(request.job_id, request.call_id)
            if read is None:
                return None
            if read.value.state is CallState.SENT and read.value.held_by(claim.holder):
                return read.value  # an earlier write of this claim, whose answer was lost
            times = SendTimes(request.timeout_s, request.window_s, self._pace)
            sent = call_rules.send(read.value, claim.holder, times, self._clock.now())
            if sent is not None:
                self._jobs.write(Replace(request.job_id, read, sent))
            return sent

        sent = self._jobs.retry_on_conflict(attempt)
        if sent is None:
            raise VersionConflict("The lease was lost before anything was sent.")
        return sent

    def _record(self, call: Call, rule: Callable[[Call, datetime], Call | None]) -> Call:
        """Apply a rule to the call as it is now; what the rule forbids is left as it is."""
        try:
            update = self._jobs.update_call(call.job, call.id, lambda read: rule(read, self._clock.now()))
        except NotFound:
            return call
        if update.is_written and update.after.is_finished and update.after.state is not update.before.state:
            log_call_ended(update.after, update.before.state)
        return update.after
