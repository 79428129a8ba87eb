"""What a film is expected to cost and how long it takes: the value that is shown, and stored on the job.

`assumptions` is what estimates assume beside the model registry. Data are in data/estimate.json, with their sources.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

from promptreel.domain.document import Frozen, Part
from promptreel.domain.money import format_usd

Stage = Literal["storyboard", "sheets", "keyframes", "check", "clips"]
STAGES: tuple[Stage, ...] = get_args(Stage)
_EVERY_FILM: frozenset[Stage] = frozenset({"storyboard", "keyframes", "clips"})


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


NOTHING = Range(low=0, expected=0, high=0)


class AssumedRefusals(Part):
    """The share of a model's attempts that is taken to be in vain, and how many attempts of the owner tell of it."""

    model: str
    share: float
    attempts: int


class Estimate(Part):
    """An estimate by stage, in micro-dollars; ``calls`` are all stages together, as the ledger will hold them.

    A stage includes what its refusals cost, so that rewritten prompts and redrawn keyframes of a refused clip belong to
    ``clips``, and the keyframes that the continuity check has drawn again to ``check``. The bounds of the stages do not
    add up to those of ``calls``: not everything goes wrong at once.
    ``platform`` is paid to the cloud's owner and is not in the ledger.
    """

    scenes: tuple[int, int]  # the fewest and the most
    storyboard: Range
    sheets: Range = NOTHING
    keyframes: Range
    check: Range = NOTHING
    clips: Range
    calls: Range
    platform: Range
    wait_s: Range  # until the film is finished, in real seconds
    needed_micros: int  # a limit that certainly holds the plan
    refusals: tuple[AssumedRefusals, ...]


def describe_estimate(estimate: Estimate) -> dict[str, Any]:
    """The estimate as answers and reports show it: amounts are decimal text in USD."""
    prices: dict[Stage, Range] = {stage: getattr(estimate, stage) for stage in STAGES}
    stages = {stage: price for stage, price in prices.items() if stage in _EVERY_FILM or price.high}
    return {
        "scenes": {"fewest": estimate.scenes[0], "most": estimate.scenes[1]},
        "stages": [{"stage": stage, **_in_usd(price)} for stage, price in stages.items()],
        "calls": _in_usd(estimate.calls),
        "platform": _in_usd(estimate.platform),
        "total": _in_usd(estimate.calls.plus(estimate.platform)),
        "needed_usd": format_usd(estimate.needed_micros),
        "wait_s": estimate.wait_s.model_dump(),
        "refusals": [one.model_dump() for one in estimate.refusals],
    }


def _in_usd(price: Range) -> dict[str, str]:
    return {f"{bound}_usd": format_usd(micros) for bound, micros in price.model_dump().items()}


class Tokens(Frozen):
    """What texts, keyframes and clips use; ``few`` and ``many`` say how much that varies from film to film."""

    bytes_per_token: int
    share_of_limit: float
    keyframe_prompt: int
    keyframe_words: int
    clip_prompt: int
    clip_words: int
    rewrite_prompt: int
    check_prompt: int
    few: float
    many: float


class Seconds(Frozen):
    """How long the parts of a film take at pace 1."""

    first_words: float
    tokens_per_second: float
    keyframe: float
    step: float
    until_polled: float
    cut: float
    cut_per_second: Mapping[str, float]
    fast: float
    slow: float


class SheetCounts(Frozen):
    """How many sheets a film has."""

    few: int
    usual: int
    many: int


class Pictures(Frozen):
    """What is drawn of a film before its storyboard tells.

    ``shown`` is how many sheets a keyframe is drawn from, ``drifting_share`` how many keyframes the check has drawn
    again, ``drawn_at_once`` how many pictures at most are drawn at the same time.
    """

    sheets: SheetCounts
    shown: int
    drifting_share: float
    drawn_at_once: int


class Sizes(Frozen):
    """How much is stored, and how often services are called: for a film, for each of its scenes, for each poll."""

    clip_mb_per_second: Mapping[str, float]
    keyframe_mb: float
    workflow_steps: Mapping[str, float]
    reads: Mapping[str, float]
    writes: Mapping[str, float]
    requests: Mapping[str, float]


class PlatformPrices(Frozen):
    """Micro-dollars."""

    vcpu_second: float
    gib_second: float
    request: float
    workflow_step: float
    read: float
    write: float
    task: float
    gb_month: float


class Assumptions(Frozen):
    """The file's content."""

    comment: str
    prior_attempts: int
    tokens: Tokens
    seconds: Seconds
    pictures: Pictures
    clips_per_minute: Mapping[str, float]
    sizes: Sizes
    vcpus: Mapping[str, float]
    gib: Mapping[str, float]
    platform: PlatformPrices


@cache
def assumptions() -> Assumptions:
    """What estimates assume, validated once."""
    return Assumptions.model_validate_json(resources.files("promptreel.data").joinpath("estimate.json").read_bytes())
