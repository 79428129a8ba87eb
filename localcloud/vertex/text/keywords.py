"""One spelling for schema keywords: both dialects, both key styles, and what it means to obey two schemas at once.

Nothing here follows references or knows what will be written; see schema for that.
"""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import zip_longest
from math import lcm
from typing import Any

from localcloud.vertex.wire import Json, snake

_CAMEL = (
    "additionalItems additionalProperties allOf anyOf oneOf prefixItems dependentRequired dependentSchemas "
    "exclusiveMinimum exclusiveMaximum maxContains minContains maxItems minItems maxLength minLength maxProperties "
    "minProperties multipleOf patternProperties propertyNames propertyOrdering uniqueItems"
).split()
_SPELLED = {snake(name): name for name in _CAMEL} | {"ref": "$ref", "defs": "$defs"}
_ANCHORED = re.compile(r"\\p\{(\w+)\}|\\P\{(\w+)\}|\(\?<(?![=!])")
_LETTERS = {"L": "[A-Za-z]", "Lu": "[A-Z]", "Ll": "[a-z]", "N": "[0-9]", "Nd": "[0-9]", "P": "[!-/:-@]"}
_NOTHING = object()  # what two rules have in common that contradict each other

Merge = Callable[[Any, Any], Any]


def canonical(schema: Json) -> dict[str, Any]:
    """The same schema with camelCase keywords, lower-case types and numbers where text stood for them."""
    plain = {_SPELLED.get(name, name): value for name, value in schema.items() if value is not None or name == "const"}
    if written := plain.get("type"):
        plain["type"] = written.lower() if isinstance(written, str) else [str(each).lower() for each in written]
    if plain.get("type") in ("", "type_unspecified"):
        del plain["type"]
    for name in ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"):
        if isinstance(plain.get(name), str | float):  # int64 travels as text, the Python client sends floats
            plain[name] = int(float(plain[name]))
    for name in ("minimum", "maximum"):
        if isinstance(plain.get(name), str):
            plain[name] = float(plain[name])
    if plain.get("type") in ("integer", "number") and all(isinstance(each, str) for each in plain.get("enum", [0])):
        plain["enum"] = [int(each) if re.fullmatch(r"-?\d+", each) else float(each) for each in plain["enum"]]
    return _modern(plain)


def _modern(plain: dict[str, Any]) -> dict[str, Any]:
    """The same schema without what draft 4 spelled otherwise: exclusive bounds and tuples."""
    for name, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(plain.get(name), bool):  # draft 4: whether the bound itself is excluded
            plain |= {name: plain.pop(bound)} if plain.pop(name) and bound in plain else {}
    if isinstance(plain.get("items"), list):  # draft 4's spelling of tuples
        plain["prefixItems"] = plain.pop("items")
        plain |= {"items": plain.pop("additionalItems")} if "additionalItems" in plain else {}
    return plain


@lru_cache(maxsize=256)
def regex(pattern: str) -> re.Pattern[str] | None:
    """An ECMA pattern as Python reads it; None where it cannot be read."""

    def python(found: re.Match[str]) -> str:
        if found[1] or found[2]:
            return _LETTERS.get(found[1] or "", r"[\w]")
        return "(?P<"

    try:
        return re.compile(_ANCHORED.sub(python, pattern))
    except re.error:
        return None


def both(a: Json, b: Json) -> dict[str, Any] | None:
    """A schema that accepts what both accept, as far as can be said in one; None if they contradict each other."""
    merged = {**a, **b}
    for name in a.keys() & b.keys():
        if name in _MERGES:
            merged[name] = _MERGES[name](a[name], b[name])
            if merged[name] is _NOTHING:
                return None
    merged |= _cross_properties(a, b, merged) | _cross_items(a, b)
    if "const" in merged and "enum" in merged and merged["const"] not in merged["enum"]:
        return None
    return merged


def property_schemas(plain: Json, name: str) -> list[Any]:
    """Every schema a property of that name has to obey; false where it must not be."""
    by_pattern = [
        part
        for pattern, part in plain.get("patternProperties", {}).items()
        if (read := regex(pattern)) is None or read.search(name)
    ]
    named = [plain["properties"][name]] if name in plain.get("properties", {}) else []
    return named + by_pattern or [plain.get("additionalProperties", True)]


def _cross_properties(a: Json, b: Json, merged: Json) -> dict[str, Any]:
    """The properties that only one of the two names, held against what the other says of any property."""
    crossed = {}
    for name, schema in merged.get("properties", {}).items():
        silent = next((each for each in (a, b) if name not in each.get("properties", {})), None)
        others = [part for part in property_schemas(silent, name) if part is not True] if silent is not None else []
        if False not in others:
            crossed[name] = {"allOf": [schema, *others]} if others else schema
    patterns = {}
    for pattern, schema in merged.get("patternProperties", {}).items():
        others = [each.get("additionalProperties", True) for each in (a, b) if pattern not in _patterns(each)]
        if False not in others:
            patterns[pattern] = {"allOf": [schema, *others]} if others not in ([], [True]) else schema
    found = {"properties": crossed, "patternProperties": patterns}
    return {name: value for name, value in found.items() if value or name in merged}


def _patterns(plain: Json) -> Mapping[str, Any]:
    patterns: Mapping[str, Any] = plain.get("patternProperties", {})
    return patterns


def _cross_items(a: Json, b: Json) -> dict[str, Any]:
    """A tuple of one held against the tuple or the entries of the other, place by place."""
    ours, theirs = a.get("prefixItems", []), b.get("prefixItems", [])
    if not ours and not theirs:
        return {}
    places = zip_longest(ours, theirs, fillvalue=None)
    rest = [each.get("items", True) for each in (a, b)]
    prefix = [_all_of(rest[0] if one is None else one, rest[1] if other is None else other) for one, other in places]
    return {"prefixItems": prefix, "items": False if False in rest else _all_of(*rest)}


def _types(a: Any, b: Any) -> Any:
    ours, theirs = ([each] if isinstance(each, str) else list(each) for each in (a, b))
    shared = [each for each in ours if each in theirs or (each == "integer" and "number" in theirs)]
    shared += [each for each in theirs if each == "integer" and "number" in ours and each not in shared]
    return (shared[0] if len(shared) == 1 else shared) or _NOTHING


def _properties(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    shared = {name: {"allOf": [a[name], b[name]]} for name in a.keys() & b.keys()}
    return {**a, **b, **shared}


def _multiple(a: float, b: float) -> float:
    ours, theirs = Fraction(str(a)), Fraction(str(b))
    common = Fraction(
        lcm(ours.numerator * theirs.denominator, theirs.numerator * ours.denominator),
        ours.denominator * theirs.denominator,
    )
    return int(common) if common.denominator == 1 else float(common)


def _all_of(a: Any, b: Any) -> dict[str, Any]:
    return {"allOf": [a, b]}


_MERGES: Mapping[str, Merge] = {
    "type": _types,
    "properties": _properties,
    "patternProperties": _properties,
    "required": lambda a, b: list(dict.fromkeys([*a, *b])),
    "enum": lambda a, b: [each for each in a if each in b] or _NOTHING,
    "const": lambda a, b: a if a == b else _NOTHING,
    "format": lambda a, b: a if a == b else _NOTHING,
    "items": _all_of,
    "propertyNames": _all_of,
    "additionalProperties": lambda a, b: False if a is False or b is False else _all_of(a, b),
    "not": lambda a, b: {"anyOf": [a, b]},
    "pattern": lambda a, b: a if a == b else f"(?={a if a[:1] == '^' else f'.*{a}'}){b}",
    "multipleOf": _multiple,
    "uniqueItems": lambda a, b: a or b,
    "nullable": lambda a, b: a and b,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"), min),
}
