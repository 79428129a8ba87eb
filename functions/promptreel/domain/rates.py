"""How often models gave an owner nothing usable: counts by model, kept beside the jobs and updated when one ends."""

from collections.abc import Mapping

from pydantic import Field

from promptreel.domain.document import Part


class Attempts(Part):
    """Attempts with one model that ended, and how many of them gave nothing usable."""

    made: int = Field(default=0, ge=0)
    in_vain: int = Field(default=0, ge=0)


History = Mapping[str, Attempts]
"""An owner's attempts by model id."""


def refusal_share(usual: float, prior_attempts: int, attempts: Attempts) -> float:
    """The expected share of attempts in vain: the usual one, which weighs as so many attempts, and the owner's own.

    It is the mean of the Beta distribution that follows from both.
    """
    return (usual * prior_attempts + attempts.in_vain) / (prior_attempts + attempts.made)
