"""The models on offer: what each accepts and what a call costs. The data is models.json; no model is named here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from typing import Any, ClassVar

MICROS_SCALE = 1_000_000  # prices are per million tokens
GLOBAL = "global"  # the location where text and pictures have their list price, and clips are not made


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
        text = usage.prompt * price["input"] + (usage.answer + usage.thoughts) * price["output"]
        return _per_million(text + usage.picture * price["picture"], location)


@dataclass(frozen=True, slots=True)
class VideoModel:
    kind: ClassVar = "video"
    id: str
    durations_s: Mapping[str, tuple[int, ...]]  # by resolution
    max_references: int
    prices: tuple[Mapping[str, Any], ...]

    def micros(self, seconds: int, resolution: str, at: datetime, *, audio: bool) -> int:
        """Price of ``seconds`` of delivered video."""
        price = _valid(self.prices, at)
        return int(seconds * price["with_audio" if audio else "silent"][resolution])


Model = TextModel | ImageModel | VideoModel


def _valid(prices: tuple[Mapping[str, Any], ...], at: datetime) -> Mapping[str, Any]:
    """The price of that day; before the first one, the first one."""
    begun = [price for price in prices if date.fromisoformat(price["since"]) <= at.astimezone(UTC).date()]
    return begun[-1] if begun else prices[0]


def _per_million(micros_times_million: int, location: str) -> int:
    """Rounded up, once; every location but the global one costs a tenth more (price page, read 2026-10)."""
    tenths = 10 if location == GLOBAL else 11
    return -(-micros_times_million * tenths // (10 * MICROS_SCALE))


@cache
def models() -> Mapping[str, Model]:
    """All models by id."""
    data = json.loads(resources.files("localcloud.vertex").joinpath("models.json").read_bytes())
    kinds: Mapping[str, type[Model]] = {"text": TextModel, "image": ImageModel, "video": VideoModel}
    return {entry["id"]: make(**entry) for kind, make in kinds.items() for entry in data[kind]}
