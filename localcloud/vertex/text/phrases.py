"""Strings for named places: a beat of the story, told so that no two fields of an object read alike.

A place is described by words only (its name, its description); no field of any particular schema is known here.
"""

import re
from dataclasses import dataclass

from localcloud.vertex import chance
from localcloud.vertex.text import story
from localcloud.vertex.text.counting import words

# Words that name the form of a text and not what it is about.
_FORM = frozenset({"prompt", "text", "note", "description", "summary", "content", "string", "value", "detail", "body"})
_BRIEF = frozenset({"title", "name", "label", "tag", "keyword", "heading", "headline", "caption", "slug", "subject"})
_COLOUR = frozenset({"colour", "color", "palette", "hue", "tint"})
_COLOURS = (
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


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a string goes: property name, what the schema says about it, its place among its siblings."""

    name: str
    about: str
    place: int
    listed: bool = False
    most_chars: int = 0  # 0: no limit


def phrase(slot: Slot, beat: str, seed: tuple[object, ...]) -> str:
    """A text for the slot, drawn from the beat; length limits are the caller's."""
    named = words(slot.name)
    about = {*named, *(word.rstrip("s") for word in words(slot.about))}
    if _COLOUR & about and (slot.listed or not slot.about):
        return _COLOURS[(chance.number(seed, slot.name) + slot.place) % len(_COLOURS)]
    short = 0 < slot.most_chars <= _SHORT_CHARS or "short" in about
    if named and (named[-1] in _BRIEF or short):
        return " ".join(word.capitalize() for word in telling_words(beat, _BRIEF_WORDS, 0))
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


def _told(beat: str, turn: int) -> str:
    """One sentence of the beat; the fields of an object take turns where it has several."""
    choice = story.sentences(beat) or [beat]
    told = choice[turn % len(choice)].strip().rstrip(".!?… ,")
    return f"{told[:1].upper()}{told[1:]}."
