"""The request for a film: the same object by HTTPS, by ``gcloud workflows run`` and in an uploaded file.

Unknown fields are refused, and so is a known field whose feature is not built yet: no field is ignored.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    BaseModel,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from promptreel.domain.characters import check_characters, has_words, visible_length
from promptreel.domain.document import Frozen
from promptreel.domain.grade import GradeChoice
from promptreel.domain.models import Aspect, Quality, Resolution
from promptreel.domain.money import parse_usd
from promptreel.domain.own_frames import MAX_FRAMES, RequestedFrame, check_frames
from promptreel.domain.requested_references import MAX_REFERENCES, RequestedReference, refuse_repeated
from promptreel.domain.styles import OwnStyle
from promptreel.domain.timeline import TransitionKind
from promptreel.errors import Invalid

DEFAULT_LIMIT_MICROS = 25_000_000
MIN_PROMPT_CHARS, MAX_PROMPT_CHARS = 3, 20_000
MAX_SCENES = 60
DURATION_S = (4, 480)
MAX_FAULTS, MAX_FIELD_CHARS = 10, 100  # of a message that names what is wrong
CLOSE = 0.66  # likeness from which a field's name is taken for a misspelt one: `budget` for `budget_usd`


_APPROVED_AFTER = {"storyboard": "storyboard", "animatic": "keyframes"}


R = TypeVar("R", bound=Frozen)
GateStage = Literal["storyboard", "keyframes", "clips"]
"""A gate is named by the stage after which it is: nothing later is made or paid before a person approves."""


ContinuityChoice = Literal["chain", "sheet", "auto"]


class Transition(Frozen):
    """Between all neighbouring scenes of the film."""

    kind: TransitionKind = TransitionKind.CUT
    duration_s: float = Field(default=0.5, ge=0.1, le=2.0)


class Models(Frozen):
    """Model ids; one that is left out follows from ``quality``."""

    text: str | None = None
    image: str | None = None
    video: str | None = None


BudgetLimit = Annotated[Decimal, Field(gt=0, le=10_000, decimal_places=6)]

_STYLE_NAME, _OWN_STYLE = "style-name", "own-style"  # which of the two a style is taken for; never in a message
StyleChoice = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Tag(_STYLE_NAME)]
    | Annotated[OwnStyle, Tag(_OWN_STYLE)],
    Discriminator(lambda value: _OWN_STYLE if isinstance(value, Mapping | OwnStyle) else _STYLE_NAME),
]
"""A style's id or another name of it, a file in the prompts bucket (``styles/…``), or a style of one's own."""


class Resumption(Frozen):
    """What may change when a job is resumed."""

    budget_usd: BudgetLimit | None = None


class Approval(Frozen):
    """What a person approves, and where the job stops next.

    ``gate`` and ``revision`` of the plan are what was looked at: nothing else is approved by mistake. ``stop_after``
    adds a gate ahead; the same one stops the job there again once what was changed is redrawn.
    """

    gate: GateStage | None = None
    revision: int | None = Field(default=None, ge=1)
    stop_after: GateStage | None = None


class VideoChoice(Frozen):
    """The id of the video model; one that is left out follows from ``quality``."""

    video: str | None = None


class UpgradeRequest(Frozen):
    """What is to be better than in the finished film. Numbers of scenes; all of them where none is given."""

    scenes: Annotated[tuple[int, ...], Field(min_length=1, max_length=MAX_SCENES)] | None = None
    quality: Quality | None = None
    models: VideoChoice = VideoChoice()
    resolution: Resolution | None = None
    budget_usd: BudgetLimit | None = None


class FilmRequest(Frozen):
    """The request for one film, with the defaults of the fields that it leaves out."""

    prompt: Annotated[str, StringConstraints(strip_whitespace=True, max_length=MAX_PROMPT_CHARS)]
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None
    duration_s: float | None = Field(default=None, ge=DURATION_S[0], le=DURATION_S[1])
    scenes: int | None = Field(default=None, ge=1, le=MAX_SCENES)
    aspect: Aspect | None = None
    references: Annotated[tuple[RequestedReference, ...], Field(max_length=MAX_REFERENCES)] = ()
    frames: Annotated[tuple[RequestedFrame, ...], Field(max_length=MAX_FRAMES)] = ()
    style: StyleChoice | None = None
    template: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None
    resolution: Resolution = "720p"
    models: Models = Models()
    quality: Quality = "standard"
    budget_usd: BudgetLimit | None = None
    transition: Transition = Transition()
    clip_audio: bool = True
    seed: int | None = Field(default=None, ge=0, le=4_294_967_295)
    priority: Literal["standard", "high"] = "standard"
    cache: bool = True
    continuity: ContinuityChoice = "chain"
    checks: bool = True
    approval: Literal["none", "storyboard", "animatic"] = "none"
    stop_after: GateStage | None = None
    on_scene_failure: Literal["still", "omit", "fail"] = "still"
    grade: GradeChoice = "off"

    @property
    def limit_micros(self) -> int:
        """The budget, given or by default."""
        return DEFAULT_LIMIT_MICROS if self.budget_usd is None else parse_usd(self.budget_usd)

    @property
    def gates(self) -> tuple[GateStage, ...]:
        """The gates at which the job waits, in order. `approval` and `stop_after` may name the same one."""
        named = {_APPROVED_AFTER.get(self.approval), self.stop_after}
        return tuple(stage for stage in get_args(GateStage) if stage in named)

    @field_validator("prompt")
    @classmethod
    def _has_words(cls, prompt: str) -> str:
        if not visible_length(prompt):
            raise ValueError("is empty, or holds nothing that can be seen")
        if not has_words(prompt):
            raise ValueError("must contain words")
        if visible_length(prompt) < MIN_PROMPT_CHARS:
            raise ValueError(f"must have at least {MIN_PROMPT_CHARS} characters (2 in scripts such as Chinese or Thai)")
        return prompt

    @field_validator("title")
    @classmethod
    def _can_be_seen(cls, title: str | None) -> str | None:
        if title is not None and not visible_length(title):
            raise ValueError("holds nothing that can be seen")
        return title

    @field_validator("references")
    @classmethod
    def _are_given_once(cls, references: tuple[RequestedReference, ...]) -> tuple[RequestedReference, ...]:
        refuse_repeated(references)
        return references

    @field_validator("frames")
    @classmethod
    def _have_places(cls, frames: tuple[RequestedFrame, ...], info: ValidationInfo) -> tuple[RequestedFrame, ...]:
        check_frames(frames, info.data.get("scenes"))
        return frames

    @field_validator("duration_s", "scenes", "budget_usd", "seed", mode="before")
    @classmethod
    def _is_no_boolean(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError(f"must be a number, not {str(value).lower()}")  # noqa: TRY004 - pydantic wants ValueError
        return value


# Fields of the documented request that are not built yet: named, so that the refusal can say so.
_PLANNED_FIELDS = frozenset({"notify_url"})


def parse_request(payload: Any) -> FilmRequest:
    """The request in decoded JSON.

    Raises: Invalid naming each wrong field, its limit and the remedy.
    """
    if not isinstance(payload, dict):
        raise Invalid('The request must be a JSON object such as {"prompt": "A lighthouse at dawn"}.')
    for field in payload:
        if field in _PLANNED_FIELDS:
            raise Invalid(
                f"{field}: not supported yet.", code="not_supported_yet", remedy=f"Leave `{field}` out of the request."
            )
    return validate_fields(FilmRequest, payload)


def parse_resumption(payload: Any) -> Resumption:
    """The changes that a resume asks for. Raises: Invalid naming each wrong field."""
    return validate_fields(Resumption, payload)


def parse_approval(payload: Any) -> Approval:
    """What an approval says. Raises: Invalid naming each wrong field."""
    return validate_fields(Approval, payload)


def parse_upgrade(payload: Any) -> UpgradeRequest:
    """What an upgrade asks for. Raises: Invalid naming each wrong field, or when nothing is to be better."""
    asked = validate_fields(UpgradeRequest, payload)
    if asked.quality is None and asked.models.video is None and asked.resolution is None:
        raise Invalid(
            "The upgrade does not say what is to be better.",
            remedy="Set `quality`, `models.video` or `resolution`.",
        )
    return asked


def validate_fields(kind: type[R], payload: Any) -> R:
    """A value of this kind from decoded JSON. Raises: Invalid naming each wrong field."""
    check_characters(payload)
    try:
        return kind.model_validate(payload)
    except ValidationError as error:
        sentences = (_describe(kind, fault) for fault in error.errors()[:MAX_FAULTS])
        raise Invalid("; ".join(sentences), remedy="Correct the fields named.") from error


def _describe(kind: type[BaseModel], fault: Any) -> str:
    loc = tuple(name for name in fault["loc"] if name not in {_STYLE_NAME, _OWN_STYLE})
    field = ".".join(map(str, loc))[:MAX_FIELD_CHARS] or "request"
    if fault["type"] == "extra_forbidden":
        nearest = get_close_matches(str(loc[-1]).lower(), _known_fields(kind, loc), 1, CLOSE)
        return f"{field}: there is no such field" + (f"; did you mean `{nearest[0]}`?" if nearest else "")
    return f"{field}: {fault['msg'].removeprefix('Value error, ')}"


def _known_fields(kind: type[BaseModel], loc: tuple[int | str, ...]) -> Mapping[str, Any]:
    """The fields of the object that holds the one at ``loc``."""
    for name in loc[:-1]:
        known = kind.model_fields.get(str(name))  # none for a place in a list
        kind = next(_models_in(known.annotation), kind) if known else kind
    return kind.model_fields


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation names, inside unions too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
