"""Estimate the film of a request: free, no model is called, nothing is stored."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from promptreel.domain.estimate import Estimate
from promptreel.domain.estimating import estimate_film
from promptreel.domain.piece_costs import Basis
from promptreel.domain.planning import FilmSpec, accept
from promptreel.domain.rates import Counts
from promptreel.domain.request import FilmRequest
from promptreel.errors import UnreadableDocument
from promptreel.ports.storage import JobStore
from promptreel.services import Services

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class EstimatedRequest:
    """A request that is fit to be submitted, with every choice made, and its estimate."""

    request: FilmRequest
    spec: FilmSpec
    estimate: Estimate


def estimate_request(owner: str, payload: Any, at: datetime, services: Services) -> EstimatedRequest:
    """Check a request as a submission does, and estimate its film by what models and owner have shown.

    Raises: Invalid; BudgetExceeded with the amount needed.
    """
    request, spec = accept(payload, at, services.protocols)
    basis = Basis(at=at, history=_history(owner, services.jobs), keep_days=services.keep / DAY, pace=services.pace)
    return EstimatedRequest(request, spec, estimate_film(request, spec, basis))


def _history(owner: str, jobs: JobStore) -> Counts:
    """The owner's attempts; none where another version has stored them in a way that this one cannot read."""
    with suppress(UnreadableDocument):
        rates = jobs.get_rates(owner)
        return rates.value.attempts if rates else ()
    return ()
