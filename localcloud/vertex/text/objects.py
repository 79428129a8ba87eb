"""Objects: their named properties in order, then what patterns, counts and dependencies still demand."""

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.vertex.text import phrases, story
from localcloud.vertex.text.accepts import accepts
from localcloud.vertex.text.keywords import property_schemas
from localcloud.vertex.text.patterns import sample
from localcloud.vertex.text.place import Place
from localcloud.vertex.text.schema import Node, ways

Fill = Callable[[Any, Mapping[str, Any], Place], Any]

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
    """A name nobody wrote down: a word of the story where the rules for names allow it."""
    rule = shape.get("propertyNames", True)
    told = " ".join(phrases.telling_words(place.beat, 1, turn))
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
