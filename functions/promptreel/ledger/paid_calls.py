"""Text and images: calls whose answer cannot be fetched a second time.

The artifact is stored before SETTLED is written, so a settled call always has its answer (ledger rule 6).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from promptreel.domain.call_rules import Receipt
from promptreel.domain.states import CallState
from promptreel.domain.tariffs import ReportedUsage, Tariff
from promptreel.errors import AnswerLost, QuotaExhausted, Refused, Throttled, Transient, Unpaid
from promptreel.ledger.claims import Acquired, Busy, CallRequest, EndedWithoutOutput, Ledger, Paid, Superseded
from promptreel.ledger.reuse import reuse
from promptreel.ports.models import Declined
from promptreel.ports.storage import ArtifactStore
from promptreel.ports.system import Clock

MAX_ATTEMPTS = 40  # tries, forgiven ones, and calls that were released because the job ended before they were made
STORING_S = 20.0  # of a request's time, for scaling and storing what came


def last_answer(now: datetime, request_s: float) -> datetime:
    """Until when answers may come in a request that began now and is cut off after so many seconds."""
    return now + timedelta(seconds=request_s - STORING_S)


@contextmanager
def unpaid_as_transient() -> Iterator[None]:
    """Raise Transient for a call that is certainly unpaid and may be sent later; QuotaExhausted for the rate limit."""
    try:
        yield
    except Throttled as error:
        raise QuotaExhausted(error.reason) from error
    except Unpaid as error:
        raise Transient(error.reason, code="not_sent") from error


@dataclass(frozen=True, slots=True)
class Made:
    """An answer to keep: its bytes, what the provider reported that it used, and what is to be said of it."""

    data: bytes
    usage: ReportedUsage
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """A paid call to make: where and as what its answer is kept, its price, and the latest moment for its answer."""

    request: CallRequest
    path: str
    content_type: str
    tariff: Tariff
    until: datetime
    connect: Callable[[], None]
    """Makes ready what the call needs, before it is claimed."""


def pay(
    order: Order,
    post: Callable[[float], Made | Declined],
    ledger: Ledger,
    artifacts: ArtifactStore,
    clock: Clock,
) -> Paid | EndedWithoutOutput | Busy | Superseded:
    """Make one call unless it has been made.

    Returns:
        The claim afterwards. `Busy` also when the answer might come after ``order.until``: a request that is cut off
        there pays for an answer that is lost.

    Raises: QuotaExhausted, Transient (nothing is paid, the same call may be sent again); BudgetExceeded.
    """
    request = order.request
    order.connect()
    if clock.now() + timedelta(seconds=request.timeout_s) > order.until:
        return Busy(request.planned(clock.now()), wait_s=0.0)
    claim = reuse(ledger.claim(request), request, ledger, artifacts)
    if isinstance(claim, Busy) and claim.call.state is CallState.UNCERTAIN:
        if artifacts.exists(order.path):
            return Paid(ledger.adopt(claim.call, artifacts.uri(order.path)))
        return EndedWithoutOutput(
            ledger.give_up(claim.call, clock.now(), "The answer was lost and cannot be fetched again.")
        )
    if not isinstance(claim, Acquired):
        return claim
    try:
        with unpaid_as_transient():
            made = ledger.send(claim, request, post)
    except Refused as error:
        return EndedWithoutOutput(claim.call.evolve(reason=error.reason, codes=error.codes, updated=clock.now()))
    except AnswerLost as error:
        return EndedWithoutOutput(ledger.give_up(claim.call, clock.now(), error.reason))
    usage = order.tariff.complete(made.usage)
    cost_micros = order.tariff.cost_micros(usage, clock.now())
    if isinstance(made, Declined):
        return EndedWithoutOutput(ledger.settle(claim.call, Receipt(cost_micros, None, usage, made.reason, made.codes)))
    uri = artifacts.put(order.path, made.data, order.content_type)
    return Paid(ledger.settle(claim.call, Receipt(cost_micros, uri, usage, made.remark)), made.data)
