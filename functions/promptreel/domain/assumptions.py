"""What an estimate assumes beside the model registry. Data are in data/estimate.json, with their sources."""

from collections.abc import Mapping
from functools import cache
from importlib import resources

from promptreel.domain.document import Frozen


class Tokens(Frozen):
    """What texts, keyframes and clips use; ``few`` and ``many`` say how much that varies from film to film."""

    bytes_per_token: int
    share_of_limit: float
    keyframe_prompt: int
    keyframe_words: int
    clip_prompt: int
    clip_words: int
    rewrite_prompt: int
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
    clips_per_minute: Mapping[str, float]
    sizes: Sizes
    vcpus: Mapping[str, float]
    gib: Mapping[str, float]
    platform: PlatformPrices


@cache
def assumptions() -> Assumptions:
    """What estimates assume, validated once."""
    return Assumptions.model_validate_json(resources.files("promptreel.data").joinpath("estimate.json").read_bytes())
