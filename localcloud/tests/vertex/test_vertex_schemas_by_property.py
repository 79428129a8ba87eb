"""Any schema that can be satisfied is satisfied: many that nobody wrote down, checked by an independent validator."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from localcloud.tests import loopback
from localcloud.tests.vertex.harness import TEXT_MODEL, FakeVertex
from localcloud.tests.vertex.schemas import Schema, schemas
from localcloud.vertex.text.fill import answer
from localcloud.vertex.text.story import Brief

STORY = "Write three scenes with 12 props. An old keeper wakes. A storm rolls in. The boat comes home."


def complaints(schema: Schema, value: Any) -> list[str]:
    checker = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [error.message for error in checker.iter_errors(value)]


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(schemas())
def test_a_validator_accepts_the_answer_when_schema_never_seen_is_filled(schema: Schema) -> None:
    value = json.loads(json.dumps(answer(schema, Brief(STORY, (STORY,), (7,)))))

    assert complaints(schema, value) == []


SPECIMENS: dict[str, Schema] = {
    "any JSON, recursive": {
        "$defs": {
            "Json": {
                "anyOf": [
                    {"type": "array", "items": {"$ref": "#/$defs/Json"}, "minItems": 1},
                    {"type": "object", "additionalProperties": {"$ref": "#/$defs/Json"}, "minProperties": 2},
                    {"type": ["number", "string", "boolean", "null"]},
                ]
            }
        },
        "$ref": "#/$defs/Json",
    },
    "mutual recursion through required fields": {
        "$defs": {
            "Shot": {"type": "object", "properties": {"cut": {"$ref": "#/$defs/Cut"}}, "required": ["cut"]},
            "Cut": {
                "type": "object",
                "properties": {"next": {"oneOf": [{"$ref": "#/$defs/Shot"}, {"type": "null"}]}},
                "required": ["next"],
            },
        },
        "type": "array",
        "items": {"$ref": "#/$defs/Shot"},
    },
    "variants told apart by a constant": {
        "type": "array",
        "minItems": 3,
        "items": {
            "oneOf": [
                {
                    "properties": {"kind": {"const": "cut"}, "at": {"type": "integer", "exclusiveMinimum": 2.5}},
                    "required": ["kind", "at"],
                    "additionalProperties": False,
                },
                {
                    "properties": {"kind": {"const": "fade"}, "share": {"exclusiveMinimum": 0, "exclusiveMaximum": 1}},
                    "required": ["kind", "share"],
                    "additionalProperties": False,
                },
            ]
        },
    },
    "integer or number, but not both": {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 100}]},
    "distinct booleans and small numbers": {
        "type": "object",
        "properties": {
            "flags": {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "uniqueItems": True},
            "grades": {
                "type": "array",
                "items": {"type": "integer", "minimum": 1, "maximum": 5},
                "minItems": 5,
                "uniqueItems": True,
            },
            "pairs": {
                "type": "array",
                "items": {"prefixItems": [{"enum": ["a", "b"]}, {"enum": ["a", "b"]}], "items": False, "minItems": 2},
                "minItems": 4,
                "uniqueItems": True,
            },
        },
        "required": ["flags", "grades", "pairs"],
    },
    "base and extension": {
        "$defs": {"Base": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}},
        "allOf": [
            {"$ref": "#/$defs/Base"},
            {"properties": {"id": {"pattern": "^[a-f0-9]{8}$"}, "n": {"type": "integer", "multipleOf": 7}}},
            {"required": ["n"], "properties": {"n": {"minimum": 20, "maximum": 22}}},
        ],
    },
    "decimal steps": {"type": "number", "minimum": 0.1, "maximum": 0.3, "multipleOf": 0.1},
    "conditional": {
        "type": "object",
        "properties": {"country": {"enum": ["DE", "US"]}, "zip": {"type": "string"}},
        "required": ["country", "zip"],
        "if": {"properties": {"country": {"const": "DE"}}},
        "then": {"properties": {"zip": {"pattern": "^[0-9]{5}$"}}},
        "else": {"properties": {"zip": {"pattern": "^[0-9]{5}-[0-9]{4}$"}}},
    },
}


@pytest.mark.parametrize("schema", SPECIMENS.values(), ids=SPECIMENS.keys())
def test_a_validator_accepts_the_answer_when_hard_schema_is_posted(vertex: FakeVertex, schema: Schema) -> None:
    url = f"{vertex.url}/v1beta1/projects/p/locations/global/publishers/google/models/{TEXT_MODEL}:generateContent"
    config = {"responseMimeType": "application/json", "responseJsonSchema": schema}
    body = {"contents": [{"role": "user", "parts": [{"text": STORY}]}], "generationConfig": config}
    said = loopback.post(url, json=body, headers={"Authorization": "Bearer x"}).raise_for_status().json()
    value = json.loads(said["candidates"][0]["content"]["parts"][0]["text"])

    assert complaints(schema, value) == []
