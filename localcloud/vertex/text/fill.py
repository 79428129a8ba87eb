"""Fills any response schema from a prompt.

List lengths and numbers follow what the prompt says of them; strings tell the story, an array's i-th entry its i-th
part. Of several ways to fill a place the first one counts whose value the schema accepts.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf
from typing import Any

from localcloud.vertex import chance
from localcloud.vertex.text import strings
from localcloud.vertex.text.containers import fill_list, fill_object
from localcloud.vertex.text.place import PICTURE_NUMBERS, Place, findings, judged_choice, judged_yes, score_at
from localcloud.vertex.text.schema import Node, accepts, height, node, ways
from localcloud.vertex.text.story import Brief, numbers_by, words
from localcloud.vertex.text.strings import Slot, format_value, sample

_SPAN = 10  # values an unbounded number is drawn from
_NEIGHBOURS = 64  # multiples tried around a wanted, because floats do not divide as decimals do


def number(shape: Node, place: Place) -> int | float:
    """The nearest allowed number to what the prompt says; a second attempt gives another one."""
    low, high = _bounds(shape)
    if place.picture and PICTURE_NUMBERS & set(words(place.name)):
        return place.picture
    said = list(numbers_by(words(place.name), place.brief.texts)) if place.name else []
    fitting = [each for each in said if low <= each <= high]
    is_said = bool(fitting or said)
    wanted = score_at(place, shape.about, (low, high), integer=shape.type == "integer", is_said=is_said)
    if wanted is None or place.attempt:
        wanted = (fitting or said)[0] if is_said and not place.attempt else _drawn(low, high, place)
    return next((each for each in _allowed(shape, wanted, low, high) if accepts(shape.raw, each, shape.root)), wanted)


def _drawn(low: float, high: float, place: Place) -> float:
    if math.isfinite(low) and math.isfinite(high):
        if place.attempt:  # anywhere: the good ones have been tried
            return chance.between(low, high, place.seed)
        return high - (high - low) / 4 * chance.fraction(place.seed)  # marks and shares come out well, but not full
    start = low if math.isfinite(low) else min(1.0, high - _SPAN + 1)
    return start + chance.number(place.seed) % (_SPAN * (place.attempt + 1))


def _allowed(shape: Node, wanted: float, low: float, high: float) -> Iterator[int | float]:
    """Numbers near the wanted, the likeliest first; not all of them fit."""
    wanted = max(low, min(wanted, high))
    step = shape.get("multipleOf") or (1 if shape.type == "integer" else 0)
    if step:
        middle = round(wanted / step)
        for away in range(_NEIGHBOURS):
            for times in {middle + away, middle - away}:
                each = times * step if isinstance(step, int) else round(times * step, 12)
                yield int(each) if shape.type == "integer" else each
        return
    yield from (round(wanted, 6), wanted)
    if math.isfinite(low) and math.isfinite(high):
        yield from (low + (high - low) * part for part in (0.5, 0.75, 0.25))
    yield from (math.nextafter(low, math.inf), low + 1, math.nextafter(high, -math.inf), high - 1)


def _bounds(shape: Node) -> tuple[float, float]:
    """The bounds as written; whether they are exclusive is left to the check of what is drawn."""
    lows = [shape.get(name) for name in ("minimum", "exclusiveMinimum")]
    highs = [shape.get(name) for name in ("maximum", "exclusiveMaximum")]
    return (
        max((float(each) for each in lows if each is not None and not isinstance(each, bool)), default=-math.inf),
        min((float(each) for each in highs if each is not None and not isinstance(each, bool)), default=math.inf),
    )


_ATTEMPTS = 4


def answer(schema: Mapping[str, Any], brief: Brief) -> Any:
    """A JSON value that the schema accepts. Raises: ApiError 400 for a broken schema."""
    node(schema, schema)
    return fill(schema, schema, Place(brief, brief.story))


def fill(schema: Any, root: Mapping[str, Any], place: Place) -> Any:
    """The value for one place; the best guess where nothing that was tried fits."""
    tried: list[Any] = []
    for way, attempt in _order(ways(schema, root), root, place):
        value = _value(way, replace(place.within(way), attempt=place.attempt + attempt))
        if accepts(schema, value, root):
            return value
        tried.append(value)
        if not place.patience.spend():
            break
    return tried[0] if tried else None


def _order(found: list[Node], root: Mapping[str, Any], place: Place) -> Iterator[tuple[Node, int]]:
    """Every way once, then again with other draws. Where the answer must end, the shortest way comes first."""
    if place.must_end and len(found) > 1:
        tall = {id(way): height(way.raw, root, frozenset(place.turns)) for way in found}
        ending = [way for way in found if tall[id(way)] < inf]
        found = sorted(ending or found[:1], key=lambda way: tall[id(way)])
    elif found:
        turn = place.attempt % len(found)
        found = found[turn:] + found[:turn]
    for attempt in range(_ATTEMPTS):
        for way in found:
            yield way, attempt


def _value(shape: Node, place: Place) -> Any:
    if "const" in shape.raw:
        return shape.get("const")
    if options := shape.get("enum"):
        return _option(shape, options, place)
    match shape.type:
        case "object":
            return fill_object(shape, place, fill)
        case "array":
            return fill_list(shape, place, fill)
        case "integer" | "number":
            return number(shape, place)
        case "boolean":
            judged = judged_yes(place)
            return (shape.get("default", True) if judged is None else judged) is not bool(place.attempt % 2)
        case "null":
            return None
        case _:
            return _string(shape, place)


def _option(shape: Node, options: list[Any], place: Place) -> Any:
    """The first option this part of the story mentions, else any; a second attempt takes the next one."""
    options = [each for each in options if accepts(shape.raw, each, shape.root)] or options
    options = [each for each in options if each is not None] or options
    told = f" {' '.join(words(place.beat))} "
    mentioned = [each for each in options if f" {' '.join(words(str(each)))} " in told]
    judged = judged_choice(options, place)
    if judged is not None:
        mentioned = [judged]
    chosen = mentioned[0] if mentioned else chance.pick(options, *place.brief.seed, place.path)
    return options[(options.index(chosen) + place.attempt) % len(options)]


def _string(shape: Node, place: Place) -> str:
    least, most = shape.get("minLength", 0), shape.get("maxLength", 0)
    written = format_value(str(shape.get("format", "")), place.seed)
    if written is not None and accepts(shape.raw, written, shape.root):
        return written
    slot = Slot(place.name, shape.about, place.place, place.listed, most, place.called)
    found = findings(place)
    if place.picture and found == () and not least:
        return ""  # about this picture there is nothing bad to say
    told = strings.phrase(slot, place.beat, place.brief.seed) if not found else _reason(found, place)
    told = strings.fit(f"{told} {place.attempt + 1}" if place.attempt else told, least, most)
    if "maxLength" in shape.raw and not most:
        told = ""
    if "pattern" not in shape.raw or accepts(shape.raw, told, shape.root):
        return told
    return _patterned(str(shape.get("pattern")), told, least, most, place) or told


def _reason(found: tuple[str, ...], place: Place) -> str:
    """All findings where one text is asked for, else the next one."""
    return found[place.place % len(found)] if place.listed else " ".join(found)


def _patterned(pattern: str, told: str, least: int, most: int, place: Place) -> str | None:
    """What the story says, if it can be spelled to fit; else any string the pattern accepts."""
    spelled = strings.spellings(told)
    fitting = (each for each in spelled if least <= len(each) <= (most or len(each)))
    said = next((each for each in fitting if accepts({"pattern": pattern}, each, {})), None)
    return said if said and not place.attempt else sample(pattern, least, most, place.seed)
