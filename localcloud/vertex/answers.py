"""generateContent's answers as Vertex spells them: candidates, filters, usage."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from localcloud.vertex import chance
from localcloud.vertex.registry import Usage

_THOUGHT_SIGNATURE = "AAAA"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer before it is dressed: ``top`` are the keys it brings, ``text`` what it says in words."""

    top: dict[str, Any]
    usage: Usage
    text: str = ""
    filtered: bool = False


def text_answer(text: str, usage: Usage, finish: str) -> Answer:
    candidate = {"content": _said({"text": text}), "finishReason": finish, "avgLogprobs": -0.1}
    return Answer({"candidates": [candidate]}, usage, text)


def image_answer(encoded: bytes, mime_type: str, usage: Usage) -> Answer:
    """A picture after a thought, as thinking image models answer."""
    thought = {"text": "Planning the picture.", "thought": True}
    data = base64.b64encode(encoded).decode()
    picture = {"inlineData": {"mimeType": mime_type, "data": data}, "thoughtSignature": _THOUGHT_SIGNATURE}
    return Answer({"candidates": [{"content": _said(thought, picture), "finishReason": "STOP"}]}, usage)


def cut_off(usage: Usage) -> Answer:
    """Thinking reached the output limit before anything was drawn."""
    return Answer({"candidates": [{"content": _said(), "finishReason": "MAX_TOKENS"}]}, usage)


def unwilling(usage: Usage) -> Answer:
    """A picture refused in words, with the ending of an ordinary answer."""
    text = "I cannot draw this picture. Please describe another one."
    return Answer({"candidates": [{"content": _said({"text": text}), "finishReason": "STOP"}]}, usage, text, True)


def blocked(reason: str, usage: Usage) -> Answer:
    """The prompt was refused: 200 without candidates."""
    feedback = {"blockReason": reason, "blockReasonMessage": "The prompt could not be submitted."}
    return Answer({"promptFeedback": feedback}, usage, filtered=True)


def filtered(codes: str, usage: Usage, *, picture: bool) -> Answer:
    """The output was refused: a candidate without content."""
    if picture:
        message = f"Unable to show the generated image. Support codes: {codes}"
        unseen = {"finishReason": "IMAGE_SAFETY", "finishMessage": message}
        return Answer({"candidates": [unseen]}, usage, filtered=True)
    rating = {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}
    return Answer({"candidates": [{"finishReason": "SAFETY", "safetyRatings": [rating]}]}, usage, filtered=True)


def body(answer: Answer, model_id: str, at: datetime, n: int, lacking: Mapping[str, Any] | None) -> dict[str, Any]:
    """``lacking`` are the arguments of a usage fault."""
    created = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    usage = _usage(answer.usage)
    if lacking is not None:
        usage = {name: value for name, value in usage.items() if name not in lacking.get("missing", usage)}
    return answer.top | {
        "usageMetadata": usage,
        "modelVersion": model_id,
        "createTime": created,
        "responseId": f"{chance.number(created, n):016x}",
    }


def counted(usage: Usage, billable_characters: int) -> dict[str, Any]:
    """CountTokens' answer."""
    return {
        "totalTokens": usage.prompt,
        "totalBillableCharacters": billable_characters,
        "promptTokensDetails": _details(TEXT=usage.prompt_text, IMAGE=usage.prompt_media, VIDEO=usage.prompt_clips),
    }


def _said(*parts: Mapping[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def _usage(usage: Usage) -> dict[str, Any]:
    """Counts of zero are left out, as on the wire."""
    answered = usage.answer + usage.picture
    counts = {
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": answered,
        "thoughtsTokenCount": usage.thoughts,
        "totalTokenCount": usage.prompt + answered + usage.thoughts,
        "promptTokensDetails": _details(TEXT=usage.prompt_text, IMAGE=usage.prompt_media, VIDEO=usage.prompt_clips),
        "candidatesTokensDetails": _details(TEXT=usage.answer, IMAGE=usage.picture),
    }
    return {"trafficType": "ON_DEMAND"} | {name: count for name, count in counts.items() if count}


def _details(**by_modality: int) -> list[dict[str, Any]]:
    return [{"modality": name, "tokenCount": count} for name, count in by_modality.items() if count]


_PIECES = 4

Chunk = Mapping[str, Any]


def chunks(body: Mapping[str, Any]) -> list[Chunk]:
    """The answer cut into pieces; how it ended and what it used is said by the last one."""
    candidate = next(iter(body.get("candidates", [])), None)
    parts = [piece for part in (candidate or {}).get("content", {}).get("parts", []) for piece in _pieces(part)]
    if not parts:
        return [body]
    common = {name: body[name] for name in ("modelVersion", "createTime", "responseId")}
    begun = [
        {"candidates": [{"content": {"role": "model", "parts": [part]}}], **common, "usageMetadata": _unfinished(body)}
        for part in parts[:-1]
    ]
    last = {**(candidate or {}), "content": {"role": "model", "parts": parts[-1:]}}
    return [*begun, {**body, "candidates": [last]}]


def _pieces(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    text = str(part.get("text", ""))
    size = -(-len(text) // _PIECES)
    if len(text) < _PIECES or part.get("thought"):
        return [part]
    return [{**part, "text": text[start : start + size]} for start in range(0, len(text), size)]


def _unfinished(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"trafficType": body["usageMetadata"]["trafficType"]}


def to_response(request: Request) -> Callable[[Sequence[Chunk]], Response]:
    """How this caller wants its pieces."""
    if request.query_params.get("alt") == "sse":
        return lambda pieces: StreamingResponse(_events(pieces), media_type="text/event-stream")
    return lambda pieces: Response(json.dumps(pieces), media_type="application/json")


def _events(pieces: Sequence[Chunk]) -> Iterator[str]:
    for piece in pieces:
        yield f"data: {json.dumps(piece)}\r\n\r\n"
