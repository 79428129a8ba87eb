"""Fields nobody knows are refused as Google refuses them, at any depth; every field the clients send is taken."""

from typing import Any

import httpx
import pytest
from google import genai
from google.genai import types

from localcloud.tests import loopback
from localcloud.tests.vertex.harness import TEXT_MODEL, VIDEO_MODEL, FakeVertex, ordered

HELLO = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}


def post(vertex: FakeVertex, body: dict[str, Any], verb: str = "generateContent") -> httpx.Response:
    model = VIDEO_MODEL if verb.startswith("predict") else TEXT_MODEL
    url = f"{vertex.url}/v1/projects/p/locations/us-central1/publishers/google/models/{model}:{verb}"
    return loopback.post(url, json=body, headers={"Authorization": "Bearer x"})


@pytest.mark.parametrize(
    ("verb", "body", "name", "path"),
    [
        ("generateContent", {**HELLO, "colour": 1}, "colour", ""),
        ("streamGenerateContent", {**HELLO, "colour": 1}, "colour", ""),
        ("countTokens", {**HELLO, "labels": {}}, "labels", ""),
        ("generateContent", {**HELLO, "generationConfig": {"seeds": 1}}, "seeds", "generation_config"),
        ("generateContent", {"contents": [{"parts": [{"txt": "x"}]}]}, "txt", "contents[0].parts[0]"),
        (
            "generateContent",
            {**HELLO, "generation_config": {"response_schema": {"properties": {"a": {"oneOf": []}}}}},
            "oneOf",
            "generation_config.response_schema.properties[0].value",
        ),
        ("predictLongRunning", {"instances": [{"prompt": "x", "frames": 3}]}, "frames", "instances[0]"),
        (
            "predictLongRunning",
            {"instances": [{"prompt": "x"}], "parameters": {"duration": 4}},
            "duration",
            "parameters",
        ),
        ("fetchPredictOperation", {"operationName": "x", "name": "x"}, "name", ""),
    ],
)
def test_400_names_an_unknown_field_and_its_place_and_bills_nothing(
    vertex: FakeVertex, verb: str, body: dict[str, Any], name: str, path: str
) -> None:
    answer = post(vertex, body, verb)

    where = f" at '{path}'" if path else ""
    words = f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
    error = answer.json()["error"]
    assert (answer.status_code, error["status"], error["message"]) == (400, "INVALID_ARGUMENT", words)
    assert error["details"][0]["fieldViolations"][0]["description"] == words
    assert vertex.ledger() == []


def test_all_are_named_at_once_when_several_unknown_fields_are_sent(vertex: FakeVertex) -> None:
    message = post(vertex, {**HELLO, "a": 1, "generationConfig": {"b": 2}}).json()["error"]["message"]

    assert [line.split('"')[1] for line in message.splitlines()] == ["a", "b"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"temperature": "hot"}, "Invalid value at 'generation_config.temperature' (TYPE_DOUBLE), \"hot\""),
        ({"maxOutputTokens": 1.5}, "Invalid value at 'generation_config.max_output_tokens' (TYPE_INT64), 1.5"),
        ({"thinkingConfig": {"includeThoughts": "yes"}}, "thinking_config.include_thoughts' (TYPE_BOOL)"),
        (
            {"temperature": 3},
            "temperature value of 3 but the supported range is from 0 (inclusive) to 2.0001 (exclusive)",
        ),
        ({"maxOutputTokens": 0}, "maxOutputTokens value of 0 but the supported range is from 1"),
    ],
)
def test_400_names_a_value_of_another_type_or_out_of_range(
    vertex: FakeVertex, config: dict[str, Any], words: str
) -> None:
    answer = post(vertex, {**HELLO, "generationConfig": config})

    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_role_is_answered_with_400_when_neither_user_nor_model(vertex: FakeVertex) -> None:
    answer = post(vertex, {"contents": [{"role": "assistant", "parts": [{"text": "Hello"}]}]})

    assert "valid role: user, model" in answer.json()["error"]["message"]


def test_everything_the_client_can_set_is_taken_when_set(client: genai.Client) -> None:
    config = types.GenerateContentConfig(
        system_instruction="Be brief.",
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        candidate_count=1,
        max_output_tokens=500,
        stop_sequences=["END"],
        presence_penalty=0.1,
        frequency_penalty=0.1,
        seed=7,
        labels={"film": "fox"},
        safety_settings=[
            types.SafetySetting(
                category=types.HarmCategory.HARM_CATEGORY_HARASSMENT, threshold=types.HarmBlockThreshold.BLOCK_ONLY_HIGH
            )
        ],
        thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW, include_thoughts=False),
        media_resolution=types.MediaResolution.MEDIA_RESOLUTION_LOW,
    )
    assert client.models.generate_content(model=TEXT_MODEL, contents="Hello there.", config=config).text

    operation = ordered(
        client,
        duration_seconds=8,
        seed=7,
        negative_prompt="rain",
        generate_audio=True,
        person_generation="allow_adult",
        enhance_prompt=True,
        compression_quality="OPTIMIZED",
        aspect_ratio="16:9",
        resolution="720p",
        fps=24,
        labels={"film": "fox"},
    )
    assert operation.name
