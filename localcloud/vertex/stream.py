"""An answer in pieces, as streamGenerateContent sends it: server-sent events, or one JSON list without ``alt=sse``."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

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
