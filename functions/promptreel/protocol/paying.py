"""Text and pictures: calls whose answer cannot be fetched again.

The artifact is stored before SETTLED is written, so a settled call always has its answer (DESIGN §5.6).
"""

from collections.abc import Callable
from dataclasses import dataclass

from promptreel.domain.models import TokenUsage
from promptreel.domain.states import CallState
from promptreel.errors import AnswerLost, QuotaExhausted, Refused, Unpaid
from promptreel.ports import ArtifactStore, Clock
from promptreel.protocol.ledger import Busy, Claim, Closed, Ledger, Mine, Paid, Ticket

MAX_ATTEMPTS = 40  # tries, forgiven ones, and calls that were released because the job ended before they were made


@dataclass(frozen=True, slots=True)
class Made:
    """An answer to keep: its bytes, what it used and what that costs."""

    data: bytes
    usage: TokenUsage
    cost_micros: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """Where an answer is kept."""

    path: str
    content_type: str


def pay(
    ticket: Ticket,
    artifact: Artifact,
    post: Callable[[float], Made],
    *,
    ledger: Ledger,
    artifacts: ArtifactStore,
    clock: Clock,
) -> Claim:
    """Make one call unless it is made; afterwards it is `Paid`, `Closed`, `Busy` or `Superseded`, never `Mine`.

    Raises: QuotaExhausted (nothing is paid, the same call may be sent again); BudgetExceeded.
    """
    claim = ledger.claim(ticket)
    if isinstance(claim, Busy) and claim.call.state is CallState.UNCERTAIN:
        if artifacts.exists(artifact.path):
            return Paid(ledger.adopt(claim.call, artifacts.uri(artifact.path)))
        return Closed(ledger.give_up(claim.call, clock.now(), "The answer was lost and cannot be fetched again."))
    if not isinstance(claim, Mine):
        return claim
    try:
        made = ledger.send(claim, ticket, post)
    except Unpaid as error:
        raise QuotaExhausted(error.reason) from error
    except Refused as error:
        return Closed(claim.call.evolve(reason=error.reason, codes=error.codes, updated=clock.now()))
    except AnswerLost as error:
        return Closed(ledger.give_up(claim.call, clock.now(), error.reason))
    uri = artifacts.put(artifact.path, made.data, artifact.content_type)
    return Paid(ledger.settle(claim.call, cost_micros=made.cost_micros, artifact=uri, usage=made.usage))
