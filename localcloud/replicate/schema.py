"""The JSON schema of a model's inputs, made from its registry entry, and what is wrong with a request in its terms."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from localcloud.replicate import registry
from localcloud.replicate.problems import InvalidField
from localcloud.replicate.registry import PredictionModel

Json = Mapping[str, Any]

_URI = {"type": "string", "format": "uri"}
_DESCRIPTIONS = {
    registry.PROMPT: "Text prompt for video generation",
    registry.NEGATIVE_PROMPT: "Things you do not want to see in the video",
    registry.FIRST: "First frame of the video",
    registry.LAST: "Last frame of the video",
    registry.REFERENCES: "Reference images of what the video shows",
    registry.SECONDS: "Duration of the video in seconds",
    registry.RESOLUTION: "Resolution of the video",
    registry.ASPECT: "Aspect ratio of the video",
    registry.SOUND: "Generate audio with the video",
    registry.SEED: "Random seed. Omit for random generations",
}
EVENTS = ("start", "output", "logs", "completed")
_BODY: Mapping[str, Json] = {
    "input": {"type": "object"},
    "webhook": {"type": "string", "format": "uri"},
    "webhook_events_filter": {"type": "array", "items": {"type": "string", "enum": list(EVENTS)}},
    "stream": {"type": "boolean"},
}


def input_schema(model: PredictionModel) -> dict[str, Any]:
    """``components.schemas.Input`` of the model."""
    words = [word for word in registry.WORDS if word in model.inputs]
    required = [registry.PROMPT, *([] if "text" in model.seconds else [registry.FIRST])]
    return {
        "type": "object",
        "title": "Input",
        "required": [model.inputs[word] for word in required],
        "properties": {
            model.inputs[word]: {
                "title": model.inputs[word].replace("_", " ").title(),
                "description": _DESCRIPTIONS[word],
                "x-order": order,
                **_value_schema(model, word),
            }
            for order, word in enumerate(words)
        },
    }


def _value_schema(model: PredictionModel, word: str) -> dict[str, Any]:
    schemas: dict[str, dict[str, Any]] = {
        registry.FIRST: _URI,
        registry.LAST: _URI,
        registry.REFERENCES: {"type": "array", "items": _URI, "default": []},
        registry.SECONDS: _seconds_schema(model.all_seconds),
        registry.RESOLUTION: {"type": "string", "enum": list(model.resolutions)},
        registry.ASPECT: {"type": "string", "enum": list(model.aspects)},
        registry.SOUND: {"type": "boolean"},
        registry.SEED: {"type": "integer"},
    }
    return schemas.get(word, {"type": "string"})


def _seconds_schema(offered: tuple[int, ...]) -> dict[str, Any]:
    if len(offered) > 1 and offered == tuple(range(offered[0], offered[-1] + 1)):
        return {"type": "integer", "minimum": offered[0], "maximum": offered[-1]}
    return {"type": "integer", "enum": list(offered)}


def check_body(body: Json, *, with_version: bool) -> list[InvalidField]:
    """What is wrong with the body of a create, its inputs aside."""
    known = {**_BODY, "version": {"type": "string"}} if with_version else _BODY
    required = ["version", "input"] if with_version else ["input"]
    return list(_object({"properties": known, "required": required}, body, ""))


def check_input(model: PredictionModel, given: Json) -> list[InvalidField]:
    """What is wrong with the inputs. One that the model lacks is refused, though the service may let it pass."""
    return list(_object(input_schema(model), given, "input"))


def _object(schema: Json, value: Json, path: str) -> Iterator[InvalidField]:
    for name in schema["required"]:
        if name not in value:
            yield InvalidField("required", path, f"{name} is required")
    for name in value:
        if name not in schema["properties"]:
            yield InvalidField("additional_property_not_allowed", path, f"Additional property {name} is not allowed")
    for name, each in schema["properties"].items():
        if name in value:
            yield from _value(each, value[name], f"{path}.{name}" if path else name)


def _value(schema: Json, value: Any, path: str) -> Iterator[InvalidField]:
    given = _type_of(value)
    if given != schema["type"]:
        yield InvalidField("invalid_type", path, f"Invalid type. Expected: {schema['type']}, given: {given}")
        return
    if "enum" in schema and value not in schema["enum"]:
        listed = ", ".join(f'"{each}"' if isinstance(each, str) else str(each) for each in schema["enum"])
        yield InvalidField("enum", path, f"{path.rpartition('.')[2]} must be one of the following: {listed}")
    if "minimum" in schema and value < schema["minimum"]:
        yield InvalidField("number_gte", path, f"Must be greater than or equal to {schema['minimum']}")
    if "maximum" in schema and value > schema["maximum"]:
        yield InvalidField("number_lte", path, f"Must be less than or equal to {schema['maximum']}")
    if schema.get("format") == "uri" and not _is_uri(value):
        yield InvalidField("format", path, "Does not match format 'uri'")
    if given == "array":
        for place, each in enumerate(value):
            yield from _value(schema["items"], each, f"{path}.{place}")


def _type_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def _is_uri(value: str) -> bool:
    try:
        return bool(urlsplit(value).scheme)
    except ValueError:
        return False


def openapi(model: PredictionModel) -> dict[str, Any]:
    """The part of ``latest_version.openapi_schema`` that callers read."""
    output = {"type": "string", "title": "Output", "format": "uri"}
    schemas = {"Input": input_schema(model), "Output": output}
    return {"openapi": "3.0.2", "info": {"title": "Cog", "version": "0.1.0"}, "components": {"schemas": schemas}}
