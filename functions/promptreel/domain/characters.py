"""Characters that no text of a request may hold, and how much of a text can be seen."""

import re
import unicodedata
from collections.abc import Container, Iterator
from typing import Any

from promptreel.errors import Invalid

_LAYOUT = "\t\n\r"
INVISIBLE_LETTERS = "\u115f\u1160\u3164\uffa0"  # Hangul fillers: letters by category, drawn as nothing
# Thai, Lao, Tibetan, Burmese, Khmer, Han, kana and Hangul: one character holds what Latin writes in several.
_DENSE = re.compile(
    "[\u0e01-\u0eff\u0f00-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]"
)


def check_characters(payload: Any, refused: Container[str] = ("Cs", "Cc")) -> None:
    """Refuse decoded JSON with a character of these Unicode categories, in any text or field name.

    Half of a surrogate pair (Cs) cannot be stored; a control character (Cc) other than a line's end cannot be shown.

    Raises: Invalid naming the field, the character and its place.
    """
    for path, text in _texts(payload):
        for position, character in enumerate(text, start=1):
            category = unicodedata.category(character)
            if category in refused and character not in _LAYOUT:
                kind = "half of a surrogate pair" if category == "Cs" else "a control character"
                field = "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in path[:100])
                raise Invalid(
                    f"{field}: character {position} is U+{ord(character):04X}, {kind}.",
                    remedy="Remove this character.",
                )


def visible_length(text: str) -> int:
    """Characters of a text that take up room; one of a dense script counts twice."""
    seen = [one for one in text if unicodedata.category(one) not in {"Cc", "Cf"} and one not in INVISIBLE_LETTERS]
    return sum(2 if _DENSE.match(one) else 1 for one in seen)


def has_words(text: str) -> bool:
    """Whether a text holds at least one visible letter."""
    return any(one.isalpha() and one not in INVISIBLE_LETTERS for one in text)


def _texts(payload: Any) -> Iterator[tuple[str, str]]:
    """Every text with its path. A loop, because JSON may be nested as deeply as Python's parser allows."""
    waiting: list[tuple[str, Any]] = [("", payload)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path or "request", value
        elif isinstance(value, dict):
            for key, inner in reversed(value.items()):
                inner_path = f"{path}.{key}" if path else str(key)
                waiting.append((inner_path, inner))
                if isinstance(key, str):
                    waiting.append((f"{path or 'request'}: a field's name", key))
        elif isinstance(value, list):
            waiting.extend((f"{path}.{number}", inner) for number, inner in reversed(list(enumerate(value))))
