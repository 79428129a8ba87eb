"""How often models gave an owner nothing usable: counts by model, kept beside the jobs and updated when one ends."""

from collections.abc import Iterable
from datetime import datetime
from math import sqrt

from pydantic import Field

from promptreel.domain import identifiers, remedies
from promptreel.domain.call import Call
from promptreel.domain.document import Document, Part, UtcDatetime
from promptreel.domain.states import CallState


class Attempts(Part):
    """Attempts with one model that ended, and how many of them gave nothing usable."""

    made: int = Field(default=0, ge=0)
    in_vain: int = Field(default=0, ge=0)


class ModelAttempts(Attempts):
    """The attempts with the model of this id."""

    model: str

    def plus(self, more: Attempts) -> "ModelAttempts":
        """These and others."""
        return self.evolve(made=self.made + more.made, in_vain=self.in_vain + more.in_vain)

    def without(self, earlier: Attempts) -> "ModelAttempts":
        """Those that came after an earlier count. A count never falls, whatever becomes of a call."""
        made = max(0, self.made - earlier.made)
        return self.evolve(made=made, in_vain=min(made, max(0, self.in_vain - earlier.in_vain)))


Counts = tuple[ModelAttempts, ...]
"""Attempts of several models, each named once."""


class Rates(Document):
    """``rates/{digest of the owner}``: no name, no job, nothing that was asked for."""

    id: str
    attempts: Counts = ()
    created: UtcDatetime
    updated: UtcDatetime

    @classmethod
    def of_nothing(cls, owner: str, now: datetime) -> "Rates":
        """The document of an owner of whom no job has ended."""
        return cls(id=rates_id(owner), created=now, updated=now)

    def plus(self, more: Counts, now: datetime) -> "Rates":
        """The counts with those of a job that has ended."""
        return self._copy_with({"attempts": add_counts(self.attempts, more), "updated": now})


def attempts_with(model: str, counts: Iterable[ModelAttempts]) -> ModelAttempts:
    """The attempts with one model, none where it was not used."""
    return next((one for one in counts if one.model == model), ModelAttempts(model=model))


def add_counts(known: Counts, more: Counts) -> Counts:
    """Both counts together."""
    models = dict.fromkeys(one.model for one in (*known, *more))
    return tuple(attempts_with(model, known).plus(attempts_with(model, more)) for model in models)


def count_since(known: Counts, counts: Counts) -> Counts:
    """What a job's later count has more than an earlier one."""
    fresh = (one.without(attempts_with(one.model, known)) for one in counts)
    return tuple(one for one in fresh if one.made)


def rates_id(owner: str) -> str:
    """The id of an owner's document."""
    return identifiers.digest("rates", owner)


def refusal_share(usual: float, prior_attempts: int, attempts: Attempts) -> tuple[float, float]:
    """Mean and standard deviation of the share of attempts in vain.

    They are those of the Beta distribution that follows from the usual share, which weighs as so many attempts, and
    from the owner's own.
    """
    weight = prior_attempts + attempts.made
    share = (usual * prior_attempts + attempts.in_vain) / weight
    return share, sqrt(share * (1 - share) / (weight + 1))


def count_attempts(calls: Iterable[Call]) -> Counts:
    """What the calls of a job tell of their models.

    Copies, lost answers and failures that no other attempt could have met (a missing role, a retired model) tell
    nothing. A text that was followed by another attempt could not be used.
    """
    known = list(calls)
    latest = {(call.purpose, call.take): 0 for call in known}
    for call in known:
        latest[call.purpose, call.take] = max(call.attempt, latest[call.purpose, call.take])
    counts: Counts = ()
    for call in filter(_tells, known):
        was_unusable = call.kind == "text" and call.attempt < latest[call.purpose, call.take]
        in_vain = not call.has_output or was_unusable
        counts = add_counts(counts, (ModelAttempts(model=call.model, made=1, in_vain=int(in_vain)),))
    return counts


def _tells(call: Call) -> bool:
    is_answered = call.is_finished and call.state is not CallState.LOST and call.sent_at is not None
    is_hopeless = bool(call.codes) and remedies.find_remedy(call.codes).stops_the_job
    return is_answered and call.source is None and call.counts_as_attempt and not is_hopeless
