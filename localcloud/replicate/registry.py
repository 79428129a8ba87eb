"""The models on offer: what each takes and costs. The data is the registry file; no model is named here.

The file serves other stand-ins and the product too: entries of another protocol and fields not read here are ignored.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from typing import Any

PROTOCOL = "predictions"

# The registry's words for inputs. What an input is called by a model, and whether it has it, says the model's entry.
PROMPT, NEGATIVE_PROMPT, FIRST, LAST, REFERENCES = "prompt", "negative_prompt", "first", "last", "references"
SECONDS, RESOLUTION, ASPECT, SOUND, SEED = "seconds", "resolution", "aspect", "sound", "seed"
WORDS = (PROMPT, FIRST, LAST, REFERENCES, NEGATIVE_PROMPT, SECONDS, RESOLUTION, ASPECT, SOUND, SEED)


@dataclass(frozen=True, slots=True)
class PredictionModel:
    """``seconds`` goes by mode (text, first, first_last, references) and resolution; ``inputs`` by the registry's word.

    ``resolution_inputs`` says what the model calls a resolution, where it does not call it by the registry's name.
    """

    id: str
    aspects: tuple[str, ...]
    frame_px: Mapping[str, tuple[int, int]]  # landscape
    seconds: Mapping[str, Mapping[str, tuple[int, ...]]]
    sound: str
    max_references: int
    max_prompt_chars: int
    inputs: Mapping[str, str]
    prices: tuple[Mapping[str, Any], ...]
    resolution_inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The id of its only version."""
        return hashlib.sha256(self.id.encode()).hexdigest()

    @property
    def all_seconds(self) -> tuple[int, ...]:
        """Every length that it makes in some mode and resolution, shortest first."""
        return tuple(sorted({each for sizes in self.seconds.values() for all_s in sizes.values() for each in all_s}))

    @property
    def resolutions(self) -> Mapping[str, str]:
        """The registry's resolutions by what the model calls them, lowest first."""
        return {self.resolution_inputs.get(each, each): each for each in self.frame_px}

    def micros(self, seconds: int, resolution: str, at: datetime, *, audio: bool) -> int:
        """Price of a finished clip, in micro-dollars."""
        begun = [price for price in self.prices if date.fromisoformat(price["since"]) <= at.astimezone(UTC).date()]
        price = (begun[-1] if begun else self.prices[0])["per_second"]
        return int(seconds * price["with_audio" if audio else "silent"][resolution])


Models = Mapping[str, PredictionModel]


def read_models(file: Path | None = None) -> Models:
    """The models of this protocol by id; without a file those of the shared registry. Raises: ValueError."""
    shared = resources.files("localcloud.replicate").joinpath("models.json")
    try:
        data = json.loads(file.read_bytes() if file else shared.read_bytes())
        entries = [entry for entry in data["video"] if entry.get("protocol") == PROTOCOL]
        models = [_model(entry) for entry in entries if entry.get("stage") != "retired"]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a registry of models: {error!r}") from error
    return {model.id: model for model in models}


def _model(entry: Mapping[str, Any]) -> PredictionModel:
    if unknown := set(entry["inputs"]) - set(WORDS):
        raise ValueError(f"{entry['id']}: no input is called {', '.join(sorted(unknown))}")
    return PredictionModel(
        id=entry["id"],
        aspects=tuple(entry["aspects"]),
        frame_px={name: (int(wide), int(high)) for name, (wide, high) in entry["frame_px"].items()},
        seconds={
            mode: {resolution: _whole_seconds(each) for resolution, each in by_resolution.items()}
            for mode, by_resolution in entry["seconds"].items()
        },
        sound=entry["sound"],
        max_references=entry["max_references"],
        max_prompt_chars=entry["max_prompt_chars"],
        inputs=entry["inputs"],
        prices=tuple(entry["prices"]),
        resolution_inputs=entry.get("resolution_inputs", {}),
    )


def _whole_seconds(value: Any) -> tuple[int, ...]:
    return tuple(range(value["from"], value["to"] + 1)) if isinstance(value, Mapping) else tuple(value)
