"""Numbers within any bounds: what the prompt says of them, else a draw."""

import math
from collections.abc import Iterator

from localcloud.vertex import chance
from localcloud.vertex.text import verdict
from localcloud.vertex.text.accepts import accepts
from localcloud.vertex.text.counting import numbers_by, words
from localcloud.vertex.text.place import Place
from localcloud.vertex.text.schema import Node

_SPAN = 10  # values an unbounded number is drawn from
_NEIGHBOURS = 64  # multiples tried around a wish, because floats do not divide as decimals do


def number(shape: Node, place: Place) -> int | float:
    """The nearest allowed number to what the prompt says; a second attempt gives another one."""
    low, high = _bounds(shape)
    said = list(numbers_by(words(place.name), place.brief.wishes)) if place.name else []
    fitting = [each for each in said if low <= each <= high]
    told = bool(fitting or said)
    wish = verdict.mark(place, shape.about, (low, high), integer=shape.type == "integer", told=told)
    if wish is None or place.attempt:
        wish = (fitting or said)[0] if told and not place.attempt else _drawn(low, high, place)
    return next((each for each in _allowed(shape, wish, low, high) if accepts(shape.raw, each, shape.root)), wish)


def _drawn(low: float, high: float, place: Place) -> float:
    if math.isfinite(low) and math.isfinite(high):
        if place.attempt:  # anywhere: the good ones have been tried
            return chance.between(low, high, place.seed)
        return high - (high - low) / 4 * chance.fraction(place.seed)  # marks and shares come out well, but not full
    start = low if math.isfinite(low) else min(1.0, high - _SPAN + 1)
    return start + chance.number(place.seed) % (_SPAN * (place.attempt + 1))


def _allowed(shape: Node, wish: float, low: float, high: float) -> Iterator[int | float]:
    """Numbers near the wish, the likeliest first; not all of them fit."""
    wish = max(low, min(wish, high))
    step = shape.get("multipleOf") or (1 if shape.type == "integer" else 0)
    if step:
        middle = round(wish / step)
        for away in range(_NEIGHBOURS):
            for times in {middle + away, middle - away}:
                each = times * step if isinstance(step, int) else round(times * step, 12)
                yield int(each) if shape.type == "integer" else each
        return
    yield from (round(wish, 6), wish)
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
