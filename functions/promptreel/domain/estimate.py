"""What a film is expected to cost and how long it takes: the value that is shown, and stored on the job."""

from typing import Any

from promptreel.domain.document import Part
from promptreel.domain.money import format_usd


class Range(Part):
    """``low`` and ``high`` are bounds that nearly every job keeps, ``expected`` is the mean."""

    low: int
    expected: int
    high: int

    def times(self, factor: float) -> "Range":
        """The range of something that is so many times as much, in whole units."""
        return Range(
            low=round(self.low * factor), expected=round(self.expected * factor), high=round(self.high * factor)
        )

    def plus(self, other: "Range") -> "Range":
        """The sum, bound by bound."""
        return Range(low=self.low + other.low, expected=self.expected + other.expected, high=self.high + other.high)


class AssumedRefusals(Part):
    """The share of a model's attempts that is taken to be in vain, and how many attempts of the owner tell of it."""

    model: str
    share: float
    attempts: int


class Estimate(Part):
    """An estimate by stage, in micro-dollars; ``calls`` are all stages together, as the ledger will hold them.

    A stage includes what its refusals cost, so that rewritten prompts and redrawn keyframes of a refused clip belong to
    ``clips``. The bounds of the stages do not add up to those of ``calls``: not everything goes wrong at once.
    ``platform`` is paid to the cloud's owner and is not in the ledger.
    """

    scenes: tuple[int, int]  # the fewest and the most
    storyboard: Range
    keyframes: Range
    clips: Range
    calls: Range
    platform: Range
    wait_s: Range  # until the film is finished, in real seconds
    needed_micros: int  # a limit that certainly holds the plan
    refusals: tuple[AssumedRefusals, ...]


def describe_estimate(estimate: Estimate) -> dict[str, Any]:
    """The estimate as answers and reports show it: amounts are decimal text in USD."""
    stages = (("storyboard", estimate.storyboard), ("keyframes", estimate.keyframes), ("clips", estimate.clips))
    return {
        "scenes": {"fewest": estimate.scenes[0], "most": estimate.scenes[1]},
        "stages": [{"stage": stage, **_in_usd(price)} for stage, price in stages],
        "calls": _in_usd(estimate.calls),
        "platform": _in_usd(estimate.platform),
        "total": _in_usd(estimate.calls.plus(estimate.platform)),
        "needed_usd": format_usd(estimate.needed_micros),
        "wait_s": estimate.wait_s.model_dump(),
        "refusals": [one.model_dump() for one in estimate.refusals],
    }


def _in_usd(price: Range) -> dict[str, str]:
    return {f"{bound}_usd": format_usd(micros) for bound, micros in price.model_dump().items()}
