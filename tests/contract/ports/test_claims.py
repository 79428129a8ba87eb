"""The ledger over the real store: when many workers claim at once, one pays."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Lock
from uuid import uuid4

import pytest

from promptreel.adapters.firestore import FirestoreJobs
from promptreel.adapters.system import SystemClock, SystemIds
from promptreel.domain.call import committed_micros
from promptreel.domain.states import CallState
from promptreel.errors import BudgetExceeded, Transient, VersionConflict
from promptreel.ledger.claims import Acquired, Busy, CallRequest, Ledger
from promptreel.ports.storage import Change, Create, JobStore
from tests.factories import a_job


def a_ticket(number: int, price_micros: int = 1_000_000) -> CallRequest:
    return CallRequest(
        job_id="job-1",
        run=1,
        kind="image",
        model="m",
        purpose=f"keyframe/{number}",
        digest="d",
        price_micros=price_micros,
        timeout_s=60,
    )


def a_ledger(jobs: JobStore) -> Ledger:
    return Ledger(jobs, SystemClock(), SystemIds(), pace=1.0)


def test_one_request_is_sent_when_many_claim_one_call_at_once(jobs: JobStore) -> None:
    jobs.write(Create("job-1", a_job()))
    ledger, ticket, sent, lock = a_ledger(jobs), a_ticket(1), [], Lock()

    def deliver(number: int) -> None:
        claim = ledger.claim(ticket)
        if isinstance(claim, Acquired):

            def post(left_s: float) -> None:
                with lock:
                    sent.append(number)

            ledger.send(claim, ticket, post)

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(deliver, range(50)))

    (call,) = [read.value for read in jobs.list_calls("job-1")]
    assert len(sent) == 1
    assert call.state is CallState.SENT


def test_limit_holds_to_the_micro_when_extra_calls_are_claimed_at_once(firestore_jobs: FirestoreJobs) -> None:
    firestore_jobs.write(Create("job-1", a_job(budget={"limit_micros": 5_000_000})))
    ledger = a_ledger(firestore_jobs)

    def claim(number: int) -> bool:
        try:
            return isinstance(ledger.claim(a_ticket(number)), Acquired)
        except BudgetExceeded:
            return False

    with ThreadPoolExecutor(9) as pool:
        won = list(pool.map(claim, range(9)))

    assert sum(won) == 5
    assert committed_micros([read.value for read in firestore_jobs.list_calls("job-1")]) == 5_000_000


class Unreliable(FirestoreJobs):
    """The real store, whose commits are refused, or done and not answered, at these rates."""

    def __init__(self, refused: float, unanswered: float) -> None:
        super().__init__(f"local-{uuid4().hex[:8]}", "(default)")
        self._refused = refused
        self._unanswered = unanswered
        self._chance = random.Random(7)

    def write(self, *changes: Change) -> None:
        if self._chance.random() < self._refused:
            raise VersionConflict("refused precondition")
        super().write(*changes)
        if self._chance.random() < self._unanswered:
            raise VersionConflict("the client sent the commit again and lost against its own first one")


@pytest.mark.usefixtures("firestore_jobs")
@pytest.mark.parametrize(("refused", "unanswered"), [(0.0, 0.0), (0.25, 0.0), (0.0, 0.25), (0.15, 0.15)])
def test_budget_holds_when_sixty_calls_of_one_job_are_claimed_at_once(refused: float, unanswered: float) -> None:
    """Thirty planned calls, and thirty extra ones of which the limit holds twenty. Who is not heard comes again."""
    now = datetime.now(UTC)
    planned = [a_ticket(number).planned(now) for number in range(30)]
    jobs = Unreliable(refused, unanswered)
    job = Create("job-1", a_job(budget={"limit_micros": 50_000_000}))
    FirestoreJobs.write(jobs, job, *(Create("job-1", call) for call in planned))
    ledger = a_ledger(jobs)

    def deliver(number: int) -> str:
        while True:
            try:
                claim = ledger.claim(a_ticket(number))
            except Transient:
                continue  # answered 503: the queue delivers it again
            except BudgetExceeded:
                return "over budget"
            return "acquired" if isinstance(claim, Acquired) else "busy" if isinstance(claim, Busy) else "other"

    with ThreadPoolExecutor(60) as pool:
        claims = list(pool.map(deliver, range(60)))

    calls = [read.value for read in jobs.list_calls("job-1")]
    assert set(claims[:30]) <= {"acquired", "busy"}
    assert claims.count("over budget") == 10
    assert len(calls) == 50
    assert all(call.state is CallState.RESERVED for call in calls)
    assert len({call.lease.holder for call in calls if call.lease}) == 50
    assert committed_micros(calls) == 50_000_000
