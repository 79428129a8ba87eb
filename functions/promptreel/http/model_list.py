"""The registry as the API shows it: what each model can do and costs, and whether a request may name it here. Pure."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from promptreel.domain.choosing import find_obstacle
from promptreel.domain.models import (
    ImageModel,
    LipsyncModel,
    Model,
    Registry,
    TextModel,
    VideoModel,
    VideoProtocol,
    price_on,
)
from promptreel.http.responses import format_time

_MODEL_FIELDS = {"id", "stage", "released", "retires_not_before", "replaced_by"}
_VIDEO_FIELDS = {"protocol", "location", "aspects", "sound", "max_references", "max_prompt_chars", "quota_per_minute"}


def describe_models(registry: Registry, at: datetime, protocols: Collection[VideoProtocol]) -> dict[str, Any]:
    """Every model, with the prices of that day. ``protocols`` are the video backends that are switched on."""
    return {
        "at": format_time(at),
        "models": [
            *({**_common(registry, model, at, protocols), **_text(model, at)} for model in registry.text),
            *({**_common(registry, model, at, protocols), **_image(model, at)} for model in registry.image),
            *({**_common(registry, model, at, protocols), **_video(model, at)} for model in registry.video),
            *({**_common(registry, model, at, protocols), **_lipsync(model, at)} for model in registry.lipsync),
        ],
    }


def _common(registry: Registry, model: Model, at: datetime, protocols: Collection[VideoProtocol]) -> dict[str, Any]:
    """``obstacle`` is the problem that a request gets which names the model; no ``location``: the deployment's."""
    obstacle = find_obstacle(model, protocols)
    return {
        **model.model_dump(mode="json", include=_MODEL_FIELDS),
        "provider": model.provider,
        "protocol": None,
        "location": None,
        "has_ended": model.has_ended(at),
        "ends_soon": model.ends_soon(at),
        "usable": obstacle is None,
        "obstacle": obstacle and {"code": obstacle.code, "message": obstacle.message, "remedy": obstacle.remedy},
        "qualities": list(registry.qualities(model)),
    }


def _text(model: TextModel, at: datetime) -> dict[str, Any]:
    price = price_on(model.prices, at)
    return {
        "kind": "text",
        "max_output_tokens": model.max_output_tokens,
        "price": {
            "since": price.since.isoformat(),
            "per_million_tokens_micros": {"input": price.input, "output": price.output},
        },
    }


def _image(model: ImageModel, at: datetime) -> dict[str, Any]:
    price = price_on(model.prices, at)
    return {
        "kind": "image",
        "max_prompt_tokens": model.max_prompt_tokens,
        "max_references": model.max_references,
        "price": {
            "since": price.since.isoformat(),
            "per_million_tokens_micros": price.model_dump(exclude={"since"}),
            "per_image_micros": {size: model.image_micros(size, at) for size in model.picture_tokens},
        },
    }


def _video(model: VideoModel, at: datetime) -> dict[str, Any]:
    """``seconds`` and ``frame_px`` are what a film may use: clips between two keyframes."""
    price = price_on(model.prices, at)
    tokens = price.per_million_tokens
    return {
        "kind": "video",
        **model.model_dump(mode="json", include=_VIDEO_FIELDS),
        "seconds": {resolution: list(seconds) for resolution, seconds in model.durations_s.items()},
        "frame_px": {
            resolution: {aspect: list(model.size_px(resolution, aspect)) for aspect in model.aspects}
            for resolution in model.durations_s
        },
        "price": {
            "since": price.since.isoformat(),
            "per_second_micros": _second_prices(model, at),
            "per_million_tokens_micros": tokens.model_dump() if tokens else None,
        },
    }


def _lipsync(model: LipsyncModel, at: datetime) -> dict[str, Any]:
    """``unconfirmed`` names the fields of the registry that no page of the vendor confirms."""
    price = price_on(model.prices, at)
    return {
        "kind": "lipsync",
        "protocol": model.protocol,
        "inputs": list(model.inputs.values()),
        "unconfirmed": list(model.unconfirmed),
        "price": {"since": price.since.isoformat(), "per_output_second_micros": price.per_second},
    }


def _second_prices(model: VideoModel, at: datetime) -> Mapping[str, Mapping[str, int] | None]:
    """By sound, then resolution; None for what the model does not film."""
    return {
        name: {resolution: model.second_micros(resolution, at, audio=audio) for resolution in model.durations_s}
        if model.films_sound(wanted=audio) is audio
        else None
        for name, audio in (("with_audio", True), ("silent", False))
    }
