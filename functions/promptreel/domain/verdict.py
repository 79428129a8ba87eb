"""The judge's answer: how well each keyframe keeps to what the film has shown and said. Pure.

Docstrings and descriptions are part of the schema that is sent: a change of them changes the prompt and its price.
"""

from collections.abc import Collection, Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from promptreel.domain.document import Frozen

Aspect = Literal["cast", "clothing", "props", "place", "light", "style"]
ASPECTS: tuple[Aspect, ...] = get_args(Aspect)
Score = Annotated[float, Field(ge=0, le=1)]
MAX_DRIFT_CHARS = 300


class CheckLimits(Frozen):
    """What data/continuity.json says of the check."""

    comment: str
    passing_score: float
    redraws_of_one: int
    redrawn_one_in: int
    pictures_a_request: int
    answer_tokens: int
    verdict_tokens: int
    patience_s: float


@cache
def check_limits() -> CheckLimits:
    """The limits, validated once."""
    return CheckLimits.model_validate_json(resources.files("promptreel.data").joinpath("continuity.json").read_bytes())


class PictureVerdict(BaseModel):
    """How well one picture keeps to the others and to the film's texts, from 0 (wrong) to 1 (the same)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    picture: int = Field(description="Number of the picture")
    cast: Score = Field(description="Faces, bodies and hair")
    clothing: Score = Field(description="What they wear")
    props: Score = Field(description="Things and products")
    place: Score = Field(description="Layout and materials of the place")
    light: Score = Field(description="Time of day, direction and colour of the light")
    style: Score = Field(description="Medium and technique")
    drift: str = Field(default="", description="What differs and how it should look; empty if nothing does")
    worst: Literal["none", "cast", "clothing", "props", "place", "light", "style"] = Field(
        default="none", description="The aspect with the lowest score; none if nothing differs"
    )

    @property
    def scores(self) -> Mapping[Aspect, float]:
        """The score of each aspect."""
        return {aspect: getattr(self, aspect) for aspect in ASPECTS}


class Verdict(BaseModel):
    """The verdicts on the pictures that are to be judged."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pictures: list[PictureVerdict]


def parse_verdict(text: str, numbers: Collection[int]) -> Mapping[int, PictureVerdict]:
    """The verdict on each of the pictures with these numbers.

    Raises: ValueError with a message for the model: what is wrong and where.
    """
    try:
        verdicts = Verdict.model_validate_json(text).pictures
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'the answer'}: {fault['msg']}" for fault in error.errors()[:5]
        )
        raise ValueError(faults) from error
    judged = [verdict.picture for verdict in verdicts]
    if sorted(judged) != sorted(numbers):
        wanted = ", ".join(map(str, sorted(numbers)))
        raise ValueError(f"pictures: {wanted} are to be judged, each once, not {', '.join(map(str, judged)) or 'none'}")
    for verdict in verdicts:
        _check(verdict)
    return {verdict.picture: verdict for verdict in verdicts}


def _check(verdict: PictureVerdict) -> None:
    lowest = min(verdict.scores.values())
    if lowest >= check_limits().passing_score:
        return
    if not verdict.drift.strip():
        raise ValueError(f"picture {verdict.picture}: `drift` must say what differs where a score is {lowest:g}")
    if verdict.worst == "none" or verdict.scores[verdict.worst] > lowest:
        worst = min(ASPECTS, key=lambda aspect: verdict.scores[aspect])
        raise ValueError(f"picture {verdict.picture}: `worst` must be the aspect with the lowest score, {worst}")
