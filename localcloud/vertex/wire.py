"""Reading what the client libraries send: mixed key spellings, numbers as strings, two base64 alphabets.

One request mixes camelCase and snake_case freely, so nothing here may read a key in one spelling only.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from localcloud.serving import ApiError

Json = Mapping[str, Any]


@lru_cache(maxsize=512)
def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), name)


def field(message: Json, name: str, default: Any = None) -> Any:
    """The value under ``name``, asked for in camelCase and sent in either spelling; null counts as absent."""
    value = message.get(name)
    if value is None:
        value = message.get(snake(name))
    return default if value is None else value


def section(message: Json, name: str) -> Json:
    """A nested message; absent means empty, anything but an object is the caller's mistake."""
    value = field(message, name, {})
    if not isinstance(value, Mapping):
        raise invalid(f"Invalid value at '{name}': an object is expected.")
    return value


def items(message: Json, name: str) -> list[Any]:
    """A repeated field; one entry may stand for a list of one."""
    value = field(message, name, [])
    return value if isinstance(value, list) else [value]


def whole(message: Json, name: str, default: int) -> int:
    """An integer, which JSON writes of int64 fields may carry as text."""
    value = field(message, name, default)
    try:
        return int(float(value)) if isinstance(value, float) else int(value)
    except (TypeError, ValueError):
        raise invalid(f"Invalid value at '{name}' (TYPE_INT64), {value!r}") from None


def flag(message: Json, name: str, *, default: bool) -> bool:
    value = field(message, name, default)
    if not isinstance(value, bool):
        raise invalid(f"Invalid value at '{name}' (TYPE_BOOL), {value!r}")
    return value


def octets(text: Any, name: str) -> bytes:
    """Bytes of base64 in either alphabet: Gemini sends the URL-safe one, Veo the standard one."""
    try:
        return base64.b64decode(str(text).replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise invalid(f"Invalid value at '{name}' (TYPE_BYTES), Base64 decoding failed") from None


def invalid(message: str) -> ApiError:
    return ApiError(400, message)


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, clip or sound inside a prompt: its bytes, or where they lie."""

    mime_type: str
    data: bytes = b""
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    role: str
    text: str
    media: tuple[Media, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """The turns of a generateContent call and its system instruction."""

    turns: tuple[Turn, ...]
    system: str

    @property
    def user_texts(self) -> tuple[str, ...]:
        """What the user wrote, oldest first."""
        return tuple(turn.text for turn in self.turns if turn.role != "model" and turn.text)

    @property
    def media(self) -> tuple[Media, ...]:
        return tuple(media for turn in self.turns for media in turn.media)


def conversation(body: Json) -> Conversation:
    """Raises: ApiError 400 when there is nothing to answer."""
    turns = tuple(_turn(content) for content in items(body, "contents"))
    if not any(turn.text or turn.media for turn in turns):
        raise invalid("* GenerateContentRequest.contents: contents is not specified\n")
    if any(turn.role not in ("user", "model", "function") for turn in turns):
        raise invalid("Please use a valid role: user, model.")
    return Conversation(turns, _turn(section(body, "systemInstruction")).text)


def _turn(content: Any) -> Turn:
    if not isinstance(content, Mapping):
        raise invalid("Invalid value at 'contents': an object is expected.")
    parts = [part for part in items(content, "parts") if isinstance(part, Mapping)]
    text = "\n".join(str(part["text"]) for part in parts if part.get("text"))
    return Turn(str(field(content, "role", "user")), text, tuple(m for m in map(_media, parts) if m))


def _media(part: Json) -> Media | None:
    if inline := section(part, "inlineData"):
        return Media(str(field(inline, "mimeType", "")), data=octets(field(inline, "data", ""), "data"))
    if stored := section(part, "fileData"):
        return Media(str(field(stored, "mimeType", "")), uri=str(field(stored, "fileUri", "")))
    return None
