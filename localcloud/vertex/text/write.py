"""A text model's answer: JSON by a schema, or a paragraph, within the limits the request sets."""

import json
from collections.abc import Mapping

from localcloud.vertex import answers, wire
from localcloud.vertex.answers import Answer
from localcloud.vertex.faults import Hits
from localcloud.vertex.judging import QualityScore
from localcloud.vertex.registry import TextModel, Usage
from localcloud.vertex.text import fill, story, treatment
from localcloud.vertex.wire import Conversation, Json, invalid

_CHARS_PER_TOKEN = 4
_THOUGHT_TOKENS = 12
_PARAGRAPH_SENTENCES = 3
# Least (inclusive) and most (exclusive), as Vertex words them, model pages, read 2026-10.
_RANGES: Mapping[str, tuple[float, float]] = {"temperature": (0, 2.0001), "topP": (0, 1.0001), "candidateCount": (1, 9)}
_SAMPLING = ("temperature", "topP", "topK")


def tokens(chars: int) -> int:
    return -(-chars // _CHARS_PER_TOKEN)


def write(model: TextModel, prompt: Conversation, asked: Usage, merit: QualityScore | None, body: Json) -> Answer:
    """The answer in words. Raises: ApiError 400 for a schema or a limit that makes no sense."""
    config = wire.section(body, "generationConfig")
    most_tokens = _checked(config, model)
    brief = story.Brief.of(prompt, merit, wire.field(config, "seed"))
    schema = wire.section(config, "responseSchema") or wire.section(config, "responseJsonSchema")
    if schema:
        filled = treatment.answer(brief) if treatment.is_treatment(schema) else fill.answer(schema, brief)
        if treatment.is_storyboard(schema):
            treatment.follow(filled, brief.texts[0])
        text = json.dumps(filled, ensure_ascii=False)
    elif wire.field(config, "responseMimeType") == "application/json":
        text = json.dumps({"text": brief.story}, ensure_ascii=False)
    else:
        told = story.beats(brief.story, len(story.sentences(brief.story)))[:_PARAGRAPH_SENTENCES]
        text = " ".join([*(merit.flaws + merit.praise if merit else ()), *told])
    finish = "STOP"
    thoughts = min(_THOUGHT_TOKENS, most_tokens)  # the limit holds for thinking as well
    if tokens(len(text)) > most_tokens - thoughts:
        text, finish = text[: (most_tokens - thoughts) * _CHARS_PER_TOKEN], "MAX_TOKENS"
    return answers.text_answer(text, asked.answered(answer=tokens(len(text)), thoughts=thoughts), finish)


def _checked(config: Json, model: TextModel) -> int:
    """The output limit, once all settings are found to be in their ranges."""
    for name, (least, below) in {**_RANGES, "maxOutputTokens": (1, model.max_output_tokens + 1)}.items():
        value = wire.field(config, name)
        if value is not None and not least <= float(value) < below:
            raise invalid(
                f"Unable to submit request because it has a {name} value of {value} but the supported range is from "
                f"{least} (inclusive) to {below} (exclusive). Update the value and try again."
            )
    if model.sampling == "refused" and any(wire.field(config, name) is not None for name in _SAMPLING):
        raise invalid(f"Sampling parameters ({', '.join(_SAMPLING)}) are not supported by model {model.id}.")
    if wire.section(config, "responseSchema") and wire.section(config, "responseJsonSchema"):
        raise invalid("Only one of response_schema and response_json_schema may be set.")
    return wire.whole(config, "maxOutputTokens", model.max_output_tokens)


def apply_fault(answer: Answer, hits: Hits) -> Answer:
    """A good answer, cut short where a fault orders it."""
    half = answer.text[: max(1, len(answer.text) // 2)]
    usage = answer.usage.answered(answer=tokens(len(half)), thoughts=answer.usage.thoughts)
    if "truncated" in hits:
        return answers.text_answer(half, usage, "MAX_TOKENS")
    if (args := hits.get("malformed_json")) is not None and not args.get("body"):
        return answers.text_answer(half, usage, "STOP")
    return answer
