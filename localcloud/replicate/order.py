"""What a prediction is to film: its inputs in the registry's words, and what its model cannot do with them.

The service checks inputs one by one before it accepts a prediction. What does not fit together only the model finds,
when it runs: such a prediction is accepted and fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.replicate import registry
from localcloud.replicate.registry import PredictionModel


@dataclass(frozen=True, slots=True)
class ClipOrder:
    """Pictures are URLs or data URIs, not fetched yet; ``aspect`` is None where the first picture decides."""

    prompt: str
    seed: int
    seconds: int
    resolution: str
    aspect: str | None
    audio: bool
    first: str | None
    last: str | None
    references: tuple[str, ...]

    @property
    def mode(self) -> str:
        """The registry's name for this combination of pictures."""
        if self.references:
            return "references"
        if self.first:
            return "first_last" if self.last else "first"
        return "text"


def read_order(model: PredictionModel, given: Mapping[str, Any]) -> ClipOrder:
    """From inputs that fit the model's schema. What has a price and is left out takes its dearest value."""

    def value(word: str, default: Any) -> Any:
        return given.get(model.inputs.get(word, ""), default)

    highest = list(model.resolutions)[-1]
    usual_aspect = model.aspects[0] if registry.ASPECT in model.inputs else None
    return ClipOrder(
        prompt=value(registry.PROMPT, ""),
        seed=int(value(registry.SEED, 0)),
        seconds=int(value(registry.SECONDS, model.all_seconds[-1])),
        resolution=model.resolutions[value(registry.RESOLUTION, highest)],
        aspect=value(registry.ASPECT, usual_aspect),
        audio=model.sound == "always" or (model.sound == "optional" and value(registry.SOUND, True)),
        first=value(registry.FIRST, None),
        last=value(registry.LAST, None),
        references=tuple(value(registry.REFERENCES, ())),
    )


def find_misfit(model: PredictionModel, order: ClipOrder) -> str | None:
    """Why the model cannot film this, in a sentence; None if it can."""
    if len(order.prompt) > model.max_prompt_chars:
        return f"prompt must be at most {model.max_prompt_chars} characters, got {len(order.prompt)}."
    if order.last and not order.first and not order.references:
        return f"{model.inputs[registry.LAST]} requires {model.inputs[registry.FIRST]}."
    if len(order.references) > model.max_references:
        return f"At most {model.max_references} reference images are supported, got {len(order.references)}."
    lengths = model.seconds.get(order.mode)
    if lengths is None:
        return f"This model does not support {order.mode.replace('_', ' and ')} images."
    offered = lengths.get(order.resolution, ())
    if order.seconds not in offered:
        listed = ", ".join(map(str, offered)) or "none"
        return f"Duration {order.seconds} is not supported for {order.resolution}; supported durations: {listed}."
    return None


def frame_px(model: PredictionModel, order: ClipOrder, *, is_upright: bool) -> tuple[int, int]:
    """Width and height of the clip; `is_upright` is the shape of the first picture, for a model without aspects."""
    long_px, short_px = model.frame_px[order.resolution]
    upright = is_upright if order.aspect is None else order.aspect == "9:16"
    return (short_px, long_px) if upright else (long_px, short_px)
