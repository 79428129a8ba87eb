"""Carry out a request once for each Idempotency-Key of a caller, and answer every repetition alike (docs/adr/0028)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from promptreel.domain.stored_answer import StoredAnswer, answer_id
from promptreel.errors import Conflict, NotFound
from promptreel.ports.storage import Change, Create, Delete, JobStore, Replace
from promptreel.services import Services

WAIT_S = 0.2
LONGEST_WAIT = timedelta(seconds=10)  # for another worker that is at the same request


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with an Idempotency-Key. ``fingerprint`` differs when the request differs."""

    caller: str
    key: str
    fingerprint: str

    @property
    def id(self) -> str:
        """The id of the document of its key."""
        return answer_id(self.caller, self.key)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry the request out; ``holder`` is None when it is carried out once more without a record."""

    id: str
    holder: str | None


def claim_request(request: KeyedRequest, services: Services) -> Claim | StoredAnswer:
    """Begin to carry the request out, or return the answer that was given to it.

    While another worker is at it, this one waits for its answer; a worker that died is replaced after its lease.

    Raises: Conflict when the key stands for another request, when its job was deleted, and when the other worker
    takes longer than a caller should wait.
    """
    clock = services.clock
    give_up = clock.now() + LONGEST_WAIT
    while True:
        claimed = services.jobs.retry_on_conflict(lambda: _claim(request, services))
        if claimed is not None:
            return claimed
        if clock.now() >= give_up:
            raise Conflict(
                "The first request with this Idempotency-Key is still being carried out.",
                code="request_in_progress",
                remedy="Repeat the request with the same key in a moment.",
                retry_after_s=1,
            )
        clock.sleep(WAIT_S)


def _claim(request: KeyedRequest, services: Services) -> Claim | StoredAnswer | None:
    """None while another worker is at the request."""
    jobs, now, holder = services.jobs, services.clock.now(), services.ids.new_token()
    read = jobs.get_answer(request.id)
    fresh = StoredAnswer.begin(request.id, request.fingerprint, holder, now)
    if read is None:
        return _write(Create("", fresh), holder, jobs)
    stored = read.value
    if stored.expires <= now:
        return _write(Replace("", read, fresh), holder, jobs)
    if stored.fingerprint != request.fingerprint:
        raise Conflict(
            "This Idempotency-Key already stands for another request.",
            code="idempotency_key_reused",
            remedy="Send the first request again, or use a new key for another one.",
        )
    if stored.status is None:
        return None if stored.lease > now else _write(Replace("", read, stored.taken_over(holder, now)), holder, jobs)
    if stored.body is None:
        return Claim(request.id, None)
    _refuse_deleted(stored, services)
    return stored


def _write(change: Change, holder: str, jobs: JobStore) -> Claim:
    jobs.write(change)
    return Claim(change.value.id, holder)


def _refuse_deleted(stored: StoredAnswer, services: Services) -> None:
    """Raises: Conflict for an answer about a job that was deleted since: nothing of it is shown any more."""
    if stored.job is None:
        return
    try:
        is_deleted = services.jobs.get_job(stored.job).value.is_hidden(services.clock.now())
    except NotFound:
        is_deleted = True
    if is_deleted:
        raise Conflict(
            "The film that this Idempotency-Key asked for was deleted.",
            code="job_deleted",
            remedy="Use a new key for a new film.",
        )


def keep_answer(claim: Claim, status: int, body: str | None, job: str | None, services: Services) -> None:
    """Store the answer for repetitions; without a ``body`` they are carried out again."""
    _end(claim, services, lambda stored: stored.answered(status, body, job, services.clock.now()))


def give_back(claim: Claim, services: Services, *, had_no_effect: bool) -> None:
    """End a request that was refused or broke. A refused one had no effect: its key is free for a corrected one."""
    if had_no_effect:
        _end(claim, services, None)
    else:
        _end(claim, services, lambda stored: stored.interrupted(services.clock.now()))


def _end(claim: Claim, services: Services, change: Callable[[StoredAnswer], StoredAnswer] | None) -> None:
    """Change the document of the key, or delete it, unless another worker has taken the request over."""
    jobs = services.jobs

    def attempt() -> None:
        read = jobs.get_answer(claim.id)
        if read is not None and read.value.holder == claim.holder:
            jobs.write(Delete("", read) if change is None else Replace("", read, change(read.value)))

    if claim.holder is not None:
        jobs.retry_on_conflict(attempt)
