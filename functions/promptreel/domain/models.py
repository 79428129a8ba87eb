"""The model registry: what each model can do and costs. Data are in data/models.json; nothing here names a model.

A price has the day it begins, because vendors change prices at midnight and a bill must still add up.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, model_validator

from promptreel.domain.document import Frozen
from promptreel.domain.money import per_million
from promptreel.errors import Invalid

Resolution = Literal["720p", "1080p", "4k"]
Aspect = Literal["16:9", "9:16"]
Quality = Literal["draft", "standard", "best"]
ImageSize = Literal["1K", "2K", "4K"]
Protocol = Literal["veo", "interactions", "predictions"]
"""Which API films with a model."""
ClipMode = Literal["text", "first", "first_last", "references", "extend"]
"""What a clip is filmed from: words alone, one or both of its frames, pictures of what it shows, or another clip."""

_PROTOCOLS_WITH_ADAPTER: frozenset[Protocol] = frozenset({"veo"})

GLOBAL = "global"
"""The location in which a text or image model has its list price."""

# Short side of a frame in pixels; aspect decides which side is short.
_SHORT_SIDE_PX: Mapping[str, int] = {"720p": 720, "1080p": 1080, "4k": 2160}


class _Price(Frozen):
    since: date


UsagePart = Literal["input", "output", "picture"]


class TokenUsage(Frozen):
    """Tokens of one answer, as its price counts them. ``output`` is text and thinking, ``picture`` is drawn.

    ``assumed`` names the parts that the provider did not report: they count at the most that the call may use.
    """

    input: int
    output: int
    picture: int = 0
    assumed: tuple[UsagePart, ...] = ()


class Model(Frozen):
    """What every model has. ``retires_not_before`` is the earliest day of retirement that the vendor announced.

    ``replaced_by`` is used in its place when the provider no longer offers it, where the plan's rules allow it.
    """

    id: str
    stage: Literal["preview", "ga", "retired"]
    timeout_s: int
    released: date | None = None
    retires_not_before: date | None = None
    replaced_by: str | None = None


P = TypeVar("P", bound=_Price)


class TextPrice(_Price):
    """Micro-dollars per million tokens."""

    input: int
    output: int

    def cost_micros(self, usage: TokenUsage, location: str) -> int:
        """What this usage costs."""
        return per_million((usage.input, self.input), (usage.output, self.output), tenths=_tenths(location))


class ImagePrice(_Price):
    """Micro-dollars per million tokens."""

    input: int
    text_output: int
    picture_output: int

    def cost_micros(self, usage: TokenUsage, location: str) -> int:
        """What this usage costs."""
        return per_million(
            (usage.input, self.input),
            (usage.output, self.text_output),
            (usage.picture, self.picture_output),
            tenths=_tenths(location),
        )


class SecondPrices(Frozen):
    """Micro-dollars per second of delivered video, by resolution."""

    with_audio: Mapping[str, int]
    silent: Mapping[str, int]


class TokenPrices(Frozen):
    """Micro-dollars per million tokens."""

    input: int
    text_output: int
    video_output: int


class ClipPrice(_Price):
    """What a clip costs: either by its seconds or by the tokens that the provider reports."""

    per_second: SecondPrices | None = None
    per_million_tokens: TokenPrices | None = None

    @model_validator(mode="after")
    def _has_one_kind(self) -> "ClipPrice":
        if (self.per_second is None) == (self.per_million_tokens is None):
            raise ValueError("a clip's price is either per_second or per_million_tokens")
        return self


def _list_seconds(value: Any) -> Any:
    """Every whole second of a range; a list as it is."""
    return tuple(range(value["from"], value["to"] + 1)) if isinstance(value, Mapping) else value


Seconds = Annotated[tuple[int, ...], BeforeValidator(_list_seconds)]
"""Whole seconds that a clip may last; in the data a list, or a range as ``{"from": 3, "to": 10}``."""


def _price_on(prices: tuple[P, ...], at: datetime) -> P:
    valid = [price for price in prices if price.since <= at.astimezone(UTC).date()]
    return max(valid, key=lambda price: price.since)


def _prices_from(prices: tuple[P, ...], at: datetime) -> list[P]:
    """The price of that day and those known to begin later: a reserved call may be sent on any day after it."""
    return [_price_on(prices, at), *(price for price in prices if price.since > at.astimezone(UTC).date())]


def _tenths(location: str) -> int:
    """Tenths of the list price: 11 in every location but the global one.

    Source: Vertex AI prices, read 2026-10.
    """
    return 10 if location == GLOBAL else 11


class TokenModel(Model):
    """A model that is paid by the token. Lengths in tokens; output includes thinking and images."""

    max_output_tokens: int
    thinking_level: str = ""  # empty: the model's own
    prices: tuple[TextPrice | ImagePrice, ...]

    def cost_micros(self, usage: TokenUsage, at: datetime, location: str = GLOBAL) -> int:
        """What this usage costs when the call is sent on that day."""
        return _price_on(self.prices, at).cost_micros(usage, location)

    def max_micros(self, usage: TokenUsage, at: datetime, location: str = GLOBAL) -> int:
        """The most that this usage costs when the call is sent on that day or later."""
        return max(price.cost_micros(usage, location) for price in _prices_from(self.prices, at))


class TextModel(TokenModel):
    """A model that writes text."""

    sampling: Literal["ignored", "refused"]  # what becomes of temperature, topP and topK
    prices: tuple[TextPrice, ...]


class ImageModel(TokenModel):
    """A model that draws images.

    ``max_prompt_tokens`` is what promptreel sends, ``output_tokens`` what a first request may produce.
    """

    max_prompt_tokens: int
    max_references: int
    reference_tokens: int
    output_tokens: int
    picture_tokens: Mapping[str, int]
    prices: tuple[ImagePrice, ...]


class VideoModel(Model):
    """A model that films clips. Durations in whole seconds, latencies in seconds from the submit.

    ``seconds`` and ``frame_px`` go by resolution; a mode that is left out of ``seconds`` cannot be filmed.
    ``lost_calls`` is how a submit whose answer was lost is found again; ``inputs`` are the input names of a prediction.
    """

    protocol: Protocol
    location: str | None = None  # None: the configured location
    fps: int
    aspects: tuple[Aspect, ...]
    frame_px: Mapping[str, tuple[int, int]]  # landscape
    seconds: Mapping[ClipMode, Mapping[str, Seconds]]
    sound: Literal["never", "optional", "always"]
    max_references: int
    negative_prompt: bool
    safety_settings: bool
    seed: bool
    max_prompt_chars: int
    usual_latency_s: int
    longest_latency_s: int
    quota_per_minute: int | None = None
    lost_calls: Literal["prefix", "list", "none"]
    fallback: str | None = None  # films the same shot when this one refuses it; never dearer, so that no bill surprises
    inputs: Mapping[str, str] = {}
    prices: tuple[ClipPrice, ...]
    tokens_per_second: Mapping[str, int] = {}  # of delivered video, by resolution
    picture_tokens_in: int | None = None

    @property
    def durations_s(self) -> Mapping[str, tuple[int, ...]]:
        """Seconds that a clip between two given frames may last, by resolution."""
        return self.seconds.get("first_last", {})

    @property
    def first_and_last_frame(self) -> bool:
        """Whether it films between two given frames."""
        return bool(self.durations_s)

    @property
    def has_adapter(self) -> bool:
        """Whether promptreel can call it."""
        return self.protocol in _PROTOCOLS_WITH_ADAPTER

    def cost_micros(self, seconds: int, resolution: Resolution, at: datetime, *, audio: bool) -> int:
        """Price of one delivered clip; it is known exactly before the call.

        Raises: ValueError for a model that is billed by the tokens it reports.
        """
        price = _price_on(self.prices, at).per_second
        if price is None:
            raise ValueError(f"{self.id} has no price per second")
        return seconds * (price.with_audio if audio else price.silent)[resolution]


M = TypeVar("M", bound=Model)


class ModelChoice(Frozen):
    """One model of each kind, by id."""

    text: str
    image: str
    video: str


class Registry(Frozen):
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
        """The video model of this id. Raises: Invalid when there is none that promptreel can call."""
        usable = self.usable_video_models
        if any(model.id == model_id for model in self.video if not model.has_adapter):
            raise Invalid(
                f"models.video: {model_id} is not usable yet.",
                code="unknown_model",
                remedy=f"Usable: {', '.join(model.id for model in usable)}.",
            )
        return _find(usable, model_id, "models.video")

    @property
    def usable_video_models(self) -> tuple[VideoModel, ...]:
        """The video models that promptreel can call."""
        return tuple(model for model in self.video if model.has_adapter)

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
