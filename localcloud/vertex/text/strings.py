"""Strings of an answer: phrases drawn from a beat, values of a format, samples of a pattern.

A place is described by words only (its name, its description); no field of any particular schema is known here. Samples
walk the parsed form of a regular expression; its parser in the standard library has no public name, and every library
that generates samples uses the same one.
"""

import re
import string
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from re import _constants as op  # type: ignore[attr-defined,unused-ignore] # the standard library's own parser, which has no public name
from re import _parser  # type: ignore[attr-defined,unused-ignore]
from typing import Any

from localcloud.vertex import chance
from localcloud.vertex.text import story
from localcloud.vertex.text.keywords import regex
from localcloud.vertex.text.story import words


def format_value(name: str, *seed: object) -> str | None:
    """A value of a JSON Schema string format, or None where the format is unknown or free."""
    number = chance.number(*seed)
    day = f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}"
    time = f"{number % 24:02}:{number % 60:02}:00"
    return {
        "date": day,
        "time": f"{time}Z",
        "date-time": f"{day}T{time}Z",
        "duration": f"PT{number % 60 + 1}S",
        "email": f"someone{number % 1000}@example.com",
        "idn-email": f"someone{number % 1000}@example.com",
        "hostname": f"host{number % 1000}.example.com",
        "idn-hostname": f"host{number % 1000}.example.com",
        "ipv4": f"192.0.2.{number % 254 + 1}",
        "ipv6": f"2001:db8::{number % 0xFFFF:x}",
        "uri": f"https://example.com/{number % 100000}",
        "iri": f"https://example.com/{number % 100000}",
        "uri-reference": f"/{number % 100000}",
        "iri-reference": f"/{number % 100000}",
        "uri-template": f"https://example.com/{number % 100000}/{{name}}",
        "json-pointer": f"/part/{number % 10}",
        "relative-json-pointer": f"{number % 10}/part",
        "regex": "^[a-z]+$",
        "url": f"https://example.com/{number % 100000}",
        "uuid": str(uuid.UUID(int=number | number << 64, version=4)),
        "byte": "AAAA",
    }.get(name)


_TRIES = 60
_PRINTABLE = string.ascii_lowercase + string.digits + string.ascii_uppercase + " -_.,:/#@+"
_CATEGORIES = {
    op.CATEGORY_DIGIT: string.digits,
    op.CATEGORY_WORD: string.ascii_lowercase + string.digits + "_",
    op.CATEGORY_SPACE: " ",
    op.CATEGORY_NOT_DIGIT: string.ascii_lowercase,
    op.CATEGORY_NOT_WORD: " -.,",
    op.CATEGORY_NOT_SPACE: string.ascii_lowercase + string.digits,
}


def sample(pattern: str, least_chars: int, most_chars: int, *seed: object) -> str | None:
    """A string within the lengths that the pattern accepts; None when none was found, or the pattern is broken."""
    accepts = regex(pattern)
    if accepts is None:
        return None
    for attempt in range(_TRIES):
        text = _Walk((seed, attempt), longest_repeat=2 ** (attempt % 10) - 1 + attempt // 10).write(accepts.pattern)
        if len(text) < least_chars and not pattern.endswith("$"):
            text += "a" * (least_chars - len(text))
        if least_chars <= len(text) <= (most_chars or len(text)) and accepts.search(text):
            return text
    return None


class _Walk:
    """One way through a pattern. Look-arounds are not walked: whether the text fits is checked at the end."""

    def __init__(self, seed: object, longest_repeat: int) -> None:
        self._seed = seed
        self._longest_repeat = longest_repeat
        self._drawn = 0
        self._groups: dict[int, str] = {}

    def write(self, pattern: str) -> str:
        return self._all(_parser.parse(pattern))

    def _draw(self, below: int) -> int:
        self._drawn += 1
        return chance.number(self._seed, self._drawn) % max(1, below)

    def _one_of(self, choices: Sequence[Any]) -> Any:
        return choices[self._draw(len(choices))]

    def _all(self, steps: Any) -> str:
        return "".join(self._step(name, argument) for name, argument in steps)

    def _step(self, name: Any, argument: Any) -> str:  # noqa: PLR0911 - one answer for each kind of step
        match name:
            case op.LITERAL:
                return chr(argument)
            case op.NOT_LITERAL:
                return str(self._one_of([each for each in _PRINTABLE if ord(each) != argument]))
            case op.ANY:
                return str(self._one_of(string.ascii_lowercase))
            case op.IN:
                return str(self._one_of(_characters(argument)))
            case op.BRANCH:
                return self._all(self._one_of(argument[1]))
            case op.SUBPATTERN:
                group, _, _, inner = argument
                self._groups[group] = self._all(inner)
                return self._groups[group]
            case op.GROUPREF:
                return self._groups.get(argument, "")
            case op.MAX_REPEAT | op.MIN_REPEAT | op.POSSESSIVE_REPEAT:
                least, most, inner = argument
                times = least + self._draw(min(int(most) - least, self._longest_repeat) + 1)
                return "".join(self._all(inner) for _ in range(times))
            case op.ATOMIC_GROUP:
                return self._all(argument)
            case _:
                return ""


def _characters(members: Sequence[tuple[Any, Any]]) -> str:
    """The characters of a set like ``[a-z_-]``, or of those outside it where it is negated."""
    inside = ""
    for name, argument in members:
        if name is op.LITERAL:
            inside += chr(argument)
        elif name is op.RANGE:
            inside += "".join(map(chr, range(argument[0], min(argument[1], argument[0] + 127) + 1)))
        elif name is op.CATEGORY:
            inside += _CATEGORIES.get(argument, string.ascii_lowercase)
    if members[0][0] is op.NEGATE:
        return "".join(each for each in _PRINTABLE if each not in inside) or "~"
    return inside


# Words that name the form of a text and not what it is about.
_FORM = frozenset({"prompt", "text", "note", "description", "summary", "content", "string", "value", "detail", "body"})
_BRIEF = frozenset({"title", "name", "label", "tag", "keyword", "heading", "headline", "caption", "slug", "subject"})
_COLOUR = frozenset({"colour", "color", "palette", "hue", "tint"})
_PLAIN_COLOURS = 8  # only used where the story says them
_COLOURS = (
    "red", "yellow", "green", "blue", "white", "black", "orange", "grey",
    "amber", "teal", "ivory", "indigo", "rose", "ochre", "slate blue", "moss green", "copper", "pearl grey",
    "coral", "midnight blue",
)  # fmt: skip
_FILLER_WORDS = frozenset(
    "a an and are as at be by for from has have he her his i in into is it its of on or over she so that the their "
    "them then there they this to was we were while who will with you your one two each every under".split()
)
_SHORT_CHARS = 60
_BRIEF_WORDS = 4
_ITEM_WORDS = 3
_TELLING_WORDS = 5
_COUNTED = re.compile(r"(?i)\b\d+[ -]?(?:second|minute|scene|part)|\b(?:two|three|four|five|six) (?:scene|part)s")


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a string goes: property name, what the schema says about it, its place among its siblings."""

    name: str
    about: str
    place: int
    listed: bool = False
    most_chars: int = 0  # 0: no limit
    called: str = ""  # the name of what the object is about, if it has one


def phrase(slot: Slot, beat: str, seed: tuple[object, ...]) -> str:
    """A text for the slot, drawn from the beat; length limits are the caller's."""
    named = words(slot.name)
    about = {*named, *(word.rstrip("s") for word in words(slot.about))}
    if _COLOUR & about and (slot.listed or not slot.about):
        said = [colour for colour in _COLOURS if re.search(rf"(?i)\b{colour}\b", beat)]
        bank = said + [colour for colour in _COLOURS[_PLAIN_COLOURS:] if colour not in said]
        return (
            bank[slot.place % len(said)]
            if slot.place < len(said)
            else bank[len(said) + (chance.number(seed, slot.name) + slot.place) % (len(bank) - len(said))]
        )
    short = 0 < slot.most_chars <= _SHORT_CHARS or "short" in about
    if named and (named[-1] in _BRIEF or short):
        return slot.called or _title(beat)
    if slot.listed:
        return " ".join(telling_words(beat, _ITEM_WORDS, slot.place * _ITEM_WORDS)).lower()
    label = " ".join(word for word in named if word not in _FORM)
    return f"{label.capitalize()}: {_told(beat, slot.place)}" if label else beat


def telling_words(text: str, count: int, start: int) -> list[str]:
    """Words that carry meaning, from the given one on, round and round."""
    found = [
        word for word in re.findall(r"[\w'\u2019-]+", text) if word.lower() not in _FILLER_WORDS and not word.isdigit()
    ]
    found = found or ["quiet", "moment"]
    return [found[(start + i) % len(found)] for i in range(min(count, len(found)))]


def fit(text: str, least_chars: int, most_chars: int) -> str:
    """The text within its bounds, cut between words where it can be."""
    while len(text) < least_chars:
        text = f"{text} {text}"
    if most_chars <= 0 or len(text) <= most_chars:
        return text
    cut = text[: most_chars + 1].rsplit(" ", 1)[0].rstrip(" ,;:\u2014\u2013")
    return cut if max(1, least_chars) <= len(cut) <= most_chars else text[:most_chars]


def spellings(text: str) -> list[str]:
    """The text as slugs, identifiers, single words and codes, for narrower patterns."""
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    first, digits = (re.findall(r"[A-Za-z]+", text) or ["word"])[0], str(chance.number(text))
    words_ = slug.split("-")
    return [
        text, slug, "-".join(words_[:3]), slug[:20].strip("-"), slug.replace("-", "_"), "_".join(words_[:3]),
        first.lower(), first.capitalize(), first.upper(),
        *(f"{first.lower()}{mark}{digits[:length]}" for mark in ("-", "_", "") for length in range(1, 5)),
        *(f"{first[:3].upper()}-{digits[:length]}" for length in range(1, 7)),
    ]  # fmt: skip


def _told(beat: str, turn: int) -> str:
    """One sentence of the beat; the fields of an object take turns where it has several that tell enough."""
    choice = [
        told for told in story.sentences(beat) if len(told.split()) >= _TELLING_WORDS and not _COUNTED.search(told)
    ]
    told = (choice or [beat])[turn % max(1, len(choice))].strip().rstrip(".!?… ,")
    return f"{told[:1].upper()}{told[1:]}."


def _title(beat: str) -> str:
    """A few words that name the beat: who is in it, else what."""
    named = story.names(beat) + story.place_names(beat)
    if named:
        return " and ".join(named[:2])
    thing = next(iter(story.things(beat)), "") or " ".join(telling_words(beat, _BRIEF_WORDS, 0))
    return thing.title()
