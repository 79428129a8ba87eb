"""Strings for named places: a beat of the story, told so that no two fields of an object read alike.

A place is described by words only (its name, its description); no field of any particular schema is known here.
"""

import re
from dataclasses import dataclass

from localcloud.vertex import chance
from localcloud.vertex.text import naming, story
from localcloud.vertex.text.counting import words

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
    """The text as slugs, identifiers, single words and codes, for whoever wants a narrower form."""
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
    named = naming.names(beat) + naming.place_names(beat)
    if named:
        return " and ".join(named[:2])
    thing = next(iter(naming.things(beat)), "") or " ".join(telling_words(beat, _BRIEF_WORDS, 0))
    return thing.title()
