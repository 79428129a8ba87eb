"""Number of scenes, length and format that a free prompt names, as rules read them without a model.

Only phrases about the film itself are read: "a 30-second film in four scenes", "Three scenes: …", "…, 90 seconds,
vertical". The same words inside the story ("a crime scene", "explodes in five minutes", "the 80s") are left alone.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from promptreel.domain import phrases
from promptreel.domain.document import Part
from promptreel.domain.phrases import Field, Found, Value
from promptreel.domain.request import DURATION_S, MAX_SCENES
from promptreel.domain.screenplay import find_written_scenes


class Inferred(Part):
    """A value that was read from the prompt, and the words it was read from."""

    field: Field
    value: Value
    words: str


@dataclass(frozen=True, slots=True)
class PromptHints:
    """At most one value for each field; ``unusable`` are fields, and sentences on what cannot be used for them."""

    read: tuple[Inferred, ...] = ()
    unusable: tuple[tuple[Field, str], ...] = ()

    def find(self, field: Field) -> Inferred | None:
        """The value that was read for this field, if any."""
        return next((hint for hint in self.read if hint.field == field), None)


_LIMITS = {
    "scenes": f"a film has 1 to {MAX_SCENES} scenes",
    "duration_s": f"a film lasts {DURATION_S[0]} to {DURATION_S[1]} s",
    "aspect": "a film is 16:9 or 9:16",
}


def extract_hints(prompt: str) -> PromptHints:
    """Read what the prompt says about the film beside its story. Two different values for a field cancel each other."""
    found: dict[Field, dict[Value | None, str]] = {}
    sentences = list(_sentences(prompt))
    for position, sentence in enumerate(sentences):
        is_outer = position in {0, len(sentences) - 1}
        plain = phrases.normalize(sentence)
        for hint in _longest(
            hint for grammar in phrases.grammars().values() for hint in grammar.find_hints(plain, is_outer=is_outer)
        ):
            words = " ".join(sentence[hint.start : hint.end].split())
            found.setdefault(hint.field, {}).setdefault(_usable(hint), words)
    read: list[Inferred] = []
    unusable: list[tuple[Field, str]] = []
    if written := find_written_scenes(prompt):
        first, count = written[0].first_words, len(written)
        for value, words in found.pop("scenes", {}).items():
            if value != count:
                unusable.append(("scenes", f"prompt: “{words}” gives way to the {count} scenes that it lists."))
        found["scenes"] = {count if count <= MAX_SCENES else None: first}
    for field, values in found.items():
        words = " and ".join(f"“{one}”" for one in values.values())
        (value, first), *others = values.items()
        if others:
            unusable.append((field, f"prompt: says {words}; neither was used. Set `{field}`."))
        elif value is None:
            unusable.append((field, f"prompt: {words} was not used, because {_LIMITS[field]}. Set `{field}`."))
        else:
            read.append(Inferred(field=field, value=value, words=first))
    return PromptHints(tuple(read), tuple(unusable))


def read_quote(words: str, field: Field, followed_by: str = "") -> set[Value]:
    """The values of a field that these words name, in any language that rules read; "five minutes" of "later" none."""
    plain = phrases.normalize(words + followed_by)
    found = _longest(hint for grammar in phrases.grammars().values() for hint in grammar.read_quote(plain))
    quoted = (hint for hint in found if hint.field == field and hint.start < len(words) and not hint.in_story)
    return {value for hint in quoted if (value := _usable(hint)) is not None}


def _sentences(prompt: str) -> Iterator[str]:
    """The prompt's sentences without marks of Markdown."""
    text = re.sub(r"[*_#`]+", "", prompt)
    plain = phrases.normalize(text)
    start = 0
    for end in [*re.finditer(r"[.!?]+(?:\s+|$)|\n+", plain), None]:
        stop = end.start() if end else len(text)
        if sentence := text[start:stop].strip():
            yield sentence
        start = end.end() if end else stop


def _longest(found: Iterable[Found]) -> list[Found]:
    """Without what another language read in part: "un minuto e mezzo" is no "un minuto". In order of place."""
    kept: list[Found] = []
    for hint in sorted(found, key=lambda one: (one.start - one.end, one.start, not one.in_story)):
        if not any(hint.start < other.end and other.start < hint.end for other in kept):
            kept.append(hint)
    return sorted(kept, key=lambda one: one.start)


def _usable(hint: Found) -> Value | None:
    """The value as a request may have it; None where it is beyond a film's limits."""
    value = hint.value
    if value is None or isinstance(value, str):
        return value
    if hint.field == "scenes":
        return int(value) if value == int(value) and 1 <= value <= MAX_SCENES else None
    if not DURATION_S[0] <= value <= DURATION_S[1]:
        return None
    return int(value) if value == int(value) else value
