"""Who and what a story is about: proper names, noun phrases and places, found by their looks alone."""

import re

from localcloud.vertex.text import story

_NAME = re.compile(r"(?<=[a-z,;] )([A-Z][a-z]+(?:\s[A-Z][a-z]+)*)\b")
_PLACE_NAME = re.compile(r"\b(?:in|at|of|on|to|from|near|over)\s+([A-Z][a-z]+(?:\s[A-Z][a-z]+)*)\b")
_THING = re.compile(r"\b(?:[Aa]n?|[Tt]he)\s+((?:[a-z][\w-]*[\s]+){0,3}[a-z][\w-]*)")
_SPOT = re.compile(
    r"\b(?:in|at|on|through|across|over|under|behind|up|into)\s+(?:an?|the)\s+((?:[\w-]+\s+){0,3}[\w-]+)"
)
_PHRASE_END = re.compile(
    r"\s+(?:\w+ed|\w+ing|\w+[^s\s]s|of|in|at|on|with|and|or|from|to|by|through|over|under|is|are|was|has|who|that|for|"
    r"between|its|his|her)\b.*"
)


def names(text: str) -> list[str]:
    """Proper names of persons and things, in order, each once; place names are left out.

    A capital inside a sentence is a name; at its beginning it is only grammar.
    """
    found = [name for sentence in story.sentences(text) for name in _NAME.findall(sentence)]
    places = set(place_names(text))
    return [name for name in dict.fromkeys(found) if name not in places]


def place_names(text: str) -> list[str]:
    return list(dict.fromkeys(_PLACE_NAME.findall(text)))


def things(text: str) -> list[str]:
    """Noun phrases after an article: ``folded orange paper fox``."""
    return _phrases(_THING, text)


def spots(text: str) -> list[str]:
    """Noun phrases that say where: ``tidy desk``."""
    return _phrases(_SPOT, text)


def _phrases(pattern: re.Pattern[str], text: str) -> list[str]:
    return list(dict.fromkeys(_PHRASE_END.sub("", found).strip() for found in pattern.findall(text)))


def about(text: str, *, place: bool) -> list[str]:
    """Whom a list of named things should name: those with names, else the first one that has none."""
    named = place_names(text) if place else names(text)
    unnamed = (spots(text) if place else things(text))[:1]
    return named or [phrase.title() for phrase in unnamed]
