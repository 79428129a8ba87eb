"""How large a picture may be: in a request, in a bucket, and as a frame of a clip."""

from collections.abc import Callable
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import IMAGE_MODEL, VIDEO_MODEL, FakeVertex, a_picture, pictures_of

INLINE, STORED, FRAME = 7_000_000, 30_000_000, 20_000_000
"""Bytes: image generation and Veo pages of Vertex AI, read 2026-11."""


def sized(size: int) -> bytes:
    """A PNG of exactly so many bytes: decoders pass over what follows its end."""
    picture = a_picture()
    return picture + bytes(size - len(picture))


@pytest.fixture
def paint(client: genai.Client) -> Callable[[types.Part], list[bytes]]:
    def painted(reference: types.Part) -> list[bytes]:
        contents: list[Any] = [types.Part.from_text(text="A boat"), reference]
        return pictures_of(client.models.generate_content(model=IMAGE_MODEL, contents=contents))

    return painted


def test_reference_in_the_request_is_refused_when_it_is_above_seven_megabytes(
    vertex: FakeVertex, paint: Callable[[types.Part], list[bytes]]
) -> None:
    with pytest.raises(errors.ClientError, match="too large: 7000001 bytes"):
        paint(types.Part.from_bytes(data=sized(INLINE + 1), mime_type="image/png"))

    assert vertex.ledger() == []
    assert paint(types.Part.from_bytes(data=sized(INLINE), mime_type="image/png"))


def test_reference_in_a_bucket_is_refused_when_it_is_above_thirty_megabytes(
    object_store: ObjectStore, paint: Callable[[types.Part], list[bytes]]
) -> None:
    small, large = (object_store.put(f"limits/{size}.png", sized(size)) for size in (STORED, STORED + 1))
    with pytest.raises(errors.ClientError, match="too large: 30000001 bytes"):
        paint(types.Part.from_uri(file_uri=large, mime_type="image/png"))

    assert paint(types.Part.from_uri(file_uri=small, mime_type="image/png"))


@pytest.mark.parametrize("field", ["image", "last_frame"])
def test_frame_of_a_clip_is_refused_when_it_is_above_twenty_megabytes(
    client: genai.Client, object_store: ObjectStore, field: str
) -> None:
    def order(uri: str) -> str | None:
        frames = {"image": object_store.put("limits/first.png", a_picture()), field: uri}
        images = {name: types.Image(gcs_uri=frame, mime_type="image/png") for name, frame in frames.items()}
        config = types.GenerateVideosConfig(duration_seconds=4, last_frame=images.get("last_frame"))
        source = types.GenerateVideosSource(prompt="A boat", image=images["image"])
        return client.models.generate_videos(model=VIDEO_MODEL, source=source, config=config).name

    small, large = (object_store.put(f"limits/frame-{size}.png", sized(size)) for size in (FRAME, FRAME + 1))
    with pytest.raises(errors.ClientError, match="too large: 20000001 bytes"):
        order(large)

    assert order(small)
