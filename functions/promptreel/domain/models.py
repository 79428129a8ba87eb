"""The model registry: what each model can do and costs. Data are in data/models.json; nothing here names a model.

A price has the day it begins, because vendors change prices at midnight and a bill must still add up.
"""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from promptreel.domain.document import Frozen
from promptreel.domain.money import per_million
from promptreel.errors import Invalid

Resolution = Literal["360p", "720p", "1080p", "4k"]
Aspect = Literal["16:9", "9:16"]
Quality = Literal["draft", "standard", "best"]
ImageSize = Literal["512", "1K", "2K", "4K"]
VideoProtocol = Literal["veo", "interactions", "predictions"]
"""Which API films with a model."""
ClipMode = Literal["text", "first", "first_last", "references", "extend"]
"""What a clip is filmed from: words alone, one or both of its frames, pictures of what it shows, or another clip."""

GLOBAL = "global"
"""The location in which a text or image model has its list price."""

RESERVED_EXTRA_S, RESERVED_TEXT_TOKENS = 1, 1000
"""Reserved beyond a clip that is paid by tokens: it may come a little longer, and with words."""
BYTES_PER_CHAR = 4
"""At most; no text has more tokens than bytes."""

PROVIDERS: Mapping[VideoProtocol, str] = {"veo": "Vertex AI", "interactions": "Vertex AI", "predictions": "Replicate"}
"""Whose API a protocol is. Texts and images come from Vertex AI."""

RETIREMENT_NOTICE = timedelta(days=60)
"""How long before the announced end of a model its films carry a warning."""


class _Price(Frozen):
    since: date


UsagePart = Literal["input", "output", "picture"]


class TokenUsage(Frozen):
    """Tokens of one answer, as its price counts them. ``output`` is text and thinking, ``picture`` is media.

    ``assumed`` names the parts that the provider did not report: they count at the most that the call may use.
    """

    input: int
    output: int
    picture: int = 0
    assumed: tuple[UsagePart, ...] = ()


class Model(Frozen):
    """What every model has. ``retires_not_before`` is the earliest day of retirement that the vendor announced.

    ``replaced_by`` is used in its place when the provider no longer offers it, where the plan's rules allow it.
    ``usual_refusals`` is the share of attempts without a usable answer, from 0 to 1, before an owner has made any.
    """

    id: str
    stage: Literal["preview", "ga", "retired"]
    timeout_s: int
    released: date | None = None
    retires_not_before: date | None = None
    replaced_by: str | None = None
    usual_refusals: float = Field(default=0.05, ge=0, lt=1)

    @property
    def provider(self) -> str:
        """Who offers it."""
        return "Vertex AI"

    def has_ended(self, at: datetime) -> bool:
        """Whether it is switched off, or may be from a day on that has come."""
        return self.stage == "retired" or self._ends_by(at)

    def ends_soon(self, at: datetime) -> bool:
        """Whether its announced end has passed, or comes within the time of notice."""
        return self._ends_by(at + RETIREMENT_NOTICE)

    def _ends_by(self, at: datetime) -> bool:
        return self.retires_not_before is not None and at.astimezone(UTC).date() >= self.retires_not_before


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


def price_on(prices: tuple[P, ...], at: datetime) -> P:
    """The price of that day; before the first one, the first one."""
    ordered = sorted(prices, key=lambda price: price.since)
    begun = [price for price in ordered if price.since <= at.astimezone(UTC).date()]
    return begun[-1] if begun else ordered[0]


def _prices_from(prices: tuple[P, ...], at: datetime) -> list[P]:
    """The price of that day and those known to begin later: a reserved call may be sent on any day after it."""
    return [price_on(prices, at), *(price for price in prices if price.since > at.astimezone(UTC).date())]


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
        return price_on(self.prices, at).cost_micros(usage, location)

    def max_micros(self, usage: TokenUsage, at: datetime, location: str = GLOBAL) -> int:
        """The most that this usage costs when the call is sent on that day or later."""
        return max(price.cost_micros(usage, location) for price in _prices_from(self.prices, at))


class TextModel(TokenModel):
    """A model that writes text.

    ``max_pictures`` is how many pictures a prompt may have, ``picture_tokens_in`` what one of them counts at most.
    """

    sampling: Literal["ignored", "refused"]  # what becomes of temperature, topP and topK
    max_pictures: int
    picture_tokens_in: int
    prices: tuple[TextPrice, ...]


class ImageModel(TokenModel):
    """A model that draws images.

    ``max_prompt_tokens`` is what promptreel sends, ``output_tokens`` what a first request for a 1K image may produce.
    ``picture_px`` is what it draws at 16:9, by size.
    """

    max_prompt_tokens: int
    max_references: int
    reference_tokens: int
    output_tokens: int
    picture_tokens: Mapping[ImageSize, int]
    picture_px: Mapping[ImageSize, tuple[int, int]]
    prices: tuple[ImagePrice, ...]

    @model_validator(mode="after")
    def _has_pixels_and_tokens_of_every_size(self) -> "ImageModel":
        if set(self.picture_px) != set(self.picture_tokens):
            raise ValueError(f"{self.id}: picture_px and picture_tokens must have the same sizes")
        return self

    def size_for(self, frame_px: tuple[int, int]) -> ImageSize:
        """The smallest size that covers the frame, so that nothing is enlarged; the largest when none does."""
        by_area = sorted(self.picture_px, key=lambda size: math.prod(self.picture_px[size]))
        return next((size for size in by_area if self.covers(size, frame_px)), by_area[-1])

    def covers(self, size: ImageSize, frame_px: tuple[int, int]) -> bool:
        """Whether an image of this size is at least as large as the frame, whichever way both stand."""
        drawn, frame = sorted(self.picture_px[size]), sorted(frame_px)
        return drawn[0] >= frame[0] and drawn[1] >= frame[1]

    def first_output_tokens(self, size: ImageSize) -> int:
        """What a first request for an image of this size may produce: a large image has more tokens than a 1K one."""
        return self.output_tokens + max(0, self.picture_tokens[size] - self.picture_tokens["1K"])

    def image_micros(self, size: ImageSize, at: datetime) -> int:
        """List price of one image, without what its prompt and the model's thinking cost."""
        return self.cost_micros(TokenUsage(input=0, output=0, picture=self.picture_tokens[size]), at)


class VideoModel(Model):
    """A model that films clips. Durations in whole seconds, latencies in seconds from the submit.

    ``seconds`` and ``frame_px`` go by resolution; a mode that is left out of ``seconds`` cannot be filmed.
    ``lost_calls`` is how a submit whose answer was lost is found again. ``inputs`` are the input names of a prediction,
    ``resolution_inputs`` what it calls resolutions. ``qualities`` are the levels for which it may be chosen unasked.
    """

    protocol: VideoProtocol
    location: str | None = None  # None: the configured location
    qualities: tuple[Quality, ...] = ()
    fps: int
    aspects: tuple[Aspect, ...]
    frame_px: Mapping[Resolution, tuple[int, int]]  # landscape
    seconds: Mapping[ClipMode, Mapping[Resolution, Seconds]]
    sound: Literal["never", "optional", "always"]
    max_references: int
    negative_prompt: bool
    safety_settings: bool
    seed: bool
    max_prompt_chars: int
    prompt_ending: str | None = None  # the last sentence of every prompt
    usual_latency_s: int
    longest_latency_s: int
    quota_per_minute: int | None = None
    lost_calls: Literal["prefix", "list", "none"]
    fallback: str | None = None  # films the same shot when this one refuses it; never dearer, so that no bill surprises
    inputs: Mapping[str, str] = {}
    resolution_inputs: Mapping[str, str] = {}
    prices: tuple[ClipPrice, ...]
    tokens_per_second: Mapping[str, int] = {}  # of delivered video, by resolution
    picture_tokens_in: int = 0  # of one frame that a clip is filmed from

    @property
    def provider(self) -> str:
        """Who offers it."""
        return PROVIDERS[self.protocol]

    @model_validator(mode="after")
    def _has_size_and_price_of_every_resolution(self) -> "VideoModel":
        for resolution in self.durations_s:
            tables: list[Mapping[Any, Any]] = [self.frame_px]
            for price in self.prices:
                if price.per_second is None:
                    tables.append(self.tokens_per_second)
                else:
                    tables += [price.per_second.with_audio] if self.sound != "never" else []
                    tables += [price.per_second.silent] if self.sound != "always" else []
            if not all(resolution in table for table in tables):
                raise ValueError(f"{self.id} has no frame size or price for {resolution}")
        return self

    @property
    def durations_s(self) -> Mapping[Resolution, tuple[int, ...]]:
        """Seconds that a clip between two given frames may last, by resolution."""
        return self.seconds.get("first_last", {})

    def clip_seconds(self, duration_s: int, resolution: Resolution) -> int | None:
        """Seconds of the shortest clip from which a scene of this length can be cut; None when there is none."""
        return min((length for length in self.durations_s.get(resolution, ()) if length >= duration_s), default=None)

    def can_film(self, duration_s: int, resolution: Resolution, aspect: Aspect, fps: int) -> bool:
        """Whether its clip of a scene of this length fits among those of a film of this format."""
        is_legal = self.clip_seconds(duration_s, resolution) is not None
        return is_legal and self.fps == fps and aspect in self.aspects

    def size_px(self, resolution: Resolution, aspect: Aspect) -> tuple[int, int]:
        """Width and height of its frames in pixels."""
        width, height = self.frame_px[resolution]
        return (width, height) if aspect == "16:9" else (height, width)

    def films_sound(self, *, wanted: bool) -> bool:
        """Whether its clips come with sound when the film wants it or does not."""
        return self.sound == "always" or (wanted and self.sound == "optional")

    def second_micros(self, resolution: Resolution, at: datetime, *, audio: bool) -> int:
        """Price of one delivered second, without what a model that is paid by tokens counts for prompt and frames."""
        price = price_on(self.prices, at)
        if price.per_second is None:
            return _clip_tokens_cost(price, TokenUsage(input=0, output=0, picture=self.tokens_per_second[resolution]))
        sound = self.films_sound(wanted=audio)
        return (price.per_second.with_audio if sound else price.per_second.silent)[resolution]

    def max_micros(self, duration_s: int, resolution: Resolution, at: datetime, *, audio: bool) -> int:
        """The most that the clip of a scene costs, which is the exact price of a model that is paid by the second.

        Raises: ValueError for a length or resolution that it does not film.
        """
        seconds, price = self.clip_seconds(duration_s, resolution), price_on(self.prices, at)
        if seconds is None:
            raise ValueError(f"{self.id} films no {duration_s} s at {resolution}")
        if price.per_second is not None:
            return seconds * self.second_micros(resolution, at, audio=audio)
        usage = TokenUsage(
            input=BYTES_PER_CHAR * self.max_prompt_chars + 2 * self.picture_tokens_in,
            output=RESERVED_TEXT_TOKENS,
            picture=(seconds + RESERVED_EXTRA_S) * self.tokens_per_second[resolution],
        )
        return _clip_tokens_cost(price, usage)

    def cost_micros(self, usage: TokenUsage | None, sent_at: datetime, reserved_micros: int) -> int:
        """What a clip cost: by its tokens if it is paid by tokens and they were counted, else what was reserved."""
        price = price_on(self.prices, sent_at)
        if usage is None or price.per_million_tokens is None:
            return reserved_micros
        return _clip_tokens_cost(price, usage)


class LipsyncPrice(_Price):
    """Micro-dollars per second of delivered video."""

    per_second: int


class LipsyncModel(Model):
    """A model that moves the lips of a filmed person to a recorded voice. promptreel does not use any yet.

    ``inputs`` are the input names of a prediction. ``unconfirmed`` are fields that no page of the vendor confirms.
    """

    protocol: VideoProtocol
    inputs: Mapping[str, str]
    prices: tuple[LipsyncPrice, ...]
    unconfirmed: tuple[str, ...] = ()

    @property
    def provider(self) -> str:
        """Who offers it."""
        return PROVIDERS[self.protocol]


def _clip_tokens_cost(price: ClipPrice, usage: TokenUsage) -> int:
    tokens = price.per_million_tokens
    if tokens is None:
        raise ValueError("a price by the second counts no tokens")
    return per_million(
        (usage.input, tokens.input), (usage.output, tokens.text_output), (usage.picture, tokens.video_output)
    )


M = TypeVar("M", bound=Model)


class ModelChoice(Frozen):
    """One model of each kind, by id."""

    text: str
    image: str


class Registry(Frozen):
    """All models promptreel may use, and what each quality level means."""

    comment: str
    defaults: Mapping[Quality, ModelChoice]
    text: tuple[TextModel, ...]
    image: tuple[ImageModel, ...]
    video: tuple[VideoModel, ...]
    lipsync: tuple[LipsyncModel, ...] = ()

    def text_model(self, model_id: str) -> TextModel:
        """The text model of this id. Raises: Invalid when there is none."""
        return _find(self.text, model_id, "models.text")

    def image_model(self, model_id: str) -> ImageModel:
        """The image model of this id. Raises: Invalid when there is none."""
        return _find(self.image, model_id, "models.image")

    def video_model(self, model_id: str) -> VideoModel:
        """The video model of this id. Raises: Invalid when there is none."""
        if any(model.id == model_id for model in self.lipsync):
            raise lipsync_refusal(model_id)
        return _find(self.video, model_id, "models.video")

    def qualities(self, model: Model) -> tuple[Quality, ...]:
        """The levels for which a request that names no model may get this one."""
        if isinstance(model, VideoModel):
            return model.qualities
        return tuple(quality for quality, choice in self.defaults.items() if model.id in {choice.text, choice.image})

    def model(self, model_id: str) -> Model | None:
        """A model of any kind; None for one that the registry no longer names."""
        models: tuple[Model, ...] = (*self.text, *self.image, *self.video, *self.lipsync)
        return next((model for model in models if model.id == model_id), None)


def lipsync_refusal(model_id: str) -> Invalid:
    """Why a request may not name this model."""
    return Invalid(
        f"models: {model_id} moves lips and films no clips; promptreel does not use it yet.",
        code="not_supported_yet",
        remedy="Leave it out of `models`.",
    )


def _find(models: tuple[M, ...], model_id: str, field: str) -> M:
    for model in models:
        if model.id == model_id:
            return model
    known = ", ".join(model.id for model in models)
    raise Invalid(f"{field}: no model is called {model_id!r}.", code="unknown_model", remedy=f"Known here: {known}.")


MODELS_FILE = resources.files("promptreel.data").joinpath("models.json")
"""The registry that ships with the code."""


@cache
def registry() -> Registry:
    """The registry of ``MODELS_FILE``, validated once."""
    return Registry.model_validate_json(MODELS_FILE.read_bytes())
