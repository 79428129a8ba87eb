"""The official Node client finds the same service: it spells numbers and keys in its own way."""

import base64
import io
import json
from typing import Any

import av
import pytest

from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import (
    IMAGE_MODEL,
    TEXT_MODEL,
    VIDEO_MODEL,
    FakeVertex,
    a_picture,
    pixels,
)
from localcloud.tests.vertex.node_client import NodeClient, NodeError, installed

STORY = "Write 3 acts. <story>A fox wakes up early. A storm rolls in from the sea. A boat comes home at last.</story>"
PLAY = {
    "type": "object",
    "properties": {
        "acts": {
            "type": "array",
            "maxItems": "9",
            "items": {
                "type": "object",
                "properties": {
                    "telling": {"type": "string"},
                    "seconds": {"type": "integer", "minimum": 4, "maximum": 8},
                    "mood": {"type": "string", "enum": ["calm", "storm"]},
                },
                "required": ["telling", "seconds", "mood"],
            },
        }
    },
    "required": ["acts"],
}


@pytest.fixture(scope="module")
def modules() -> Any:
    return installed()


@pytest.fixture
def node(vertex: FakeVertex, modules: Any) -> NodeClient:
    return NodeClient(vertex.url, modules)


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def inline(content: bytes, mime_type: str = "image/png") -> dict[str, Any]:
    return {"inlineData": {"data": encoded(content), "mimeType": mime_type}}


def source(**changes: Any) -> dict[str, Any]:
    return {"prompt": "A lighthouse at dawn", **changes}


@pytest.mark.parametrize("key", ["responseSchema", "responseJsonSchema"])
def test_schema_is_filled_from_the_prompt_when_given_in_either_dialect(node: NodeClient, key: str) -> None:
    schema = json.loads(json.dumps(PLAY).replace('"9"', "9")) if key == "responseJsonSchema" else PLAY
    config = {
        "responseMimeType": "application/json",
        key: schema,
        "thinkingConfig": {"thinkingLevel": "LOW"},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}],
        "labels": {"film": "fox"},
    }
    answer = node.call("text", model=TEXT_MODEL, contents=STORY, config=config)

    acts = json.loads(answer["text"])["acts"]
    assert len(acts) == 3
    assert "fox" in acts[0]["telling"]
    assert acts[1]["mood"] == "storm"


def test_text_comes_in_pieces_when_streamed(node: NodeClient) -> None:
    assert len(node.call("stream", model=TEXT_MODEL, contents=STORY)) > 1


def test_pictures_differ_when_the_references_differ(node: NodeClient) -> None:
    config = {"imageConfig": {"aspectRatio": "16:9", "imageSize": "1K"}, "seed": 7}

    def painted(*colours: str) -> bytes:
        parts = [{"text": "A boat"}, *(inline(a_picture(colour)) for colour in colours)]
        contents = [{"role": "user", "parts": parts}]
        (data,) = node.call("picture", model=IMAGE_MODEL, contents=contents, config=config)
        return base64.b64decode(data)

    red, blue = painted("#a01010"), painted("#1010a0")
    assert pixels(red).shape == pixels(blue).shape == (768, 1376, 3)
    assert pixels(red)[:, :, 0].mean() > pixels(blue)[:, :, 0].mean() + 10


def test_equal_pictures_are_judged_better_than_others(node: NodeClient, object_store: ObjectStore) -> None:
    schema = {"type": "OBJECT", "properties": {"score": {"type": "INTEGER", "minimum": 0, "maximum": 100}}}
    config = {"responseMimeType": "application/json", "responseSchema": schema}

    def score(other: bytes) -> int:
        stored = {"fileData": {"fileUri": object_store.put("node/one.png", a_picture()), "mimeType": "image/png"}}
        contents = [{"role": "user", "parts": [stored, inline(other), {"text": "Are they alike?"}]}]
        answer = node.call("text", model=TEXT_MODEL, contents=contents, config=config)
        return int(json.loads(answer["text"])["score"])

    assert score(a_picture()) > score(a_picture("#a01010")) + 20


def test_counted_tokens_equal_those_of_the_answer(node: NodeClient) -> None:
    counted = node.call("count", model=TEXT_MODEL, contents=STORY)
    answer = node.call("text", model=TEXT_MODEL, contents=STORY)

    assert counted["totalTokens"] == answer["usage"]["promptTokenCount"]


def test_bytes_come_with_the_operation_when_clip_is_ordered_without_a_bucket(node: NodeClient) -> None:
    picture = {"imageBytes": encoded(a_picture()), "mimeType": "image/png"}
    config = {"durationSeconds": 4, "lastFrame": picture, "numberOfVideos": 1, "generateAudio": True, "seed": 3}
    film = node.call("film", model=VIDEO_MODEL, source=source(image=picture), config=config)

    (video,) = film["videos"]
    with av.open(io.BytesIO(base64.b64decode(video["videoBytes"])), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == 96


def test_clip_lies_there_when_ordered_into_a_bucket(node: NodeClient, object_store: ObjectStore) -> None:
    config = {"durationSeconds": 4, "outputGcsUri": "gs://films/node/"}
    (video,) = node.call("film", model=VIDEO_MODEL, source=source(), config=config)["videos"]

    assert "videoBytes" not in video
    assert object_store.get(video["uri"])[4:8] == b"ftyp"


def test_operation_says_so_when_clip_is_filtered_or_failed(vertex: FakeVertex, node: NodeClient) -> None:
    vertex.break_with("rai", nth=[1], args={"codes": [58061214]})
    vertex.break_with("op_error", nth=[2], args={"code": 8, "message": "Out of capacity."})
    filtered, failed = (node.call("film", model=VIDEO_MODEL, source=source()) for _ in range(2))

    assert "58061214" in filtered["raiMediaFilteredReasons"][0]
    assert failed["error"] == {"code": 8, "message": "Out of capacity."}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"durationSeconds": 5}, "supported durations are [4,6,8]"),
        ({"aspectRatio": "1:1"}, "aspectRatio 1:1"),
        ({"numberOfVideos": 9}, "sampleCount must be between 1 and 4"),
    ],
)
def test_an_api_error_carries_the_envelope_when_order_breaks_a_limit(
    vertex: FakeVertex, node: NodeClient, config: dict[str, Any], words: str
) -> None:
    with pytest.raises(NodeError) as refused:
        node.call("submit", model=VIDEO_MODEL, source=source(), config=config)

    assert (refused.value.name, refused.value.status) == ("ApiError", 400)
    assert words in json.loads(refused.value.message)["error"]["message"]
    assert vertex.ledger() == []


def test_two_operations_are_billed_when_same_order_is_posted_twice(vertex: FakeVertex, node: NodeClient) -> None:
    one, other = (node.call("submit", model=VIDEO_MODEL, source=source(), config={"seed": 1}) for _ in range(2))

    assert one["name"] != other["name"]
    assert [entry["operation"] for entry in vertex.ledger()] == [one["name"], other["name"]]


@pytest.mark.parametrize("fault", ["reset_before", "reset_after"])
def test_client_throws_something_without_a_status_when_connection_is_reset(
    vertex: FakeVertex, node: NodeClient, fault: str
) -> None:
    vertex.break_with(fault, nth=[1])
    with pytest.raises(NodeError) as broken:
        node.call("submit", model=VIDEO_MODEL, source=source())

    assert broken.value.status is None
    assert vertex.happened() == {fault: 1}
