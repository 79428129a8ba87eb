"""What an accepted call was given to see is kept, byte for byte and in its order."""

import hashlib
from typing import Any

from google import genai
from google.genai import types

from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import (
    IMAGE_MODEL,
    TEXT_MODEL,
    VIDEO_MODEL,
    FakeVertex,
    a_picture,
    finished,
    ordered,
)
from localcloud.tests.vertex.omni import OMNI, create, omni_client

RED, BLUE = a_picture("#c02020"), a_picture("#2020c0")


def attached(uri: str, content: bytes) -> dict[str, str]:
    return {"uri": uri, "sha256": hashlib.sha256(content).hexdigest()}


def shown(vertex: FakeVertex) -> list[tuple[str, Any]]:
    """Model and pictures of each call that had some; the ledger's numbers agree."""
    models = {line["n"]: line["model"] for line in vertex.ledger()}
    lines = vertex.control("GET", "attached")
    assert [models[line["n"]] for line in lines] == [line["model"] for line in lines]
    return [(line["model"], line["attached"]) for line in lines]


def test_texts_and_pictures_keep_what_they_saw_when_it_lies_in_a_bucket_or_in_the_request(
    client: genai.Client, vertex: FakeVertex, object_store: ObjectStore
) -> None:
    uri = object_store.put("seen/red.png", RED)
    parts: list[Any] = [
        types.Part.from_text(text="A boat"),
        types.Part.from_uri(file_uri=uri, mime_type="image/png"),
        types.Part.from_bytes(data=BLUE, mime_type="image/png"),
    ]
    client.models.generate_content(model=TEXT_MODEL, contents="Nothing to see")
    client.models.generate_content(model=TEXT_MODEL, contents=parts)
    client.models.generate_content(model=IMAGE_MODEL, contents=parts)

    both = [attached(uri, RED), attached("", BLUE)]
    assert shown(vertex) == [(TEXT_MODEL, both), (IMAGE_MODEL, both)]


def test_clips_keep_first_and_last_frame_in_this_order(
    client: genai.Client, vertex: FakeVertex, object_store: ObjectStore
) -> None:
    uri = object_store.put("seen/last.png", BLUE)
    last = types.Image(gcs_uri=uri, mime_type="image/png")
    finished(client, ordered(client, image=RED, last_frame=last))

    assert shown(vertex) == [(VIDEO_MODEL, [attached("", RED), attached(uri, BLUE)])]


def test_interactions_keep_their_pictures_in_order(vertex: FakeVertex, object_store: ObjectStore) -> None:
    first, last = object_store.put("seen/first.png", RED), object_store.put("seen/last.png", BLUE)
    create(omni_client(vertex), first, last)

    assert shown(vertex) == [(OMNI, [attached(first, RED), attached(last, BLUE)])]


def test_a_reset_forgets_what_was_seen(client: genai.Client, vertex: FakeVertex) -> None:
    client.models.generate_content(model=TEXT_MODEL, contents=types.Part.from_bytes(data=RED, mime_type="image/png"))
    vertex.control("POST", "reset")

    assert shown(vertex) == []
