"""Lists as long as the prompt says, each entry telling its part; objects with their properties in order."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from localcloud.vertex.text import story, strings
from localcloud.vertex.text.keywords import property_schemas
from localcloud.vertex.text.place import PICTURE_NUMBERS, Place, findings
from localcloud.vertex.text.schema import Node, accepts, ways
from localcloud.vertex.text.story import count_of, words
from localcloud.vertex.text.strings import sample

Fill = Callable[[Any, Mapping[str, Any], Place], Any]

_USUAL_MOST_ITEMS = 12
_ITEM_CAP = 1000
_DEEP_ARRAYS = 2  # inside as many arrays a further one is as short as it may be
_DISTINCT_TRIES = 80
_PLACE_WORDS = frozenset({"place", "places", "location", "locations", "setting", "settings", "room", "rooms"})
_ANY = Node({}, {})


def fill_list(shape: Node, place: Place, fill: Fill) -> list[Any]:
    prefix, items = _parts(shape)
    entry = next(iter(ways(items, shape.root)), _ANY)
    count = _length(shape, entry, place, len(prefix)) if ways(items, shape.root) else len(prefix)
    judged = _list_judged(entry, place)
    count = min(len(judged) or count, shape.get("maxItems", count))
    told = story.beats(place.beat, count) if entry.type in ("object", "array") else [place.beat] * count
    called = [] if prefix else _called(entry, place)
    filled: list[Any] = []
    for i, (beat, name) in enumerate(zip_longest(told, called[:count], fillvalue="")):
        picture = judged[i] if judged else place.picture
        at = place.at(i, beat=_of(name, beat, place), place=i, listed=True, called=name, picture=picture)
        schema = prefix[i] if i < len(prefix) else items
        _append(filled, schema, at, fill, shape)
    _contain(filled, shape, place, fill)
    return filled


def _list_judged(entry: Node, place: Place) -> list[int]:
    """The pictures that a list has an entry for each of: those that are judged, if its entries have their number."""
    merit = place.brief.merit
    if merit is None or place.picture or entry.type != "object":
        return []
    has_number = any(PICTURE_NUMBERS & set(words(name)) for name in entry.properties)
    return list(merit.by_picture) if has_number else []


def _parts(shape: Node) -> tuple[list[Any], Any]:
    """Schemas of the first entries, and that of the others."""
    prefix, items = list(shape.get("prefixItems", [])), shape.get("items", True)
    return prefix, items if "items" in shape.raw or not prefix else shape.get("minItems", 0) > len(prefix)


def _append(filled: list[Any], schema: Any, at: Place, fill: Fill, shape: Node) -> None:
    """Add an entry; where entries must differ, try until it does, and leave it out if it cannot."""
    for attempt in range(_DISTINCT_TRIES if shape.get("uniqueItems") else 1):
        value = fill(schema, shape.root, replace(at, attempt=at.attempt + attempt))
        if not shape.get("uniqueItems") or not any(_same(value, each) for each in filled):
            filled.append(value)
            return


def _contain(filled: list[Any], shape: Node, place: Place, fill: Fill) -> None:
    """See to it that enough entries are of the kind the list must contain, those of free places first."""
    if "contains" not in shape.raw:
        return
    prefix, items = _parts(shape)
    kind, wanted = shape.get("contains"), shape.get("minContains", 1)
    most = min(shape.get("maxItems", _ITEM_CAP), max(len(filled), len(prefix) + wanted))
    for i in (*range(len(prefix), most), *range(len(prefix))):
        if sum(accepts(kind, each, shape.root) for each in filled) >= wanted:
            return
        both = {"allOf": [prefix[i] if i < len(prefix) else items, kind]}
        others = filled[:i] + filled[i + 1 :]
        if ways(both, shape.root):
            _append(others, both, place.at(i, place=i, listed=True), fill, shape)
        if len(others) and accepts(both, others[-1], shape.root):
            filled[i : i + 1] = others[-1:]


def _length(shape: Node, entry: Node, place: Place, fixed: int) -> int:
    least, most = max(fixed, shape.get("minItems", 0)), min(shape.get("maxItems", _ITEM_CAP), _ITEM_CAP)
    if fixed or place.must_end:
        return int(least)
    nouns = [words(name)[-1] for name in (place.name, str(entry.get("title", ""))) if words(name)]
    said = next((count for noun in nouns if (count := count_of(noun, place.brief.texts))), None)
    if said and said[0] == said[1]:
        return int(max(least, min(said[0], most)))
    if entry.type == "string" and (found := findings(place)) is not None:
        return int(max(least, min(len(found), most)))
    low, high = said or (1, _USUAL_MOST_ITEMS)
    if place.arrays_above >= _DEEP_ARRAYS:
        return int(max(least, min(low, most)))
    if not said and (called := _called(entry, place)):
        return int(max(least, min(len(called), most)))
    told = max(low, min(len(story.sentences(place.beat)), high))
    return int(max(least, min(told, most)))


def _called(entry: Node, place: Place) -> list[str]:
    """What a list of named things should name, by what the schema says they are: places, or anything else."""
    if entry.type != "object" or "name" not in entry.properties:
        return []
    is_place = _PLACE_WORDS & {*words(place.name), *words(entry.about)}
    return story.about(place.beat, place=bool(is_place))


def _of(name: str, beat: str, place: Place) -> str:
    """The sentences of the story that speak of a named thing, else the beat."""
    if not name:
        return beat
    spoken = [told for told in story.sentences(place.beat) if re.search(rf"(?i)\b{re.escape(name)}\b", told)]
    return " ".join(spoken[:2]) or beat


def _same(a: Any, b: Any) -> bool:
    """Equal as JSON: true is not 1, but 1.0 is."""
    return json.dumps(_plain(a), sort_keys=True) == json.dumps(_plain(b), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


_USUAL_FREE = 2  # entries of an object that names none
_NAME_TRIES = 40


def fill_object(shape: Node, place: Place, fill: Fill) -> dict[str, Any]:
    """The object, without optional properties where the answer must come to an end."""
    names = [*shape.properties, *(name for name in shape.required if name not in shape.properties)]
    filled: dict[str, Any] = {}
    for order, name in enumerate(names):
        if name not in shape.required and (place.must_end or not _possible(shape, name)):
            continue
        value = _property(shape, place, name, order, fill)
        allowed = all(accepts(part, value, shape.root) for part in property_schemas(shape.raw, name))
        if name in shape.required or allowed:
            filled[name] = value
    _demanded(shape, place, filled, fill)
    for name in reversed(list(filled)):
        if len(filled) > shape.get("maxProperties", len(filled)) and name not in shape.required:
            del filled[name]
    return filled


def _demanded(shape: Node, place: Place, filled: dict[str, Any], fill: Fill) -> None:
    """Add what other rules ask for beside the names."""
    for name in list(filled):
        for needed in shape.get("dependentRequired", {}).get(name, ()):
            if needed not in filled:
                filled[needed] = _property(shape, place, needed, len(filled), fill)
    open_ended = isinstance(shape.get("additionalProperties"), Mapping) or "patternProperties" in shape.raw
    usual = _USUAL_FREE if open_ended and not shape.properties and not place.must_end else 0
    wanted = min(max(shape.get("minProperties", 0), usual), shape.get("maxProperties", _NAME_TRIES))
    for turn in range(_NAME_TRIES):
        if len(filled) >= wanted:
            return
        free = _free_name(shape, place, turn)
        if free and free not in filled:
            filled[free] = _property(shape, place, free, len(filled), fill)


def _possible(shape: Node, name: str) -> bool:
    return all(ways(part, shape.root) for part in property_schemas(shape.raw, name))


def _property(shape: Node, place: Place, name: str, order: int, fill: Fill) -> Any:
    """A value for the name; an object that is no list's entry speaks of the whole, not of its parts."""
    parts = property_schemas(shape.raw, name)
    schema = parts[0] if len(parts) == 1 else {"allOf": parts}
    first = next(iter(ways(schema, shape.root)), None)
    whole = first is not None and first.type == "object" and not place.listed
    beat = story.outside_parts(place.beat) if whole else place.beat
    return fill(schema, shape.root, place.at(name, place=order, listed=False, beat=beat, called=place.called))


def _free_name(shape: Node, place: Place, turn: int) -> str | None:
    """A name that the schema does not give: a word of the story where the rules for names allow it."""
    rule = shape.get("propertyNames", True)
    told = " ".join(strings.telling_words(place.beat, 1, turn))
    drawn = [told, f"{told}{turn}"]
    drawn += [sample(pattern, 0, 0, place.seed, turn) or "" for pattern in shape.get("patternProperties", {})]
    for way in ways(rule, shape.root):
        drawn += [str(each) for each in way.get("enum", [way.get("const")] if "const" in way.raw else [])]
        least, most = way.get("minLength", 0), way.get("maxLength", 0)
        drawn.append(sample(str(way.get("pattern", "[a-z]+")), least, most, place.seed, turn) or "")
    closed = shape.get("additionalProperties") is False
    known = set(shape.get("properties", {}))
    for name in drawn[turn % len(drawn) :] + drawn[: turn % len(drawn)]:
        free = name not in known and (not closed or property_schemas(shape.raw, name) != [False])
        if free and accepts(rule, name, shape.root) and _possible(shape, name):
            return name
    return None
