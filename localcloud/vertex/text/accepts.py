"""Whether a value obeys a schema: what the filler asks itself before it settles for one of several ways.

Of formats only the outward look is checked; they are right by construction.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.vertex.text.formats import looks_like
from localcloud.vertex.text.keywords import canonical, property_schemas, regex
from localcloud.vertex.text.schema import target
from localcloud.vertex.wire import Json

_MOST_HOPS = 200  # references into references; deeper than any answer


def accepts(schema: Any, value: Any, root: Json, hops: int = 0) -> bool:
    """Raises: ApiError 400 for a reference that leads nowhere."""
    if not isinstance(schema, Mapping):
        return schema is not False
    plain = canonical(schema)
    if value is None and plain.get("nullable"):
        return True

    def fits(part: Any, each: Any) -> bool:
        return accepts(part, each, root, hops + 1)

    reference = plain.get("$ref")
    if reference and (hops > _MOST_HOPS or not fits(target(str(reference), root), value)):
        return False
    return _is_of_type(plain.get("type"), value) and all(
        rule(plain, value, fits) for rule in (_choices, _number, _text, _list, _object)
    )


Fits = Callable[[Any, Any], bool]


def _is_of_type(written: Any, value: Any) -> bool:
    if not written:
        return True
    names = [str(each).lower() for each in (written if isinstance(written, list) else [written])]
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    number = isinstance(value, int | float) and not isinstance(value, bool)
    kinds = {
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "null": value is None,
        "number": number,
        "integer": number and whole,
    }
    return any(kinds.get(name, True) for name in names)


def same(a: Any, b: Any) -> bool:
    """Equal as JSON: true is not 1, but 1.0 is."""
    return json.dumps(_plain(a), sort_keys=True) == json.dumps(_plain(b), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _choices(plain: Json, value: Any, fits: Fits) -> bool:
    if "if" in plain:
        branch = "then" if fits(plain["if"], value) else "else"
        if not fits(plain.get(branch, True), value):
            return False
    return (
        ("const" not in plain or same(plain["const"], value))
        and ("enum" not in plain or any(same(each, value) for each in plain["enum"]))
        and all(fits(each, value) for each in plain.get("allOf", []))
        and ("anyOf" not in plain or any(fits(each, value) for each in plain["anyOf"]))
        and ("oneOf" not in plain or sum(fits(each, value) for each in plain["oneOf"]) == 1)
        and ("not" not in plain or not fits(plain["not"], value))
    )


def _number(plain: Json, value: Any, _: Fits) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    above, below = plain.get("exclusiveMinimum"), plain.get("exclusiveMaximum")
    step = plain.get("multipleOf")
    return (
        value >= plain.get("minimum", value)
        and value <= plain.get("maximum", value)
        and (above is None or (value > above if not isinstance(above, bool) else not above or value > plain["minimum"]))
        and (below is None or (value < below if not isinstance(below, bool) else not below or value < plain["maximum"]))
        and (not step or divides(step, value))
    )


def divides(step: float, value: float) -> bool:
    """As validators see it, with the rounding of floats."""
    if isinstance(step, int) and isinstance(value, int):
        return value % step == 0
    return float(value / step).is_integer()


def _text(plain: Json, value: Any, _: Fits) -> bool:
    if not isinstance(value, str):
        return True
    pattern = regex(str(plain["pattern"])) if "pattern" in plain else None
    return (
        plain.get("minLength", 0) <= len(value) <= plain.get("maxLength", len(value))
        and (pattern is None or bool(pattern.search(value)))
        and looks_like(str(plain.get("format", "")), value)
    )


def _list(plain: Json, value: Any, fits: Fits) -> bool:
    if not isinstance(value, list):
        return True
    items, prefix = plain.get("items", True), list(plain.get("prefixItems", []))
    if isinstance(items, list):  # the older spelling of tuples
        prefix, items = items, plain.get("additionalItems", True)
    if "contains" in plain:
        found = sum(fits(plain["contains"], each) for each in value)
        if not plain.get("minContains", 1) <= found <= plain.get("maxContains", len(value)):
            return False
    if plain.get("uniqueItems") and any(same(a, b) for i, a in enumerate(value) for b in value[:i]):
        return False
    return (
        plain.get("minItems", 0) <= len(value) <= plain.get("maxItems", len(value))
        and all(fits(part, each) for part, each in zip(prefix, value, strict=False))
        and all(fits(items, each) for each in value[len(prefix) :])
    )


def _object(plain: Json, value: Any, fits: Fits) -> bool:
    if not isinstance(value, dict):
        return True
    if not plain.get("minProperties", 0) <= len(value) <= plain.get("maxProperties", len(value)):
        return False
    needed = [name for each, names in plain.get("dependentRequired", {}).items() if each in value for name in names]
    if any(name not in value for name in [*plain.get("required", ()), *needed]):
        return False
    if any(not fits(part, value) for each, part in plain.get("dependentSchemas", {}).items() if each in value):
        return False
    return all(
        fits(plain.get("propertyNames", True), name) and all(fits(part, each) for part in property_schemas(plain, name))
        for name, each in value.items()
    )
