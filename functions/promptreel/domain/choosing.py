"""Which models make a film: those the request names, else the cheapest that meet it, each with its reason. Pure."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar, get_args

from promptreel.domain.document import Part
from promptreel.domain.models import (
    Aspect,
    ImageModel,
    LipsyncModel,
    Model,
    Resolution,
    TextModel,
    VideoModel,
    VideoProtocol,
    lipsync_refusal,
    registry,
)
from promptreel.domain.money import format_usd
from promptreel.domain.request import FilmRequest
from promptreel.errors import Invalid

M = TypeVar("M", bound=Model)

_NAMED = "named in the request"


class ChosenModel(Part):
    """A model of a plan, and why it was chosen."""

    kind: Literal["text", "image", "video"]
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Choice(Generic[M]):
    """A model and why it is chosen."""

    model: M
    reason: str


def choose_text_model(request: FilmRequest, at: datetime) -> Choice[TextModel]:
    """The text model of a film. Raises: Invalid for one that cannot be used."""
    default = registry().defaults[request.quality].text
    return _choose_named_or_default(request.models.text, default, registry().text_model, at)


def choose_image_model(request: FilmRequest, at: datetime) -> Choice[ImageModel]:
    """The image model of a film. Raises: Invalid for one that cannot be used."""
    default = registry().defaults[request.quality].image
    return _choose_named_or_default(request.models.image, default, registry().image_model, at)


def list_video_models(
    request: FilmRequest, aspect: Aspect, at: datetime, protocols: Collection[VideoProtocol]
) -> list[Choice[VideoModel]]:
    """The models that may film this, the cheapest first; only the named one where the request names one.

    A model past its announced end is used only where the request names it.

    Args:
        request: What the film must meet: its quality, resolution and sound.
        aspect: The film's shape.
        at: When the request came: it decides prices and which models have ended.
        protocols: The video backends that are switched on.

    Raises: Invalid for a model that cannot be used here, or when none films this.
    """
    named = request.models.video
    if named is not None:
        candidates = [Choice(_require_usable(registry().video_model(named), protocols), _NAMED)]
    else:
        eligible = [model for model in registry().video if request.quality in model.qualities]
        live = (_follow_successors(model, registry().video_model, at) for model in eligible)
        candidates = [choice for choice in live if choice.model.protocol in protocols]
    fitting = {one.model.id: one for one in candidates if _films(one.model, request, aspect)}
    if not fitting:
        raise _unknown_format(request, aspect, [one.model for one in candidates])

    def second_micros(model: VideoModel) -> int:
        return model.second_micros(request.resolution, at, audio=request.clip_audio)

    cheapest_first = sorted(fitting.values(), key=lambda one: second_micros(one.model))
    return [
        Choice(
            one.model,
            one.reason
            or f"the cheapest for quality {request.quality} at {request.resolution} that films these lengths: "
            f"{format_usd(second_micros(one.model))} USD a second",
        )
        for one in cheapest_first
    ]


def find_obstacle(model: Model, protocols: Collection[VideoProtocol]) -> Invalid | None:
    """Why a request may not name this model here, as the refusal says it; None when it may.

    ``protocols`` are the video backends that are switched on.
    """
    if isinstance(model, LipsyncModel):
        return lipsync_refusal(model.id)
    if model.stage == "retired":
        name_another = f"Name {model.replaced_by} instead, or leave" if model.replaced_by else "Leave"
        return Invalid(
            f"models: {model.id} was switched off by its vendor.",
            code="model_retired",
            remedy=f"{name_another} the field out.",
        )
    if isinstance(model, VideoModel) and model.protocol not in protocols:
        return Invalid(
            f"models.video: {model.id} is filmed by a backend that is switched off here.",
            code="backend_off",
            remedy=f"Leave out `models.video`. Operators switch it on by a token of {model.provider}: docs/deploy.md.",
        )
    return None


def ending_warnings(models: Collection[Model], at: datetime) -> list[str]:
    """One sentence for each model whose announced end has passed or is near."""
    return [
        f"{model.id} may be switched off from {model.retires_not_before} on."
        + (f" {model.replaced_by} takes its place where it fits." if model.replaced_by else "")
        for model in models
        if model.ends_soon(at)
    ]


def _choose_named_or_default(named: str | None, default: str, find: Callable[[str], M], at: datetime) -> Choice[M]:
    if named is not None:
        return Choice(_require_usable(find(named)), _NAMED)
    choice = _follow_successors(find(default), find, at)
    return Choice(choice.model, choice.reason or "the default of this quality")


def _follow_successors(model: M, find: Callable[[str], M], at: datetime) -> Choice[M]:
    """The model, or the first of its successors whose end has not come; the last one when all have ended."""
    live = model
    while live.has_ended(at) and live.replaced_by and live.replaced_by != model.id:
        live = find(live.replaced_by)
    if live is model:
        return Choice(model, "")
    return Choice(live, f"takes the place of {model.id}, whose end was announced for {model.retires_not_before}")


def _require_usable(model: M, protocols: Collection[VideoProtocol] = ()) -> M:
    obstacle = find_obstacle(model, protocols)
    if obstacle is not None:
        raise obstacle
    return model


def _films(model: VideoModel, request: FilmRequest, aspect: Aspect) -> bool:
    return request.resolution in model.durations_s and aspect in model.aspects


def _unknown_format(request: FilmRequest, aspect: Aspect, models: Sequence[VideoModel]) -> Invalid:
    capable = [model.id for model in registry().video if _films(model, request, aspect) and model.stage != "retired"]
    filmed = {resolution for model in models for resolution in model.durations_s}
    known = list(get_args(Resolution))  # smallest first
    resolutions = [resolution for resolution in known if resolution in filmed]
    nearest = min(resolutions, key=lambda one: abs(known.index(one) - known.index(request.resolution)))
    subject = request.models.video or f"quality {request.quality}"
    return Invalid(
        f"resolution: {subject} films {', '.join(resolutions)}, not {request.resolution}.",
        remedy=f"Set `resolution` to {nearest}, or `models.video` to {' or '.join(capable)}.",
    )
