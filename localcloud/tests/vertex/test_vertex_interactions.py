"""Gemini Omni through the real client: clips from words and pictures, paid by the tokens that the answer reports."""

import base64
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from google import genai
from google.genai.interactions import Interaction

from localcloud.tests.loopback import free_port
from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import FakeVertex, a_picture, pixels, psnr_db
from localcloud.tests.vertex.omni import (
    OMNI,
    PREFIX,
    body,
    create,
    ended,
    get,
    length_s,
    omni_client,
    shown,
    uri_of,
)
from localcloud.tests.waiting import eventually

SMALL = (640, 360)
FIRST, LAST = a_picture("#203080", SMALL), a_picture("#a04010", SMALL)


@pytest.fixture
def client(vertex: FakeVertex) -> genai.Client:
    return omni_client(vertex)


@pytest.fixture
def images(object_store: ObjectStore) -> tuple[str, str]:
    return object_store.put("in/first.png", FIRST), object_store.put("in/last.png", LAST)


def micros(interaction: Interaction) -> int:
    """The price of what the answer says was used: 1.50 $ in, 12 $ video out, per million tokens, rounded up once."""
    usage = interaction.usage
    assert usage is not None
    (video,) = usage.output_tokens_by_modality or []
    assert video.modality == "video"
    assert usage.total_output_tokens == video.tokens
    assert usage.total_input_tokens == sum(each.tokens or 0 for each in usage.input_tokens_by_modality or [])
    assert usage.total_tokens == (usage.total_input_tokens or 0) + (video.tokens or 0)
    return math.ceil(((usage.total_input_tokens or 0) * 1_500_000 + (video.tokens or 0) * 12_000_000) / 1_000_000)


def bills(vertex: FakeVertex) -> list[tuple[str, int]]:
    return [(entry["outcome"], entry["micros"]) for entry in vertex.ledger()]


def test_clip_begins_and_ends_with_them_when_two_images_are_given(
    client: genai.Client, object_store: ObjectStore, images: tuple[str, str]
) -> None:
    clip = shown(object_store, ended(client, create(client, *images)))

    assert len(clip) == 3 * 24
    assert clip[0].shape == (360, 640, 3)
    assert psnr_db(clip[0], pixels(FIRST)) > 35
    assert psnr_db(clip[-1], pixels(LAST)) > 35
    assert psnr_db(clip[36], pixels(FIRST)) < 30


def test_order_of_the_images_decides_when_they_are_swapped(
    client: genai.Client, object_store: ObjectStore, images: tuple[str, str]
) -> None:
    clip = shown(object_store, ended(client, create(client, *reversed(images))))

    assert psnr_db(clip[0], pixels(LAST)) > 35
    assert psnr_db(clip[-1], pixels(FIRST)) > 35


def test_clip_begins_with_it_and_goes_elsewhere_when_one_image_is_given(
    client: genai.Client, object_store: ObjectStore, images: tuple[str, str]
) -> None:
    clip = shown(object_store, ended(client, create(client, images[0], duration="15s")))

    assert len(clip) == 15 * 24
    assert psnr_db(clip[0], pixels(FIRST)) > 35
    assert psnr_db(clip[-1], pixels(FIRST)) < 20


def test_references_are_not_frames_of_the_clip_when_the_task_says_so(
    client: genai.Client, object_store: ObjectStore, images: tuple[str, str]
) -> None:
    done = ended(client, create(client, *images, images[0], task="reference_to_video"))

    clip = shown(object_store, done)
    assert psnr_db(clip[0], pixels(FIRST)) < 20
    assert done.usage is not None
    assert {each.modality: each.tokens for each in done.usage.input_tokens_by_modality or []}["image"] == 3 * 1120


@pytest.mark.parametrize(
    ("aspect", "resolution", "size_px"),
    [("16:9", "360p", (640, 360)), ("9:16", "720p", (720, 1280)), ("16:9", "1080p", (1920, 1080))],
)
def test_clip_has_sound_24_frames_and_the_size_when_it_is_ordered(
    client: genai.Client, object_store: ObjectStore, aspect: str, resolution: str, size_px: tuple[int, int]
) -> None:
    uri = uri_of(ended(client, create(client, aspect_ratio=aspect, resolution=resolution)))

    assert uri.startswith(PREFIX)
    assert uri.endswith("/sample_0.mp4")
    with av.open(f"{object_store.url}/films/{uri.removeprefix('gs://films/')}", "r") as container:
        (video,), (sound,) = container.streams.video, container.streams.audio
        assert (video.width, video.height) == size_px
        assert video.average_rate == Fraction(24)
        assert (video.frames, sound.rate) == (72, 48_000)
    assert length_s(object_store.get(uri)) == pytest.approx(3.0, abs=0.001)


@pytest.mark.parametrize(
    ("resolution", "duration", "tokens"),
    [("360p", "3s", 5793), ("720p", "6s", 34_752), ("1080p", "4s", 34_752), ("4k", "3s", 52_128)],
)
def test_bill_is_the_reported_usage_to_the_micro_dollar_when_the_clip_is_done(
    vertex: FakeVertex, client: genai.Client, images: tuple[str, str], resolution: str, duration: str, tokens: int
) -> None:
    created = create(client, *images, resolution=resolution, duration=duration)
    (entry,) = vertex.ledger()
    done = ended(client, created)

    assert done.usage is not None
    assert done.usage.total_output_tokens == tokens
    assert bills(vertex) == [("delivered", micros(done))]
    assert entry["micros"] == micros(done)
    assert (entry["model"], entry["method"], entry["operation"]) == (OMNI, "createInteraction", created.id)
    assert entry["storage_uri"] == PREFIX


def test_whole_clip_is_filmed_and_billed_when_the_prompt_is_empty(vertex: FakeVertex, client: genai.Client) -> None:
    done = [ended(client, create(client, prompt=""))]
    done.append(ended(client, client.interactions.create(**body() | {"input": []})))

    assert [each.status for each in done] == ["completed", "completed"]
    assert bills(vertex) == [("delivered", math.ceil(3 * 1931 * 12))] * 2


def test_video_comes_in_the_answer_and_lasts_ten_seconds_when_nothing_else_is_asked(client: genai.Client) -> None:
    wanted = body(duration=None, resolution=None, aspect_ratio=None, delivery=None, gcs_uri=None)
    done = ended(client, client.interactions.create(**wanted | {"input": "A fox runs."}))

    assert done.output_video is not None
    assert done.output_video.uri is None
    assert length_s(base64.b64decode(str(done.output_video.data))) == pytest.approx(10.0, abs=0.001)
    assert done.usage is not None
    assert done.usage.total_output_tokens == 10 * 5792


def test_clip_has_the_shape_of_its_first_image_when_no_aspect_is_asked(
    client: genai.Client, object_store: ObjectStore
) -> None:
    tall = object_store.put("in/tall.png", a_picture(size_px=(360, 640)))
    clip = shown(object_store, ended(client, create(client, tall, aspect_ratio=None)))

    assert clip[0].shape == (640, 360, 3)


def test_image_may_be_sent_in_the_request_when_it_is_not_in_a_bucket(
    client: genai.Client, object_store: ObjectStore
) -> None:
    wanted = body(task="image_to_video")
    image = {"type": "image", "mime_type": "image/png", "data": base64.b64encode(FIRST).decode()}
    wanted["input"].append(image)
    done = ended(client, client.interactions.create(**wanted))

    assert psnr_db(shown(object_store, done)[0], pixels(FIRST)) > 35


def test_interaction_says_what_it_is_when_it_is_created_and_while_it_runs(
    vertex: FakeVertex, client: genai.Client
) -> None:
    vertex.control("POST", "profile", {"latency_s": {"gemini-omni-*": 600}})
    created = client.interactions.create(**body(), labels={"job": "j-1"})
    assert isinstance(created, Interaction)

    assert (created.status, created.model, created.labels) == ("in_progress", OMNI, {"job": "j-1"})
    assert created.created == created.updated
    assert not created.steps
    assert get(client, created) == created


def test_work_goes_on_and_is_billed_when_the_interaction_is_cancelled(
    vertex: FakeVertex, client: genai.Client, object_store: ObjectStore
) -> None:
    vertex.control("POST", "profile", {"latency_s": {"gemini-omni-*": 1}})
    created = create(client, gcs_uri="gs://films/cancelled/")
    assert created.id
    cancelled: Any = client.interactions.cancel(created.id)
    assert cancelled.status == "cancelled"

    assert eventually(lambda: object_store.listed("cancelled/"))
    assert get(client, created).status == "cancelled"
    assert get(client, created).output_video is None
    assert bills(vertex) == [("delivered", math.ceil(3 * 1931 * 12 + 3 * 1.5))]
    again: Any = client.interactions.cancel(created.id)
    assert again.status == "cancelled"


def test_interaction_goes_on_after_the_restart_when_the_process_is_killed(
    object_store: ObjectStore, tmp_path: Path
) -> None:
    port = free_port()
    options = ("--state-dir", str(tmp_path / "state"))
    with FakeVertex(port, object_store.url, options).started() as vertex:
        vertex.control("POST", "profile", {"latency_s": {"gemini-omni-*": 2}})
        vertex.break_with("usage_missing", nth=[2])
        created, unpriced, cancelled = (create(omni_client(vertex), gcs_uri="gs://films/again/") for _ in range(3))
        assert cancelled.id
        omni_client(vertex).interactions.cancel(cancelled.id)
        ledger = vertex.ledger()
        vertex.kill()
    with FakeVertex(port, object_store.url, options).started() as vertex:
        done, silent = ended(omni_client(vertex), created), ended(omni_client(vertex), unpriced)
        assert vertex.ledger() == ledger
        assert get(omni_client(vertex), cancelled).status == "cancelled"

    assert uri_of(done).startswith("gs://films/again/")
    assert micros(done) == ledger[0]["micros"]
    assert silent.usage is None
    assert (done.id, done.created) == (created.id, created.created)
    assert len(eventually(lambda: object_store.listed("again/"))) >= 2


def test_same_order_is_filmed_and_paid_twice_when_made_twice(vertex: FakeVertex, client: genai.Client) -> None:
    one, other = create(client), create(client)

    assert one.id != other.id
    assert [entry["operation"] for entry in vertex.ledger()] == [one.id, other.id]
