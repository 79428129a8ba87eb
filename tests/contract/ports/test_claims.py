"""The ledger over the real store: many hands at once, one payment (D5, D6)."""

from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from promptreel.adapters.firestore import FirestoreJobs
from promptreel.adapters.system import SystemClock, SystemIds
from promptreel.domain.ledger import committed_micros
from promptreel.domain.states import CallState
from promptreel.errors import BudgetExceeded
from promptreel.ports import Create, JobStore
from promptreel.protocol.ledger import Ledger, Mine, Ticket
from tests.factories import a_job


def a_ticket(number: int, price_micros: int = 1_000_000) -> Ticket:
    return Ticket(
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


def test_one_call_when_claimed_by_many_at_once_then_one_has_it_and_one_request_leaves(jobs: JobStore) -> None:
    jobs.write(Create("job-1", a_job()))
    ledger, ticket, sent, lock = a_ledger(jobs), a_ticket(1), [], Lock()

    def deliver(number: int) -> None:
        claim = ledger.claim(ticket)
        if isinstance(claim, Mine):

            def post(left_s: float) -> None:
                with lock:
                    sent.append(number)

            ledger.send(claim, ticket, post)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(deliver, range(12)))

    (call,) = [read.value for read in jobs.calls("job-1")]
    assert len(sent) == 1
    assert call.state is CallState.SENT


def test_extra_calls_when_claimed_at_once_then_the_limit_holds_to_the_micro(firestore_jobs: FirestoreJobs) -> None:
    firestore_jobs.write(Create("job-1", a_job(budget={"limit_micros": 5_000_000})))
    ledger = a_ledger(firestore_jobs)

    def claim(number: int) -> bool:
        try:
            return isinstance(ledger.claim(a_ticket(number)), Mine)
        except BudgetExceeded:
            return False

    with ThreadPoolExecutor(9) as pool:
        won = list(pool.map(claim, range(9)))

    assert sum(won) == 5
    assert committed_micros([read.value for read in firestore_jobs.calls("job-1")]) == 5_000_000
