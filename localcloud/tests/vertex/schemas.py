"""Response schemas nobody has seen before, each built around a value, so that at least that value satisfies it."""

import json
import math
from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]
NAMES = st.sampled_from("scenes title seconds mood props kind note é a_b durationS list x1".split())
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(-1e4, 1e4, allow_nan=False).map(lambda each: round(each, 3))
    | st.text("abc xyz-_.0189é", max_size=12)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
PATTERNS = {
    r"^[a-z]{2,5}$": "abc",
    r"^[A-Z]{3}-\d{4}$": "ABC-1234",
    r"^#[0-9a-fA-F]{6}$": "#00ff00",
    r"^(?:INT|EXT)\. [A-Z ]+ - (?:DAY|NIGHT)$": "INT. ROOM - DAY",
    r"^\d{2}:\d{2}(?::\d{2})?$": "10:30",
    r"^v\d+\.\d+\.\d+(?:-[a-z]+)?$": "v1.0.2",
    r"^[^\s@]+@[^\s@]+\.[a-z]{2,}$": "a@b.cd",
    r"\d": "a1",
    r"^(\w)\1$": "aa",
    r"^(?=.*\d)[a-z\d]{4,8}$": "abc1",
}
FORMATS = (
    "date date-time time duration uuid email uri hostname ipv4 ipv6 json-pointer regex uri-reference iri idn-email"
).split()

OPEN_OBJECTS: list[Schema] = [
    {"type": "object", "additionalProperties": {"type": "integer", "minimum": 3}, "minProperties": 3},
    {"type": "object", "patternProperties": {r"^x-[a-z]+$": {"type": "boolean"}}, "minProperties": 2},
    {"type": "object", "propertyNames": {"enum": ["dawn", "dusk", "noon"]}, "minProperties": 2},
    {"type": "object", "propertyNames": {"pattern": r"^[A-Z]{2}$"}, "additionalProperties": {"type": "null"}},
    {"type": "object", "required": ["unheard_of"], "maxProperties": 1},
]


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """A schema of any dialect feature, with a recursive definition in one of four."""
    if draw(st.integers(0, 3)) == 0:
        return draw(recursive())
    return draw(around(draw(VALUES), 3))


@st.composite
def around(draw: st.DrawFn, value: Any, depth: int) -> Schema:
    """A schema that accepts the value, plain or in one of the combinations."""
    plain = draw(_plain(value, depth))
    if depth <= 0:
        return plain
    other = draw(around(draw(SCALARS), 0))
    match draw(st.sampled_from(["", "", "", "anyOf", "oneOf", "allOf", "not", "nullable", "if"])):
        case "anyOf":
            return {"anyOf": draw(st.permutations([plain, other, False]))}
        case "oneOf":
            marker = {"type": "object", "properties": {"kind": {"const": "other"}}, "required": ["kind"]}
            mine = {**plain, "not": {"type": "object", "required": ["kind"]}} if isinstance(value, dict) else plain
            return {"oneOf": draw(st.permutations([mine, marker]))} if mine is plain or "kind" not in value else plain
        case "allOf":
            return {"allOf": [plain, draw(_plain(value, 1))], "description": "A scene, told shortly."}
        case "not":
            return {**plain, "not": {"const": "never this"}}
        case "nullable":
            return {"anyOf": [plain, {"type": "null"}]}
        case "if":
            return {**plain, "if": {"type": "string"}, "then": {"minLength": 0}, "else": {"not": {"type": "string"}}}
    return plain


def special() -> st.SearchStrategy[Schema]:
    """Strings with a form and objects without names."""
    by_format = st.sampled_from(FORMATS).map(lambda name: {"type": "string", "format": name})
    by_pattern = st.sampled_from(list(PATTERNS)).map(lambda pattern: {"type": "string", "pattern": pattern})
    return by_format | by_pattern | st.sampled_from(OPEN_OBJECTS)


@st.composite
def _plain(draw: st.DrawFn, value: Any, depth: int) -> Schema:
    if draw(st.integers(0, 7)) == 0:
        return draw(st.sampled_from([{"const": value}, {"enum": [value, draw(SCALARS)]}, {"enum": [value]}]))
    if value is None:
        return {"type": "null"}
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int | float):
        return draw(_number(value))
    if isinstance(value, str):
        return draw(_text(value))
    return draw(_list(value, depth) if isinstance(value, list) else _object(value, depth))


@st.composite
def _number(draw: st.DrawFn, value: float) -> Schema:
    whole = isinstance(value, int)
    schema: Schema = {"type": draw(st.sampled_from(["integer", "number"] if whole else ["number"]))}
    gap = draw(st.sampled_from([1, 3, 50, 0.5] if whole else [0.001, 1, 7.5]))
    low = draw(st.sampled_from(["", "minimum", "exclusiveMinimum"]))
    high = draw(st.sampled_from(["", "maximum", "exclusiveMaximum"]))
    schema |= {low: value - gap} if low else {}
    schema |= {high: value + gap} if high else {}
    if whole and draw(st.booleans()):
        divisors = [each for each in (2, 3, 5, 10, 24) if value % each == 0] or [1]
        schema["multipleOf"] = draw(st.sampled_from(divisors))
    elif not whole:
        steps = [each for each in (0.01, 0.1, 0.5, 2.5) if (value / each).is_integer()]
        schema |= draw(st.sampled_from([{}, *({"multipleOf": each} for each in steps)]))
    return schema


@st.composite
def _text(draw: st.DrawFn, value: str) -> Schema:
    schema: Schema = {"type": draw(st.sampled_from(["string", ["string", "null"]]))}
    if draw(st.booleans()):
        schema["minLength"] = draw(st.integers(0, len(value)))
    if draw(st.booleans()):
        schema["maxLength"] = len(value) + draw(st.integers(0, 20))
    return schema


@st.composite
def _list(draw: st.DrawFn, value: list[Any], depth: int) -> Schema:
    schema: Schema = {"type": "array"}
    if draw(st.booleans()):
        schema |= {"minItems": draw(st.integers(0, len(value))), "maxItems": len(value) + draw(st.integers(0, 5))}
    if draw(st.booleans()) and value:
        schema["prefixItems"] = [draw(around(each, depth - 1)) for each in value]
        schema["items"] = draw(st.sampled_from([False, {"type": "integer"}]))
    else:
        schema["items"] = {"anyOf": [draw(around(each, depth - 1)) for each in value]} if value else {}
    if len({json.dumps(each, sort_keys=True) for each in value}) == len(value) and not _has_equal_numbers(value):
        schema["uniqueItems"] = draw(st.booleans())
    if draw(st.booleans()) and value:
        schema["contains"] = draw(around(value[0], 0))
    return schema


def _has_equal_numbers(value: list[Any]) -> bool:
    numbers = [each for each in value if isinstance(each, int | float)]
    return any(math.isclose(a, b) for i, a in enumerate(numbers) for b in numbers[:i])


@st.composite
def _object(draw: st.DrawFn, value: dict[str, Any], depth: int) -> Schema:
    properties = {name: draw(around(each, depth - 1)) for name, each in value.items()}
    properties |= draw(st.dictionaries(st.sampled_from(["code", "when", "extra"]), special(), max_size=2))
    schema: Schema = {"type": "object", "properties": properties}
    schema["required"] = draw(st.lists(st.sampled_from(sorted(value)), unique=True)) if value else []
    kind = draw(st.sampled_from(["", "closed", "typed", "counted", "named", "dependent"]))
    if kind == "closed":
        schema["additionalProperties"] = False
    elif kind == "typed":
        schema |= {"additionalProperties": {"type": "integer", "minimum": 3}, "minProperties": len(value)}
    elif kind == "counted":
        schema |= {"minProperties": len(value), "maxProperties": len(value) + 1}
    elif kind == "named":
        schema |= {"patternProperties": {r"^x-[a-z]+$": {"type": "boolean"}}, "minProperties": len(value)}
        schema |= draw(st.sampled_from([{}, {"additionalProperties": False}]))
    elif kind == "dependent" and len(value) > 1:
        one, other = sorted(value)[:2]
        schema["dependentRequired"] = {one: [other]}
    return schema


@st.composite
def recursive(draw: st.DrawFn) -> Schema:
    """A tree whose branches come back to it: by a list, an optional property or an alternative."""
    again = {"$ref": "#/$defs/Node"}
    leaf = draw(around(draw(SCALARS), 1))
    branch = draw(
        st.sampled_from(
            [
                {"type": "array", "items": again, "maxItems": 3},
                {"type": "array", "items": again},
                {"anyOf": [again, {"type": "null"}]},
                {"oneOf": [{"type": "string", "maxLength": 9}, again]},
                {"type": "object", "additionalProperties": again},
            ]
        )
    )
    tree = {
        "type": "object",
        "properties": {"leaf": leaf, "branch": branch, "second": draw(st.sampled_from([leaf, branch]))},
        "required": draw(st.sampled_from([["leaf"], ["leaf", "branch"], ["branch", "second"]])),
        "additionalProperties": False,
    }
    return {"$defs": {"Node": tree}, **draw(st.sampled_from([again, {"type": "array", "items": again, "minItems": 2}]))}
