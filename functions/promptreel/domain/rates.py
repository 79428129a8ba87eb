"""How often models gave an owner nothing usable: counts by model, kept beside the jobs and updated when one ends."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from pydantic import Field

from promptreel.domain import identifiers, remedies
from promptreel.domain.call import Call
from promptreel.domain.document import Document, Part, UtcDatetime
from promptreel.domain.states import CallState


class Attempts(Part):
    """Attempts with one model that ended, and how many of them gave nothing usable."""

    made: int = Field(default=0, ge=0)
    in_vain: int = Field(default=0, ge=0)

    def plus(self, other: "Attempts") -> "Attempts":
        """These and others."""
        return Attempts(made=self.made + other.made, in_vain=self.in_vain + other.in_vain)

    def since(self, earlier: "Attempts") -> "Attempts":
        """Those that came after an earlier count. A count never falls, whatever becomes of a call."""
        made = max(0, self.made - earlier.made)
        return Attempts(made=made, in_vain=min(made, max(0, self.in_vain - earlier.in_vain)))


History = Mapping[str, Attempts]
"""An owner's attempts by model id."""


class Rates(Document):
    """``rates/{digest of the owner}``: no name, no job, nothing that was asked for."""

    id: str
    attempts: Mapping[str, Attempts] = {}
    created: UtcDatetime
    updated: UtcDatetime

    @classmethod
    def of_nothing(cls, owner: str, now: datetime) -> "Rates":
        """The document of an owner of whom no job has ended."""
        return cls(id=rates_id(owner), created=now, updated=now)

    def plus(self, more: History, now: datetime) -> "Rates":
        """The counts with those of a job that has ended."""
        added = {model: self.attempts.get(model, Attempts()).plus(attempts) for model, attempts in more.items()}
        return self._copy_with({"attempts": {**self.attempts, **added}, "updated": now})


def rates_id(owner: str) -> str:
    """The id of an owner's document."""
    return identifiers.digest("rates", owner)


def refusal_share(usual: float, prior_attempts: int, attempts: Attempts) -> float:
    """The expected share of attempts in vain: the usual one, which weighs as so many attempts, and the owner's own.

    It is the mean of the Beta distribution that follows from both.
    """
    return (usual * prior_attempts + attempts.in_vain) / (prior_attempts + attempts.made)


def count_attempts(calls: Iterable[Call]) -> History:
    """What the calls of a job tell of their models.

    Copies, lost answers and failures that no other attempt could have met (a missing role, a retired model) tell
    nothing. A text that was followed by another attempt could not be used.
    """
    known = list(calls)
    latest = {(call.purpose, call.take): 0 for call in known}
    for call in known:
        latest[call.purpose, call.take] = max(call.attempt, latest[call.purpose, call.take])
    counts: dict[str, Attempts] = {}
    for call in filter(_tells, known):
        was_unusable = call.kind == "text" and call.attempt < latest[call.purpose, call.take]
        attempt = Attempts(made=1, in_vain=int(not call.has_output or was_unusable))
        counts[call.model] = counts.get(call.model, Attempts()).plus(attempt)
    return counts


def _tells(call: Call) -> bool:
    is_answered = call.is_finished and call.state is not CallState.LOST and call.sent_at is not None
    is_hopeless = bool(call.codes) and remedies.find_remedy(call.codes).stops_the_job
    return is_answered and call.source is None and call.counts_as_attempt and not is_hopeless
