"""What a prompt says: the story in it, cut into as many beats as an answer needs, its numbers and its names.

Nothing here knows what is being written; it only reads sentences.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from localcloud.vertex.judging import QualityScore
from localcloud.vertex.wire import Conversation

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


# Tags whose content is rather the story than the rules, when a prompt marks several passages.
_STORY_TAGS = ("idea", "story", "prompt", "premise", "brief", "synopsis", "script", "text")
_QUOTED = re.compile(r'"""(.+?)"""|' r"'''(.+?)'''", re.DOTALL)
_TAGGED = re.compile(r"<([A-Za-z_][\w-]*)>(.+?)</\1>", re.DOTALL)
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'\u201d\u2019)]*\s+|\s*\n\s*")
_SEMICOLON = re.compile(r";\s+")
# "Scene 1: …", "2. …", "- …" at the beginning of a line, up to the next one or an empty line.
_MARK = r"[ \t]*(?:[-*\u2022]|\d+[.)]|[A-Za-z]+ \d+\s*[:.\u2013-])[ \t]+"
_LINE_MARK = re.compile(rf"^(?:{_MARK}|#+ )", re.MULTILINE)
_PART = re.compile(rf"^{_MARK}(.+?)(?=\n{_MARK}|\n\s*\n|\Z)", re.MULTILINE | re.DOTALL)
_CLAUSE_END = re.compile(r"[,;:\u2014\u2013]\s+|\s+(?:and then|and|then|while|before|after|until|as)\s+")
_INSTRUCTION = re.compile(
    r"(?i)(?:please\s+)?(?:write|plan|return|answer|make|create|use|give|respond|output|keep|describe)\b"
)
_CLAUSE_WORDS = 3  # fewer do not tell anything on their own

# Added to a beat that is used more than once, so that no two texts are equal.
_MOMENTS = ("at first", "a little later", "seen closer", "as the light changes", "near the end", "at last")


@dataclass(frozen=True, slots=True)
class Brief:
    """A prompt as read: ``story`` is what to tell, ``texts`` every text to look for counts in, newest first."""

    story: str
    texts: tuple[str, ...]
    seed: tuple[object, ...]
    merit: QualityScore | None = None  # how well the pictures of the prompt would be judged, if there are any

    @classmethod
    def of(cls, prompt: Conversation, merit: QualityScore | None, *seed: object) -> "Brief":
        newest_first = prompt.user_texts[::-1]
        story = next((marked for text in newest_first if (marked := _marked(text))), "") or " ".join(newest_first)
        texts = (*newest_first, prompt.system)
        return cls(story.strip() or "A quiet day without words.", texts, (texts, *seed), merit)


def _marked(text: str) -> str:
    if quoted := _QUOTED.search(text):
        return str(quoted[1] or quoted[2])
    tagged = {found[1].lower(): found[2] for found in reversed(list(_TAGGED.finditer(text)))}
    named = next((tagged[tag] for tag in _STORY_TAGS if tag in tagged), "")
    return named or next(reversed(tagged.values()), "")


def sentences(text: str) -> list[str]:
    """The sentences that tell; instructions count only where there is nothing else."""
    found = [part.strip() for part in _SENTENCE_END.split(_LINE_MARK.sub("", text)) if part and re.search(r"\w", part)]
    return [part for part in found if not _INSTRUCTION.match(part)] or found


def clauses(text: str) -> list[str]:
    """Parts of the sentences that can stand alone, in order."""
    parts: list[str] = []
    for sentence in sentences(text):
        for piece in _CLAUSE_END.split(sentence.rstrip(".!?… ")):
            if parts and len(piece.split()) < _CLAUSE_WORDS:
                parts[-1] += f" {piece}"
            elif piece:
                parts.append(piece)
    return parts


def parts(text: str) -> list[str]:
    """The numbered or bulleted parts of a text, without their marks; none where it has none."""
    marked = [found for found in _PART.finditer(text) if found[1].strip()]
    return [" ".join(found[1].split()) for found in marked] if len(marked) > 1 else []


def outside_parts(text: str) -> str:
    """What is said of the whole: the text without its parts, or all of it."""
    return _PART.sub("", text).strip() or text if parts(text) else text


def beats(text: str, count: int) -> list[str]:
    """The text in ``count`` consecutive parts; too short a text is repeated, each time a moment later."""
    if not count:
        return []
    cuts = (parts(text), sentences(text), _SEMICOLON.split(text), clauses(text))
    exact = next((cut for cut in cuts if len(cut) == count), None)
    if exact:
        return exact
    pieces = next((cut for cut in cuts if len(cut) > count), clauses(text))
    if len(pieces) >= count:
        bounds = [len(pieces) * i // count for i in range(count + 1)]
        return [" ".join(pieces[start:end]) for start, end in pairwise(bounds)]
    told = []
    for i in range(count):
        moment, round_ = _MOMENTS[i % len(_MOMENTS)], i // len(_MOMENTS)
        again = f" ({round_ + 1})" if round_ else ""
        told.append(f"{pieces[i * len(pieces) // count].rstrip('.!?… ')}, {moment}{again}")
    return told


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
    found = [name for sentence in sentences(text) for name in _NAME.findall(sentence)]
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
