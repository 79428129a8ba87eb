"""Interactions with Gemini Omni through the unmodified client, and what their clips show."""

import io
from typing import Any

import av
import numpy as np
from google import genai
from google.genai import types
from google.genai.interactions import Interaction
from numpy.typing import NDArray

from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import FakeVertex
from localcloud.tests.waiting import eventually

OMNI = "gemini-omni-1.2-flash"
PREFIX = "gs://films/omni/"

Pixels = NDArray[np.float64]


def omni_client(vertex: FakeVertex, **http_options: Any) -> genai.Client:
    """A client that asks once: by default it posts a refused paid call five times."""
    return vertex.client("global", retry_options=types.HttpRetryOptions(attempts=1), **http_options)


def body(*images: str, prompt: str = "A fox runs.", task: str | None = None, **video: Any) -> dict[str, Any]:
    """What a client sends for a clip of 3 s at 360p; ``video`` changes its response format, None takes a field out."""
    chosen = task or ("image_to_video" if images else "text_to_video")
    usual = {"aspect_ratio": "16:9", "duration": "3s", "resolution": "360p", "delivery": "uri", "gcs_uri": PREFIX}
    pictures = [{"type": "image", "mime_type": "image/png", "uri": uri} for uri in images]
    return {
        "model": OMNI,
        "background": True,
        "input": [{"type": "text", "text": prompt}, *pictures],
        "generation_config": {"video_config": {"task": chosen}},
        "response_format": {
            "type": "video",
            **{name: value for name, value in (usual | video).items() if value is not None},
        },
    }


def create(client: genai.Client, *images: str, **changes: Any) -> Interaction:
    created = client.interactions.create(**body(*images, **changes))
    assert isinstance(created, Interaction)
    return created


def get(client: genai.Client, interaction: Interaction) -> Interaction:
    assert interaction.id
    polled = client.interactions.get(interaction.id)
    assert isinstance(polled, Interaction)
    return polled


def ended(client: genai.Client, interaction: Interaction) -> Interaction:
    """The interaction once it is no longer in progress."""

    def poll() -> Interaction | None:
        polled = get(client, interaction)
        return polled if polled.status != "in_progress" else None

    return eventually(poll)


def uri_of(interaction: Interaction) -> str:
    assert interaction.status == "completed", interaction.errors
    assert interaction.output_video is not None
    assert interaction.output_video.uri
    return str(interaction.output_video.uri)


def shown(store: ObjectStore, interaction: Interaction) -> list[Pixels]:
    """Every frame of the delivered clip."""
    with av.open(io.BytesIO(store.get(uri_of(interaction))), "r") as container:
        return [frame.to_ndarray(format="rgb24").astype(float) for frame in container.decode(video=0)]


def length_s(mp4: bytes) -> float:
    """What the file says of its length."""
    with av.open(io.BytesIO(mp4), "r") as container:
        assert container.duration is not None
        return container.duration / av.time_base
