"""Fills any response schema from a prompt.

List lengths and numbers follow what the prompt says of them; strings tell the story, an array's i-th entry its i-th
part.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from localcloud.vertex import chance
from localcloud.vertex.text import naming, phrases, story
from localcloud.vertex.text.counting import count_of, numbers_by, words
from localcloud.vertex.text.formats import formatted, matching
from localcloud.vertex.text.phrases import Slot
from localcloud.vertex.text.schema import Node, node
from localcloud.vertex.text.story import Brief

_DEEP = 8  # levels after which only what a schema demands is written, so that recursive schemas end
_USUAL_MOST_ITEMS = 12
_ITEM_CAP = 1000
_PLACE_WORDS = frozenset({"place", "places", "location", "locations", "setting", "settings", "room", "rooms"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the answer we are: names on the way down, the part of the story told here, the place among siblings."""

    brief: Brief
    beat: str
    path: tuple[str | int, ...] = ()
    place: int = 0
    listed: bool = False
    called: str = ""

    @property
    def name(self) -> str:
        return next((str(step) for step in reversed(self.path) if isinstance(step, str)), "")

    @property
    def seed(self) -> tuple[object, ...]:
        return (*self.brief.seed, self.path)

    def at(self, step: str | int, **changes: Any) -> "Place":
        return replace(self, path=(*self.path, step), **changes)


def answer(schema: Mapping[str, Any], brief: Brief) -> Any:
    """A JSON value that the schema accepts. Raises: ApiError 400 for a broken schema."""
    return _value(node(schema), Place(brief, brief.story))


def _value(shape: Node, place: Place) -> Any:
    if (const := shape.get("const")) is not None:
        return const
    if options := shape.get("enum"):
        return _option(options, place)
    match shape.type:
        case "object":
            return _object(shape, place)
        case "array":
            return _array(shape, place)
        case "integer" | "number":
            return _number(shape, place)
        case "boolean":
            return shape.get("default", True)
        case "null":
            return None
        case _:
            return _string(shape, place)


def _option(options: list[Any], place: Place) -> Any:
    """The first option this part of the story mentions, else any."""
    options = [option for option in options if option is not None] or [None]
    told = f" {' '.join(words(place.beat))} "
    mentioned = [option for option in options if f" {' '.join(words(str(option)))} " in told]
    return mentioned[0] if mentioned else chance.pick(options, place.seed)


def _object(shape: Node, place: Place) -> dict[str, Any]:
    wanted = shape.properties
    if len(place.path) > _DEEP:
        wanted = {name: child for name, child in wanted.items() if name in shape.required}
    filled = {name: _value(child, _field(place, name, child, i)) for i, (name, child) in enumerate(wanted.items())}
    extra = shape.get("additionalProperties")
    if not wanted and isinstance(extra, Mapping):
        keys = phrases.telling_words(place.beat, 2, 0)
        filled = {key: _value(shape.child(extra), place.at(key)) for key in dict.fromkeys(keys)}
    return filled


def _field(place: Place, name: str, child: Node, order: int) -> Place:
    """The place of a property; an object that is no list's entry speaks of the whole, not of its parts."""
    whole = child.type == "object" and not place.listed
    beat = story.outside_parts(place.beat) if whole else place.beat
    return place.at(name, place=order, listed=False, beat=beat)


def _array(shape: Node, place: Place) -> list[Any]:
    if fixed := shape.get("prefixItems"):
        return [_value(shape.child(each), place.at(i, place=i, listed=True)) for i, each in enumerate(fixed)]
    count = _length(shape, place)
    each = shape.child(shape.get("items", {}))
    told = story.beats(place.beat, count) if each.type in ("object", "array") else [place.beat] * count
    called = _called(each, place)
    filled = [
        _value(each, place.at(i, beat=_of(name, beat, place), place=i, listed=True, called=name))
        for i, (beat, name) in enumerate(zip_longest(told, called[:count], fillvalue=""))
    ]
    return _distinct(filled) if shape.get("uniqueItems") else filled


def _length(shape: Node, place: Place) -> int:
    least, most = shape.whole("minItems", 0), min(shape.whole("maxItems", _ITEM_CAP), _ITEM_CAP)
    if len(place.path) > _DEEP:
        return least
    entry = shape.child(shape.get("items", {}))
    nouns = [words(name)[-1] for name in (place.name, str(entry.get("title", ""))) if words(name)]
    said = next((count for noun in nouns if (count := count_of(noun, place.brief.wishes))), None)
    if said and said[0] == said[1]:
        return max(least, min(said[0], most))
    low, high = said or (1, _USUAL_MOST_ITEMS)
    if not said and (called := _called(entry, place)):
        return max(least, min(len(called), most))
    told = max(low, min(len(story.sentences(place.beat)), high))
    return max(least, min(told, most))


def _called(entry: Node, place: Place) -> list[str]:
    """What a list of named things should name, by what the schema says they are: places, or anything else."""
    if entry.type != "object" or "name" not in entry.properties:
        return []
    is_place = _PLACE_WORDS & {*words(place.name), *words(entry.about)}
    return naming.about(place.beat, place=bool(is_place))


def _of(name: str, beat: str, place: Place) -> str:
    """The sentences of the story that speak of a named thing, else the beat."""
    if not name:
        return beat
    spoken = [told for told in story.sentences(place.beat) if re.search(rf"(?i)\b{re.escape(name)}\b", told)]
    return " ".join(spoken[:2]) or beat


def _distinct(values: list[Any]) -> list[Any]:
    """Repeated texts are told apart, other repeats dropped."""
    distinct: list[Any] = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
        elif isinstance(value, str):
            distinct.append(f"{value} {len(distinct) + 1}")
    return distinct


def _number(shape: Node, place: Place) -> int | float:
    integer = shape.type == "integer"
    low, high = _bounds(shape, 1 if integer else 1e-6)
    step = shape.number("multipleOf") or (1 if integer else 0)
    said = list(numbers_by(words(place.name), place.brief.wishes)) if place.name else []
    fitting = [number for number in said if low <= number <= high]
    if fitting or said:
        value = (fitting or said)[0]
    elif math.isfinite(low) and math.isfinite(high):
        value = high - (high - low) / 4 * chance.fraction(place.seed)  # marks and shares come out well, but not full
    else:
        start = low if math.isfinite(low) else min(1.0, high - 9)
        value = start + chance.number(place.seed) % 10
    value = max(low, min(value, high))
    if step:
        value = step * (math.ceil(low / step) if step * round(value / step) < low else round(value / step))
        value = value - step if value > high else value
    return int(value) if integer else round(value, 6)


def _bounds(shape: Node, gap: float) -> tuple[float, float]:
    """Inclusive bounds, exclusive ones moved in by the smallest step."""
    low, high = shape.number("minimum"), shape.number("maximum")
    above, below = shape.number("exclusiveMinimum"), shape.number("exclusiveMaximum")
    return (
        max(-math.inf if low is None else low, -math.inf if above is None else above + gap),
        min(math.inf if high is None else high, math.inf if below is None else below - gap),
    )


def _string(shape: Node, place: Place) -> str:
    least, most = shape.whole("minLength", 0), shape.whole("maxLength", 0)
    if (value := formatted(str(shape.get("format", "")), place.seed)) is not None:
        return value
    slot = Slot(place.name, shape.about, place.place, place.listed, most, place.called)
    told = phrases.fit(phrases.phrase(slot, place.beat, place.brief.seed), least, most)
    if pattern := shape.get("pattern"):
        return matching(str(pattern), told, place.seed) or told
    return told
