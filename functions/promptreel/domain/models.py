"""The model registry: what each model can do and costs. Data are in data/models.json; nothing here names a model.

A price has the day it begins, because vendors change prices at midnight and a bill must still add up.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from promptreel.domain.money import per_million
from promptreel.errors import Invalid

Resolution = Literal["720p", "1080p", "4k"]
Aspect = Literal["16:9", "9:16"]
Quality = Literal["draft", "standard", "best"]
ImageSize = Literal["1K", "2K", "4K"]

GLOBAL = "global"
"""The location in which a text or image model has its list price."""

# Short side of a frame in pixels; aspect decides which side is short.
_SHORT_SIDE_PX: Mapping[str, int] = {"720p": 720, "1080p": 1080, "4k": 2160}


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Price(_Data):
    since: date


UsagePart = Literal["input", "output", "picture"]


class TokenUsage(_Data):
    """Tokens of one answer, as its price counts them. ``output`` is text and thinking, ``picture`` is drawn.

    ``assumed`` names the parts that the provider did not report: they count at the most that the call may use.
    """

    input: int
    output: int
    picture: int = 0
    assumed: tuple[UsagePart, ...] = ()


class Model(_Data):
    """What every model has. ``retires_not_before`` is the earliest day of retirement that the vendor announced.

    ``replaced_by`` is used in its place when the provider no longer offers it, where the plan's rules allow it.
    """

    id: str
    retires_not_before: date | None = None
    replaced_by: str | None = None

    @property
    def name_with_retirement(self) -> str:
        """Its name and, where one is announced, the day of its retirement."""
        day = self.retires_not_before
        return f"{self.id} (to be retired on {day} at the earliest)" if day else self.id


P = TypeVar("P", bound=_Price)


class TextPrice(_Price):
    """Micro-dollars per million tokens."""

    input: int
    output: int


class ImagePrice(_Price):
    """Micro-dollars per million tokens."""

    input: int
    text_output: int
    picture_output: int


class ClipPrice(_Price):
    """Micro-dollars per second of delivered video, by resolution."""

    with_audio: Mapping[str, int]
    silent: Mapping[str, int]


def _price_on(prices: tuple[P, ...], at: datetime) -> P:
    valid = [price for price in prices if price.since <= at.astimezone(UTC).date()]
    return max(valid, key=lambda price: price.since)


def _prices_from(prices: tuple[P, ...], at: datetime) -> list[P]:
    """The price of that day and those known to begin later: a reserved call may be sent on any day after it."""
    return [_price_on(prices, at), *(price for price in prices if price.since > at.astimezone(UTC).date())]


def _text_cost(usage: TokenUsage, price: TextPrice, location: str) -> int:
    return per_million((usage.input, price.input), (usage.output, price.output), tenths=_tenths(location))


def _image_cost(usage: TokenUsage, price: ImagePrice, location: str) -> int:
    return per_million(
        (usage.input, price.input),
        (usage.output, price.text_output),
        (usage.picture, price.picture_output),
        tenths=_tenths(location),
    )


def _tenths(location: str) -> int:
    """Tenths of the list price: 11 in every location but the global one.

    Source: Vertex AI prices, read 2026-10.
    """
    return 10 if location == GLOBAL else 11


class TextModel(Model):
    """A model that writes text. Lengths in tokens; output includes thinking."""

    max_output_tokens: int
    thinking_level: str = ""  # empty: the model's own
    timeout_s: int
    prices: tuple[TextPrice, ...]

    def cost_micros(self, usage: TokenUsage, at: datetime, location: str = GLOBAL) -> int:
        """What this usage costs when the call is sent on that day."""
        return _text_cost(usage, _price_on(self.prices, at), location)

    def max_micros(self, usage: TokenUsage, at: datetime, location: str = GLOBAL) -> int:
        """The most that this usage costs when the call is sent on that day or later."""
        return max(_text_cost(usage, price, location) for price in _prices_from(self.prices, at))


class ImageModel(Model):
    """A model that draws images. Lengths in tokens; output includes thinking and images.

    ``max_prompt_tokens`` is what promptreel sends, ``output_tokens`` what a first request may produce.
    """

    max_prompt_tokens: int
    max_references: int
    reference_tokens: int
    output_tokens: int
    max_output_tokens: int
    thinking_level: str = ""  # empty: the model's own
    timeout_s: int
    picture_tokens: Mapping[str, int]
    prices: tuple[ImagePrice, ...]

    def cost_micros(self, usage: TokenUsage, at: datetime, location: str = GLOBAL) -> int:
        """What this usage costs when the call is sent on that day."""
        return _image_cost(usage, _price_on(self.prices, at), location)

    def max_micros(self, usage: TokenUsage, at: datetime, location: str = GLOBAL) -> int:
        """The most that this usage costs when the call is sent on that day or later."""
        return max(_image_cost(usage, price, location) for price in _prices_from(self.prices, at))


class VideoModel(Model):
    """A model that films clips. Durations in whole seconds, latencies in seconds from the submit."""

    fps: int
    aspects: tuple[Aspect, ...]
    durations_s: Mapping[str, tuple[int, ...]]
    first_and_last_frame: bool
    max_prompt_chars: int
    usual_latency_s: int
    longest_latency_s: int
    timeout_s: int
    fallback: str | None = None  # films the same shot when this one refuses it; never dearer, so that no bill surprises
    prices: tuple[ClipPrice, ...]

    def cost_micros(self, seconds: int, resolution: Resolution, at: datetime, *, audio: bool) -> int:
        """Price of one delivered clip; it is known exactly before the call."""
        price = _price_on(self.prices, at)
        return seconds * (price.with_audio if audio else price.silent)[resolution]


M = TypeVar("M", TextModel, ImageModel, VideoModel)


class ModelChoice(_Data):
    """One model of each kind, by id."""

    text: str
    image: str
    video: str


class Registry(_Data):
    """All models promptreel may use, and what each quality level means."""

    comment: str
    defaults: Mapping[Quality, ModelChoice]
    text: tuple[TextModel, ...]
    image: tuple[ImageModel, ...]
    video: tuple[VideoModel, ...]

    def text_model(self, model_id: str) -> TextModel:
        """The text model of this id. Raises: Invalid when there is none."""
        return _find(self.text, model_id, "models.text")

    def image_model(self, model_id: str) -> ImageModel:
        """The image model of this id. Raises: Invalid when there is none."""
        return _find(self.image, model_id, "models.image")

    def video_model(self, model_id: str) -> VideoModel:
        """The video model of this id. Raises: Invalid when there is none."""
        return _find(self.video, model_id, "models.video")

    def model(self, model_id: str) -> Model | None:
        """A model of any kind; None for one that the registry no longer names."""
        models: tuple[Model, ...] = (*self.text, *self.image, *self.video)
        return next((model for model in models if model.id == model_id), None)


def _find(models: tuple[M, ...], model_id: str, field: str) -> M:
    for model in models:
        if model.id == model_id:
            return model
    known = ", ".join(model.id for model in models)
    raise Invalid(f"{field}: no model is called {model_id!r}.", code="unknown_model", remedy=f"Known here: {known}.")


def frame_size_px(resolution: Resolution, aspect: Aspect) -> tuple[int, int]:
    """Width and height of a film frame in pixels."""
    short = _SHORT_SIDE_PX[resolution]
    long = short * 16 // 9
    return (long, short) if aspect == "16:9" else (short, long)


@cache
def registry() -> Registry:
    """The registry that ships with the code, validated once."""
    return Registry.model_validate_json(resources.files("promptreel.data").joinpath("models.json").read_bytes())
