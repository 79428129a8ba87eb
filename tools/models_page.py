"""The page docs/models.md, made from the registry. It names no day: every price stands with the day it begins."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time

from promptreel.domain.models import (
    RETIREMENT_NOTICE,
    Model,
    Registry,
    Resolution,
    VideoModel,
)
from promptreel.domain.money import format_usd

_HEAD = """# Models

Made by `make docs` from functions/promptreel/data/models.json, the one place of every rule about a model
([ADR 15](adr/0015-models-come-and-go.md)); edit there. `promptreel models` and `GET /v1/models` say the same for a
deployment: prices of the day, and which models cannot be named there and why. Prices are list prices in USD. Models
on Replicate are off until an operator [switches them on](deploy.md#models-on-replicate).
"""

_LIFE = f"""## Life cycles

`ends` is the earliest day on which the vendor may switch the model off; then `successor` takes its place. The model
under `films refusals` films a shot that this one refused, never at a higher price. `for` are the quality levels of
requests that name no model.

From {RETIREMENT_NOTICE.days} days before that day, a job that uses the model carries a warning, `promptreel models`
marks the model, and operators get an [alert](runbook.md#model-ends). Nothing else changes before the day itself.
"""

_VIDEO = """## Video

What a clip between two keyframes may be, and the price of a delivered second.
"""

_TOKENS = """\
A clip that is paid by tokens costs what its answer counts; its price of a second follows from the tokens of a second.
More than that is reserved: one second, some words, and the longest prompt.
"""

_LIMITS = """\
`sound`: with `always`, the cut leaves out sound that the film does not want; `optional` is cheaper without.
`references` are pictures of persons and things, which promptreel does not send to video models yet.
"""

_IMAGES = """## Images

The price of an image is that of its tokens; its prompt and the model's thinking come on top. Keyframes are drawn at
1K.
"""

_TEXT = """## Text

Prices are those of the location `global`; in every other one text and images cost a tenth more.
"""

_LIPSYNC = """## Lips

Models that move the lips of a filmed person to a recorded voice. promptreel does not use them yet: a request that
names one is refused as `not_supported_yet`. The last column names what no page of the vendor confirms.
"""

_CHOICE = """## How a model is chosen

1. **A request names it** (`models.text`, `.image`, `.video`). It is taken, also past its announced end, with a
   warning. One that its vendor has switched off is refused as `model_retired`, one whose backend is off here as
   `backend_off`.
2. **Else the quality decides.** Text and images: the one model of that level. Video: the cheapest of the level's
   models that film the resolution and the shape; where the cheapest does not film the lengths, the next.
3. **Past its announced end** a model that nobody named gives way to its successor, or to that one's.
4. **While the film is made**, a model that the vendor no longer offers, or that cannot do what is asked, hands over
   to its successor where the film's format allows it. A shot that a model refuses, or has no capacity for, is filmed
   by the model under `films refusals` where the refusal's remedies include another model, after milder ones
   ([retries](retries.md)).

The plan keeps each model with the reason: `promptreel status JOB`, or `models` in `GET /v1/jobs/{id}`.

A film has exactly the frames that were asked for ([ADR 17](adr/0017-the-film-is-as-long-as-asked.md)), also where its
model has no clips of that length. Then clips are trimmed, by a second each at most: 7 seconds are one clip of 7
seconds by a model of whole seconds, and 8 seconds without the last one by a model that films 4, 6 and 8. The whole
clip is paid.
"""


def models_page(registry: Registry) -> str:
    """Life cycles, limits and prices of every model, and how one is chosen."""
    models: tuple[Model, ...] = (*registry.video, *registry.image, *registry.text, *registry.lipsync)
    token_priced = [model for model in registry.video if any(price.per_million_tokens for price in model.prices)]
    parts = [
        _HEAD,
        _LIFE,
        _table(
            "model | by | stage | released | ends | successor | films refusals | for",
            (_life_cycle(registry, model) for model in models),
        ),
        _VIDEO,
        _table(
            "model | size | pixels at 16:9 | seconds | from | USD/s with sound | USD/s silent",
            (row for model in registry.video for row in _clip_rows(model)),
        ),
        _TOKENS,
        _table(
            "model | from | input, USD/M tokens | text | video | tokens of a second",
            (row for model in token_priced for row in _token_rows(model)),
        ),
        _LIMITS,
        _table(
            "model | sound | shapes | frames/s | prompt, characters | references | requests a minute | location",
            map(_limits, registry.video),
        ),
        _IMAGES,
        _table(
            "model | from | input, USD/M tokens | text | image | one image | references",
            (
                (
                    _code(model.id),
                    str(price.since),
                    *map(format_usd, (price.input, price.text_output, price.picture_output)),
                    ", ".join(
                        f"{size} {format_usd(model.image_micros(size, _at(price.since)))}"
                        for size in model.picture_tokens
                    ),
                    str(model.max_references),
                )
                for model in registry.image
                for price in model.prices
            ),
        ),
        _TEXT,
        _table(
            "model | from | input, USD/M tokens | output",
            (
                (_code(model.id), str(price.since), format_usd(price.input), format_usd(price.output))
                for model in registry.text
                for price in model.prices
            ),
        ),
        _LIPSYNC,
        _table(
            "model | from | USD/s of output | inputs | not confirmed",
            (
                (
                    _code(model.id),
                    str(price.since),
                    format_usd(price.per_second),
                    ", ".join(map(_code, model.inputs.values())),
                    ", ".join(model.unconfirmed),
                )
                for model in registry.lipsync
                for price in model.prices
            ),
        ),
        _CHOICE,
    ]
    return "\n".join(parts)


def _life_cycle(registry: Registry, model: Model) -> tuple[str, ...]:
    fallback = model.fallback if isinstance(model, VideoModel) else None
    return (
        _code(model.id),
        model.provider,
        model.stage,
        str(model.released or ""),
        str(model.retires_not_before or ""),
        _code(model.replaced_by),
        _code(fallback),
        ", ".join(registry.qualities(model)),
    )


def _clip_rows(model: VideoModel) -> Iterable[tuple[str, ...]]:
    for price in model.prices:
        for resolution, seconds in model.durations_s.items():
            width, height = model.frame_px[resolution]
            yield (
                _code(model.id),
                resolution,
                f"{width}x{height}",
                _span(seconds),
                str(price.since),
                *(_second_usd(model, resolution, _at(price.since), audio=audio) for audio in (True, False)),
            )


def _second_usd(model: VideoModel, resolution: Resolution, at: datetime, *, audio: bool) -> str:
    if model.films_sound(wanted=audio) is not audio:
        return ""
    return format_usd(model.second_micros(resolution, at, audio=audio))


def _token_rows(model: VideoModel) -> Iterable[tuple[str, ...]]:
    by_size = ", ".join(f"{resolution} {tokens:,}" for resolution, tokens in model.tokens_per_second.items())
    for price in model.prices:
        tokens = price.per_million_tokens
        if tokens:
            prices = map(format_usd, (tokens.input, tokens.text_output, tokens.video_output))
            yield (_code(model.id), str(price.since), *prices, by_size)


def _limits(model: VideoModel) -> tuple[str, ...]:
    return (
        _code(model.id),
        model.sound,
        ", ".join(model.aspects),
        str(model.fps),
        f"{model.max_prompt_chars:,}",
        str(model.max_references),
        str(model.quota_per_minute or ""),
        model.location or ("the deployment's" if model.protocol == "veo" else ""),
    )


def _span(seconds: tuple[int, ...]) -> str:
    whole = len(seconds) > 1 and seconds == tuple(range(seconds[0], seconds[-1] + 1))
    return f"{seconds[0]} to {seconds[-1]}" if whole else ", ".join(map(str, seconds))


def _at(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _code(model_id: str | None) -> str:
    return f"`{model_id}`" if model_id else ""


def _table(heading: str, rows: Iterable[tuple[str, ...]]) -> str:
    columns = heading.count("|") + 1
    lines = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([f"| {heading} |", f"|{'---|' * columns}", *lines, ""])
