"""Numbers in a prompt that belong to a word: "four scenes", "scenes: 4", "3 to 5 short shots", "duration 8 seconds"."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

_WORDS = ("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen").split()
_VALUES = {word: value for value, word in enumerate(_WORDS, start=1)} | {"twenty": 20, "thirty": 30}
_DIGITS = r"\d+(?:\.\d+)?"
_NUMBER = rf"(?:{_DIGITS}|{'|'.join(_VALUES)})"
_RANGE = rf"(?<![\w.])({_NUMBER})(?:\s*(?:to|or|and|[-\u2013])\s*({_NUMBER}))?"
# Words that end the reach of a number: in "8 seconds per scene" nothing is said of how many scenes there are.
_BREAKS = r"(?:per|of|in|for|each|every|an?|the|and|or|to|with|is|are|seconds?|minutes?|s|times?|by)\b"
_UNITS = {"s": "second", "secs": "second", "ms": "millisecond", "min": "minute", "px": "pixel", "pct": "percent"}


def words(name: str) -> list[str]:
    """The words of a property name in either style, units spelled out: ``durationS`` → duration, second."""
    parts = re.split(r"[\W_]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name))
    return [_UNITS.get(part.lower(), part.lower()) for part in parts if part]


@lru_cache(maxsize=256)
def _either_number(noun: str) -> str:
    """A pattern for the noun's singular and plural."""
    stem = re.escape(noun)
    if noun.endswith("ies"):
        return rf"{stem[:-3]}(?:y|ies)"
    if noun.endswith("y"):
        return rf"{stem[:-1]}(?:y|ies)"
    if noun.endswith("s") and not noun.endswith("ss"):
        return rf"{stem[:-1]}s?"
    return rf"{stem}(?:e?s)?"


def count_of(noun: str, texts: Iterable[str]) -> tuple[int, int] | None:
    """Least and most of that thing, as the first text that says so has it."""
    thing = _either_number(noun)
    patterns = (
        rf"(?i)\b{thing}(?:[ _](?:count|number))?[\"'`]?\s*(?:[:=]|\b(?:is|are)\b)\s*{_RANGE}",
        rf"(?i){_RANGE}(?:[\s-]+(?!{_BREAKS})[a-z]+){{0,2}}?[\s-]+{thing}\b",
    )
    for text in texts:
        for pattern in patterns:
            if found := re.search(pattern, text):
                least = round(_value(found[1]))
                most = round(_value(found[2])) if found[2] else least
                return min(least, most), max(least, most)
    return None


def numbers_by(name_words: Sequence[str], texts: Iterable[str]) -> Iterator[float]:
    """Numbers that stand next to one of the words, first text and first word first."""
    for text in texts:
        for word in name_words:
            thing = _either_number(word)
            after = rf"(?i)\b{thing}(?:_\w+)?(?:[^\w.!?]+(?!\d)\w+){{0,3}}?[^\w.!?]+(?<![\w.])({_NUMBER})\b"
            before = rf"(?i)(?<![\w.])({_NUMBER})[\s-]*{thing}\b"
            for pattern in (before, after):
                for found in re.finditer(pattern, text):
                    yield _value(found[1])


def _value(number: str) -> float:
    return float(_VALUES.get(number.lower(), 0) or number)
