"""Response schemas in both dialects, one node at a time: OpenAPI (upper-case types, snake_case keys), JSON Schema.

Only reading happens here; what to write into a node is decided in fill.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.vertex.wire import Json, field, invalid

_MAX_REFERENCES = 64  # a chain of references longer than this goes round in circles


@dataclass(frozen=True, slots=True)
class Node:
    """One place of a schema, with references followed and alternatives decided for a value rather than null."""

    raw: Json
    root: Json

    @property
    def type(self) -> str:
        """``object array string integer number boolean null``; guessed from the other keys when not written."""
        written = self.raw.get("type")
        if isinstance(written, list):
            written = next((each for each in written if str(each).lower() != "null"), "null")
        if written and str(written).upper() != "TYPE_UNSPECIFIED":
            return str(written).lower()
        if "properties" in self.raw:
            return "object"
        return "array" if self.get("items") or self.get("prefixItems") else "string"

    def get(self, name: str, default: Any = None) -> Any:
        return field(self.raw, name, default)

    def whole(self, name: str, default: int) -> int:
        """Counts and lengths arrive as numbers, as floats or as text."""
        return int(float(self.get(name, default)))

    def number(self, name: str) -> float | None:
        value = self.get(name)
        return None if value is None or isinstance(value, bool) else float(value)

    def child(self, raw: Any) -> "Node":
        return node(raw if isinstance(raw, Mapping) else {}, self.root)

    @property
    def properties(self) -> dict[str, "Node"]:
        """In the order the answer should have them."""
        named = self.get("properties", {})
        ordered = [name for name in self.get("propertyOrdering", []) if name in named]
        return {name: self.child(named[name]) for name in [*ordered, *(n for n in named if n not in ordered)]}

    @property
    def required(self) -> frozenset[str]:
        return frozenset(self.get("required", ()))

    @property
    def about(self) -> str:
        """Title and description, for whoever needs a word."""
        return f"{self.get('title', '')} {self.get('description', '')}".strip()


def node(raw: Json, root: Json | None = None) -> Node:
    """Raises: ApiError 400 for a reference that leads nowhere."""
    root = raw if root is None else root
    for _ in range(_MAX_REFERENCES):
        if reference := raw.get("$ref", raw.get("ref")):
            raw = {**{k: v for k, v in raw.items() if k not in ("$ref", "ref")}, **_target(str(reference), root)}
        elif parts := field(raw, "allOf"):
            rest = {k: v for k, v in raw.items() if k not in ("allOf", "all_of")}
            raw = {**{k: v for part in parts for k, v in part.items()}, **rest}
        elif choices := field(raw, "anyOf") or field(raw, "oneOf"):
            rest = {k: v for k, v in raw.items() if k not in ("anyOf", "any_of", "oneOf", "one_of")}
            raw = {**rest, **_first_value(choices)}
        else:
            return Node(raw, root)
    raise invalid("The response schema refers to itself without end.")


def _first_value(choices: list[Json]) -> Json:
    return next((each for each in choices if str(each.get("type", "")).lower() != "null"), choices[0])


def _target(reference: str, root: Json) -> Json:
    """What a JSON pointer names: ``#/$defs/Scene``."""
    target: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        step = step.replace("~1", "/").replace("~0", "~")  # noqa: PLW2901 - RFC 6901 unescaping
        if step and not (isinstance(target, Mapping) and step in target):
            raise invalid(f"The response schema refers to {reference!r}, which it does not define.")
        target = target[step] if step else target
    return dict(target)
