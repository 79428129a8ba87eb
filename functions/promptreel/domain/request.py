"""What a person asks for. The same object by HTTPS, by ``gcloud workflows run`` and in an uploaded file.

Unknown fields are refused, and so is a known field whose feature is not built yet: nothing asked for is ignored.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from promptreel.domain.models import Aspect, Quality, Resolution
from promptreel.domain.timeline import TransitionKind
from promptreel.errors import Invalid

MAX_PROMPT_CHARS = 20_000
MAX_SCENES = 60


class _Wish(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


W = TypeVar("W", bound=_Wish)


class Transition(_Wish):
    """Between all neighbouring scenes of the film."""

    kind: TransitionKind = TransitionKind.CUT
    duration_s: float = Field(default=0.5, ge=0.1, le=2.0)


class Models(_Wish):
    """Model ids; what is left out follows from ``quality``."""

    text: str | None = None
    image: str | None = None
    video: str | None = None


Limit = Annotated[Decimal, Field(gt=0, le=10_000, decimal_places=6)]


class Resumption(_Wish):
    """What may change when a job goes on."""

    budget_usd: Limit | None = None


class FilmRequest(_Wish):
    """A film, as asked for."""

    prompt: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=MAX_PROMPT_CHARS)]
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None
    duration_s: float | None = Field(default=None, ge=4, le=480)
    scenes: int | None = Field(default=None, ge=1, le=MAX_SCENES)
    aspect: Aspect | None = None
    resolution: Resolution = "720p"
    models: Models = Models()
    quality: Quality = "standard"
    budget_usd: Limit | None = None
    transition: Transition = Transition()
    clip_audio: bool = True
    seed: int | None = Field(default=None, ge=0, le=4_294_967_295)
    priority: Literal["standard", "high"] = "standard"
    continuity: Literal["chain"] = "chain"
    approval: Literal["none"] = "none"
    on_scene_failure: Literal["still", "omit", "fail"] = "still"

    @field_validator("prompt")
    @classmethod
    def _has_words(cls, prompt: str) -> str:
        if not any(character.isalpha() for character in prompt):
            raise ValueError("must contain words")
        return prompt


# Fields and values of the documented request that are not built yet: named, so that the refusal can say so.
_PLANNED_FIELDS = frozenset({"style", "references", "notify_url"})
_PLANNED_VALUES = {
    "continuity": frozenset({"sheet"}),
    "approval": frozenset({"storyboard", "animatic"}),
}


def parse_request(wish: Any) -> FilmRequest:
    """The request in decoded JSON.

    Raises: Invalid naming each wrong field, its limit and the way out.
    """
    if not isinstance(wish, dict):
        raise Invalid('The request must be a JSON object such as {"prompt": "A lighthouse at dawn"}.')
    for field, value in wish.items():
        unbuilt = field in _PLANNED_FIELDS or (
            isinstance(value, str) and value in _PLANNED_VALUES.get(field, frozenset())
        )
        if unbuilt:
            raise Invalid(
                f"{field}: {value!r} is not supported yet."
                if field in _PLANNED_VALUES
                else f"{field}: not supported yet.",
                code="not_supported_yet",
                remedy=f"Leave `{field}` out of the request.",
            )
    return _checked(FilmRequest, wish)


def parse_resumption(wish: Any) -> Resumption:
    """What is to change on resume. Raises: Invalid naming each wrong field."""
    return _checked(Resumption, wish)


def _checked(kind: type[W], wish: Any) -> W:
    try:
        return kind.model_validate(wish)
    except ValidationError as error:
        raise Invalid("; ".join(map(_sentence, error.errors())), remedy="Correct the fields named.") from error


def _sentence(fault: Any) -> str:
    field = ".".join(map(str, fault["loc"])) or "request"
    if fault["type"] == "extra_forbidden":
        return f"{field}: there is no such field"
    return f"{field}: {fault['msg'].removeprefix('Value error, ')}"
