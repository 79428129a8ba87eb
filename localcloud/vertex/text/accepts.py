"""Whether a value obeys a schema: what the filler checks before it settles for one of several ways.

jsonschema decides. Here schemas of both dialects are translated into the draft it knows, one place at a time, and only
with the keywords that the models know; references lead back into the untranslated schema.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from localcloud.vertex.text.keywords import canonical, regex
from localcloud.vertex.text.schema import target
from localcloud.vertex.wire import Json

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
