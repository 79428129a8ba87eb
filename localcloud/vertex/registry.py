"""The models on offer: what each accepts and what a call costs. The data is models.json; no model is named here.

The file may hold more than a stand-in needs: fields that are not read here are ignored.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, TypeVar

MICROS_SCALE = 1_000_000  # prices are per million tokens
GLOBAL = "global"  # the location where text and pictures have their list price


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one generateContent call. ``answer`` is text, ``picture`` drawn, ``thoughts`` charged like text."""

    prompt_text: int
    prompt_media: int = 0
    answer: int = 0
    picture: int = 0
    thoughts: int = 0
    prompt_clips: int = 0

    @property
    def prompt(self) -> int:
        return self.prompt_text + self.prompt_media + self.prompt_clips

    def answered(self, *, answer: int = 0, picture: int = 0, thoughts: int = 0) -> "Usage":
        """The same prompt with another answer."""
        return replace(self, answer=answer, picture=picture, thoughts=thoughts)


@dataclass(frozen=True, slots=True)
class TextModel:
    kind: ClassVar = "text"
    id: str
    max_output_tokens: int
    sampling: str  # "ignored" or "refused": temperature, topP and topK
    max_pictures: int
    picture_tokens_in: int  # of one picture in the prompt
    prices: tuple[Mapping[str, Any], ...]

    def micros(self, usage: Usage, at: datetime, location: str) -> int:
        price = _valid(self.prices, at)
        text = usage.prompt * price["input"] + (usage.answer + usage.thoughts) * price["output"]
        return _per_million(text, location)


@dataclass(frozen=True, slots=True)
class ImageModel:
    kind: ClassVar = "image"
    id: str
    max_references: int
    max_output_tokens: int
    reference_tokens: int  # of one picture in the prompt
    picture_tokens: Mapping[str, int]
    prices: tuple[Mapping[str, Any], ...]

    def micros(self, usage: Usage, at: datetime, location: str) -> int:
        price = _valid(self.prices, at)
        text = usage.prompt * price["input"] + (usage.answer + usage.thoughts) * price["text_output"]
        return _per_million(text + usage.picture * price["picture_output"], location)


Seconds = Mapping[str, Mapping[str, tuple[int, ...]]]
"""Whole seconds that a clip may have, by mode (text, first, first_last, references, extend) and resolution."""


@dataclass(frozen=True, slots=True)
class VideoModel:
    kind: ClassVar = "video"
    id: str
    location: str | None  # None: every location but the global one
    aspects: tuple[str, ...]
    frame_px: Mapping[str, tuple[int, int]]  # landscape
    seconds: Seconds
    max_references: int
    prices: tuple[Mapping[str, Any], ...]

    def is_offered_in(self, location: str) -> bool:
        return location == self.location if self.location else location != GLOBAL

    def size_px(self, resolution: str, aspect: str) -> tuple[int, int]:
        """Width and height of a frame."""
        long_px, short_px = self.frame_px[resolution]
        return (long_px, short_px) if aspect == "16:9" else (short_px, long_px)


@dataclass(frozen=True, slots=True)
class VeoModel(VideoModel):
    """A model that is called with predictLongRunning and paid by the second."""

    def micros(self, seconds: int, resolution: str, at: datetime, *, audio: bool) -> int:
        """Price of ``seconds`` of delivered video."""
        price = _valid(self.prices, at)["per_second"]
        return int(seconds * price["with_audio" if audio else "silent"][resolution])


@dataclass(frozen=True, slots=True)
class ClipUsage:
    """Tokens of one interaction that filmed a clip."""

    text: int
    pictures: int
    video: int

    @property
    def prompt(self) -> int:
        return self.text + self.pictures


@dataclass(frozen=True, slots=True)
class InteractionModel(VideoModel):
    """A model that films in the Interactions API, always with sound, and is paid by its tokens."""

    tokens_per_second: Mapping[str, float]  # of delivered video, by resolution
    picture_tokens_in: int

    def usage(self, text: int, pictures: int, seconds: int, resolution: str) -> ClipUsage:
        """What a clip uses: tokens of its text, so many pictures in the prompt, so many seconds."""
        video = math.ceil(seconds * self.tokens_per_second[resolution])
        return ClipUsage(text, pictures * self.picture_tokens_in, video)

    def micros(self, usage: ClipUsage, at: datetime, location: str) -> int:
        price = _valid(self.prices, at)["per_million_tokens"]
        return _per_million(usage.prompt * price["input"] + usage.video * price["video_output"], location)


Model = TextModel | ImageModel | VideoModel
Models = Mapping[str, Model]
M = TypeVar("M", TextModel, ImageModel, VeoModel, InteractionModel)


def _valid(prices: tuple[Mapping[str, Any], ...], at: datetime) -> Mapping[str, Any]:
    """The price of that day; before the first one, the first one."""
    begun = [price for price in prices if date.fromisoformat(price["since"]) <= at.astimezone(UTC).date()]
    return begun[-1] if begun else prices[0]


def _per_million(micros_times_million: int, location: str) -> int:
    """Rounded up, once; every location but the global one costs a tenth more (price page, read 2026-10)."""
    tenths = 10 if location == GLOBAL else 11
    return -(-micros_times_million * tenths // (10 * MICROS_SCALE))


def read_models(file: Path | None = None) -> Models:
    """All models by id that Vertex AI offers, not those that are retired, from a file of the form of models.json.

    Raises: ValueError for a file that is not one.
    """
    content = file.read_bytes() if file else resources.files("localcloud.vertex").joinpath("models.json").read_bytes()
    try:
        data = json.loads(content)
        offered = {
            kind: [entry for entry in data[kind] if entry["stage"] != "retired"] for kind in ("text", "image", "video")
        }
        models: list[Model] = [
            *(_from_json(TextModel, entry) for entry in offered["text"]),
            *(_from_json(ImageModel, entry) for entry in offered["image"]),
            *(_from_json(VeoModel, entry) for entry in offered["video"] if entry["protocol"] == "veo"),
            *(_from_json(InteractionModel, entry) for entry in offered["video"] if entry["protocol"] == "interactions"),
        ]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a file of models: {error!r}") from error
    return {model.id: model for model in models}


_OPTIONAL = frozenset({"location"})
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "seconds": lambda modes: {
        mode: {resolution: _whole_seconds(each) for resolution, each in by_resolution.items()}
        for mode, by_resolution in modes.items()
    },
    "frame_px": lambda sizes: {resolution: tuple(size) for resolution, size in sizes.items()},
    "aspects": tuple,
    "prices": tuple,
}


def _from_json(model: type[M], entry: Mapping[str, Any]) -> M:
    return model(**{each.name: _READERS.get(each.name, _as_is)(_given(entry, each.name)) for each in fields(model)})


def _given(entry: Mapping[str, Any], name: str) -> Any:
    return entry.get(name) if name in _OPTIONAL else entry[name]


def _as_is(value: Any) -> Any:
    return value


def _whole_seconds(value: Any) -> tuple[int, ...]:
    """Every second of a range, or a list as it is."""
    return tuple(range(value["from"], value["to"] + 1)) if isinstance(value, Mapping) else tuple(value)
