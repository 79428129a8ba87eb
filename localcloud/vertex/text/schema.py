"""Response schemas in both dialects, one place at a time, and whether a value obeys one.

References are followed and combinations become a list of plain ways to fill the place; what to write is decided in
fill. jsonschema decides whether a value obeys: schemas are translated into the draft it knows, one place at a time and
only with the keywords that the models know.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from math import inf
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from localcloud.vertex.text.keywords import both, canonical, regex
from localcloud.vertex.wire import Json, invalid

_MOST_WAYS = 48  # combinations of combinations end here
_TYPE_BY_KEYWORD = {
    "object": "properties required additionalProperties patternProperties propertyNames minProperties".split(),
    "array": "items prefixItems contains minItems maxItems uniqueItems".split(),
    "number": "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf".split(),
}
_TOLD_APART = ("if", "anyOf", "oneOf", "allOf", "$ref")


@dataclass(frozen=True, slots=True)
class Node:
    """One way to fill a place of a schema; ``references`` are those that were followed to get here."""

    raw: Json
    root: Json
    references: frozenset[str] = frozenset()

    @property
    def type(self) -> str:
        """``object array string integer number boolean null``; guessed from the other keys when not written."""
        if written := self.raw.get("type"):
            return str(written)
        return next((t for t, names in _TYPE_BY_KEYWORD.items() if any(n in self.raw for n in names)), "string")

    def get(self, name: str, default: Any = None) -> Any:
        return self.raw.get(name, default)

    def child(self, schema: Any) -> "Node":
        return node(schema, self.root)

    @property
    def properties(self) -> dict[str, Any]:
        """Schemas by name, in the order the answer should have them."""
        named = self.get("properties", {})
        ordered = [name for name in self.get("propertyOrdering", []) if name in named]
        return {name: named[name] for name in [*ordered, *(n for n in named if n not in ordered)]}

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(self.get("required", ()))

    @property
    def about(self) -> str:
        """Title and description, as one text."""
        return f"{self.get('title', '')} {self.get('description', '')}".strip()


def node(schema: Any, root: Json) -> Node:
    """The first way to fill the place. Raises: ApiError 400 for a schema nothing can satisfy."""
    first = next(iter(ways(schema, root)), None)
    if first is None:
        raise invalid("The response schema refers to itself without end, or no value satisfies it.")
    return first


def ways(schema: Any, root: Json) -> list[Node]:
    """Every way to fill the place, values before null. Raises: ApiError 400 for a reference that leads nowhere."""
    found = list(islice(_ways(schema, root, frozenset()), _MOST_WAYS))
    return sorted(found, key=lambda way: way.raw.get("type") == "null")


def _ways(schema: Any, root: Json, followed: frozenset[str]) -> Iterator[Node]:
    if not isinstance(schema, Mapping):
        yield from [] if schema is False else [Node({}, root, followed)]
        return
    plain = canonical(schema)
    apart = next((name for name in _TOLD_APART if name in plain), "")
    rest = {name: value for name, value in plain.items() if name != apart}
    match apart:
        case "":
            yield from _by_type(plain, root, followed)
        case "$ref":
            reference = str(plain["$ref"])
            if reference not in followed:
                yield from _together([target(reference, root)], Node(rest, root, followed | {reference}))
        case "allOf":
            yield from _together(plain["allOf"], Node(rest, root, followed))
        case "if":
            rest = {name: value for name, value in rest.items() if name not in ("then", "else")}
            yield from _together([plain["if"], plain.get("then", True)], Node(rest, root, followed))
            yield from _together([{"not": plain["if"]}, plain.get("else", True)], Node(rest, root, followed))
        case _:
            for choice in plain[apart]:
                yield from _together([choice], Node(rest, root, followed))


def _together(schemas: Iterable[Any], start: Node) -> Iterator[Node]:
    """Ways that obey all the schemas and what ``start`` says beside them."""
    schemas = list(schemas)
    if not schemas:
        yield from _ways(start.raw, start.root, start.references)
        return
    for first in _ways(schemas[0], start.root, start.references):
        for rest in _together(schemas[1:], start):
            merged = both(first.raw, rest.raw)
            if merged is not None:
                yield from _by_type(merged, start.root, first.references | rest.references)


def _by_type(plain: Json, root: Json, followed: frozenset[str]) -> Iterator[Node]:
    written = plain.get("type")
    types = [str(each).lower() for each in written] if isinstance(written, list) else [written]
    for each in types:
        yield Node({**plain, "type": each} if each else plain, root, followed)
    if plain.get("nullable") and "null" not in types and "enum" not in plain:
        yield Node({"type": "null"}, root, followed)


def height(schema: Any, root: Json, above: frozenset[str] = frozenset()) -> float:
    """Levels the shortest value has; infinite where the schema has to contain itself."""
    return min((_height(way, above) for way in ways(schema, root)), default=inf)


def _height(way: Node, above: frozenset[str]) -> float:
    if way.references & above:
        return inf
    above |= way.references
    below: list[Any] = []
    if way.type == "object":
        below = [way.properties[name] for name in way.required if name in way.properties]
        if way.get("minProperties", 0) > len(below):
            below += [*way.properties.values(), way.get("additionalProperties", True)]
    elif way.type == "array":
        below = [*way.get("prefixItems", []), *([way.get("items", {})] if way.get("minItems") else [])]
    return 1 + max((height(each, way.root, above) for each in below), default=0)


def target(reference: str, root: Json) -> Any:
    """What a JSON pointer names: ``#/$defs/Scene``. The OpenAPI dialect keeps its definitions under ``defs``."""
    found: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")  # RFC 6901
        if isinstance(found, list) and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
            continue
        name = next((n for n in (name, name.lstrip("$")) if isinstance(found, Mapping) and n in found), name)
        if name and not (isinstance(found, Mapping) and name in found):
            raise invalid(f"The response schema refers to {reference!r}, which it does not define.")
        found = found[name] if name else found
    return found


_ONE = "additionalProperties contains else if items not propertyNames then".split()
_LISTS = "allOf anyOf oneOf prefixItems".split()
_MAPS = "dependentSchemas properties".split()
_VALUES = (
    "const dependentRequired enum exclusiveMaximum exclusiveMinimum format maxContains maxItems maxLength "
    "maxProperties maximum minContains minItems minLength minProperties minimum required uniqueItems"
).split()
_TYPES = frozenset("object array string boolean null number integer".split())


def accepts(schema: Any, value: Any, root: Json) -> bool:
    """Raises: ApiError 400 for a reference that leads nowhere."""
    try:
        return bool(_VALIDATOR(_translated(schema, root), format_checker=_FORMATS).is_valid(value))
    except RecursionError:  # references that only lead to each other
        return False


def _follow(validator: Any, referred: Callable[[], Any], value: Any, _: Json) -> Iterator[ValidationError]:
    yield from validator.descend(value, referred())


_VALIDATOR = extend(Draft202012Validator, {"$ref": _follow})  # type: ignore[no-untyped-call]
_FORMATS = Draft202012Validator.FORMAT_CHECKER


def _translated(schema: Any, root: Json) -> Any:
    if not isinstance(schema, Mapping):
        return schema is not False
    plain = canonical(schema)
    known: dict[str, Any] = {name: plain[name] for name in _VALUES if name in plain}
    known |= {name: _translated(plain[name], root) for name in _ONE if name in plain}
    known |= {name: [_translated(each, root) for each in plain[name]] for name in _LISTS if name in plain}
    known |= {
        name: {key: _translated(each, root) for key, each in plain[name].items()} for name in _MAPS if name in plain
    }
    if reference := plain.get("$ref"):
        known["$ref"] = lambda: _translated(target(str(reference), root), root)
    written = plain.get("type", [])
    if types := [each for each in ([written] if isinstance(written, str) else written) if each in _TYPES]:
        known["type"] = types
    if step := plain.get("multipleOf"):
        known["multipleOf"] = step
    if pattern := regex(str(plain.get("pattern", ""))):
        known["pattern"] = pattern.pattern
    if "patternProperties" in plain:
        known["patternProperties"] = {
            pattern.pattern if (pattern := regex(name)) else "": _translated(each, root)
            for name, each in plain["patternProperties"].items()
        }
    return {"anyOf": [{"type": "null"}, known]} if plain.get("nullable") else known
