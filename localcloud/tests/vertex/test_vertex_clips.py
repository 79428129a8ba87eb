"""Clips through the real client: real MP4s between the given frames, delivered where they were ordered to."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import numpy as np
import pytest
from google import genai
from google.genai import types
from PIL import Image

from localcloud.tests import loopback
from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import (
    TEXT_MODEL,
    VIDEO_MODEL,
    FakeVertex,
    a_picture,
    finished,
    ordered,
    pixels,
    psnr_db,
)


def the_video(operation: types.GenerateVideosOperation) -> types.Video:
    assert operation.error is None
    assert operation.response is not None
    assert operation.response.generated_videos is not None
    (generated,) = operation.response.generated_videos
    assert generated.video is not None
    return generated.video


def content_of(operation: types.GenerateVideosOperation) -> bytes:
    video = the_video(operation)
    assert video.video_bytes is not None
    return video.video_bytes


def frames(mp4: bytes) -> Iterator[av.VideoFrame]:
    with av.open(io.BytesIO(mp4), "r") as container:
        yield from container.decode(video=0)


def seen(frame: av.VideoFrame) -> Any:
    return frame.to_ndarray(format="rgb24").astype(float)


def test_clip_begins_and_ends_with_exactly_them_when_two_frames_are_given(client: genai.Client) -> None:
    first, last = a_picture("#203080"), a_picture("#a04010")
    frame = types.Image(image_bytes=last, mime_type="image/png")
    clip = list(frames(content_of(finished(client, ordered(client, image=first, last_frame=frame)))))

    assert psnr_db(seen(clip[0]), pixels(first)) > 38
    assert psnr_db(seen(clip[-1]), pixels(last)) > 38
    assert psnr_db(seen(clip[48]), pixels(first)) < 30


def test_clip_moves_all_along_when_it_plays(client: genai.Client) -> None:
    clip = list(frames(content_of(finished(client, ordered(client, image=a_picture())))))

    moments = [seen(frame) for frame in clip[::12]]
    assert all(np.abs(a - b).mean() > 0.2 for a, b in pairwise(moments))


@pytest.mark.parametrize("seconds", [4, 6, 8])
def test_clip_has_exactly_that_many_frames_when_its_length_is_asked(client: genai.Client, seconds: int) -> None:
    mp4 = content_of(finished(client, ordered(client, image=a_picture(), duration_seconds=seconds)))

    with av.open(io.BytesIO(mp4), "r") as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        context = video.codec_context
        assert (video.frames, video.average_rate) == (seconds * 24, Fraction(24))
        assert (context.name, context.profile, context.pix_fmt) == ("h264", "High", "yuv420p")
        assert (context.width, context.height) == (1280, 720)
        assert (audio.codec_context.name, audio.rate, audio.codec_context.layout.name) == ("aac", 48000, "stereo")
        keys = [index for index, frame in enumerate(container.decode(video)) if frame.key_frame]
    assert keys == list(range(0, seconds * 24, 24))


def test_sound_can_be_heard_and_its_note_depends_on_the_prompt_when_audio_is_on(client: genai.Client) -> None:
    def note(prompt: str) -> int:
        mp4 = content_of(finished(client, ordered(client, prompt, image=a_picture())))
        with av.open(io.BytesIO(mp4), "r") as container:
            sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        assert np.abs(sound).max() > 0.05
        return int(np.abs(np.fft.rfft(sound[:48000])).argmax())

    assert note("A fox") == note("A fox") != note("A boat in the storm")


def test_clip_is_silent_and_cheaper_when_audio_is_switched_off(vertex: FakeVertex, client: genai.Client) -> None:
    mp4 = content_of(finished(client, ordered(client, image=a_picture(), generate_audio=False)))

    with av.open(io.BytesIO(mp4), "r") as container:
        assert len(container.streams.audio) == 0
    assert [entry["micros"] for entry in vertex.ledger()] == [4 * 200_000]


@pytest.mark.parametrize(
    ("config", "size_px"),
    [
        ({"aspect_ratio": "9:16"}, (720, 1280)),
        ({"resolution": "1080p", "duration_seconds": 8}, (1920, 1080)),
    ],
)
def test_clip_has_it_when_a_frame_size_is_asked(
    client: genai.Client, config: dict[str, Any], size_px: tuple[int, int]
) -> None:
    mp4 = content_of(finished(client, ordered(client, image=a_picture(), **config)))

    frame = next(frames(mp4))
    assert (frame.width, frame.height) == size_px


def test_clip_shows_a_picture_of_them_when_only_words_are_given(client: genai.Client) -> None:
    one, other = (
        seen(next(frames(content_of(finished(client, ordered(client, prompt))))))
        for prompt in ("A fox in the forest at night", "A boat on the sea at noon")
    )

    assert psnr_db(one, other) < 20


def test_each_operation_writes_into_a_folder_of_its_own_when_storage_uri_is_given(
    client: genai.Client, object_store: ObjectStore
) -> None:
    prefix = "gs://films/own-folder/attempt-1/"
    operations = [ordered(client, image=a_picture(), output_gcs_uri=prefix) for _ in range(2)]
    uris = [the_video(finished(client, operation)).uri or "" for operation in operations]

    assert len(set(uris)) == 2
    for uri in uris:
        folder, name = uri.removeprefix(prefix).split("/")
        assert folder.isdigit()
        assert name == "sample_0.mp4"
    objects = object_store.listed("own-folder/")
    assert [each["contentType"] for each in objects] == ["video/mp4"] * 2
    assert len(list(frames(object_store.get(uris[0])))) == 96


def test_frames_are_read_from_there_when_they_lie_in_a_bucket(client: genai.Client, object_store: ObjectStore) -> None:
    first, last = a_picture("#203080"), a_picture("#a04010")
    operation = client.models.generate_videos(
        model=VIDEO_MODEL,
        source=types.GenerateVideosSource(
            prompt="A lighthouse", image=types.Image(gcs_uri=object_store.put("in/a.png", first), mime_type="image/png")
        ),
        config=types.GenerateVideosConfig(
            duration_seconds=4,
            last_frame=types.Image(gcs_uri=object_store.put("in/b.png", last), mime_type="image/png"),
        ),
    )
    clip = list(frames(content_of(finished(client, operation))))

    assert psnr_db(seen(clip[0]), pixels(first)) > 38
    assert psnr_db(seen(clip[-1]), pixels(last)) > 38


def test_all_are_delivered_and_paid_when_several_samples_are_ordered(vertex: FakeVertex, client: genai.Client) -> None:
    operation = finished(client, ordered(client, number_of_videos=2))

    assert operation.response is not None
    assert len(operation.response.generated_videos or []) == 2
    assert [entry["micros"] for entry in vertex.ledger()] == [2 * 4 * 400_000]


def test_poll_says_nothing_but_its_name_when_operation_is_not_due_yet(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.control("POST", "profile", {"latency_s": {"veo-*": 600}})
    operation = ordered(client)
    polled = client.operations.get(operation)

    assert (polled.name, polled.done, polled.response, polled.error) == (operation.name, None, None, None)


def test_other_calls_are_answered_when_many_clips_are_rendered_at_once(
    vertex: FakeVertex, client: genai.Client
) -> None:
    def film(index: int) -> int:
        mine = vertex.client()
        return len(list(frames(content_of(finished(mine, ordered(mine, f"Clip {index}", image=a_picture()))))))

    with ThreadPoolExecutor(4) as pool:
        lengths = pool.map(film, range(4))
        assert client.models.generate_content(model=TEXT_MODEL, contents="Hello there.").text
        assert list(lengths) == [96] * 4


def test_clip_has_it_when_group_structure_is_the_profile_orders_another(
    vertex: FakeVertex, client: genai.Client
) -> None:
    vertex.control("POST", "profile", {"gop_frames": 48})
    mp4 = content_of(finished(client, ordered(client, image=a_picture())))

    assert [index for index, frame in enumerate(frames(mp4)) if frame.key_frame] == [0, 48]


def test_same_order_is_filmed_and_paid_twice_when_made_twice(vertex: FakeVertex, client: genai.Client) -> None:
    one, other = (ordered(client, seed=7) for _ in range(2))

    assert one.name != other.name
    assert [entry["operation"] for entry in vertex.ledger()] == [one.name, other.name]


def test_poll_is_404_when_operation_is_nobody_began_it(vertex: FakeVertex) -> None:
    model = f"projects/p/locations/us-central1/publishers/google/models/{VIDEO_MODEL}"
    url = f"{vertex.url}/v1/{model}:fetchPredictOperation"
    body = {"operationName": f"{model}/operations/unknown"}
    answer = loopback.post(url, json=body, headers={"Authorization": "Bearer x"})

    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")


def test_last_frame_keeps_every_fine_stripe_in_its_place(client: genai.Client) -> None:
    """The motion of the clip has come to rest: even two pixels aside would turn the stripes over."""
    stripes = np.zeros((720, 1280, 3), np.uint8)
    stripes[:, ::4] = stripes[:, 1::4] = 255
    encoded = io.BytesIO()
    Image.fromarray(stripes).save(encoded, "PNG")
    frame = types.Image(image_bytes=encoded.getvalue(), mime_type="image/png")
    *_, last = frames(content_of(finished(client, ordered(client, image=a_picture(), last_frame=frame))))

    assert psnr_db(seen(last), stripes.astype(float)) > 20


@pytest.mark.parametrize("open_gop", [True, False])
def test_pictures_refer_across_group_borders_when_open_groups_are_ordered(
    vertex: FakeVertex, client: genai.Client, *, open_gop: bool
) -> None:
    vertex.control("POST", "profile", {"open_gop": open_gop})
    mp4 = content_of(finished(client, ordered(client, image=a_picture())))
    with av.open(io.BytesIO(mp4), "r") as container:
        shown = [(packet.pts, packet.is_keyframe) for packet in container.demux(video=0) if packet.pts is not None]

    keys = [pts for pts, is_key in shown if is_key]
    leading = [pts for i, (pts, _) in enumerate(shown) for key, is_key in shown[:i] if is_key and pts < key]
    assert len(keys) == 4 or open_gop
    assert bool(leading or len(keys) < 4) == open_gop


def test_old_one_comes_first_and_seven_seconds_follow_when_clip_is_extended(
    vertex: FakeVertex, client: genai.Client, object_store: ObjectStore
) -> None:
    first = content_of(finished(client, ordered(client, image=a_picture())))
    uri = object_store.put("in/clip.mp4", first)
    operation = client.models.generate_videos(
        model=VIDEO_MODEL,
        source=types.GenerateVideosSource(prompt="It goes on", video=types.Video(uri=uri, mime_type="video/mp4")),
    )
    clip = list(frames(content_of(finished(client, operation))))
    before = list(frames(first))

    assert len(clip) == (4 + 7) * 24
    assert psnr_db(seen(clip[95]), seen(before[95])) > 35
    assert psnr_db(seen(clip[-1]), seen(before[95])) < 25
    assert [entry["micros"] for entry in vertex.ledger()] == [4 * 400_000, 7 * 400_000]


def test_picture_of_another_shape_gets_black_bars_when_padding_is_requested(client: genai.Client) -> None:
    square = a_picture("#a04010", (720, 720))
    padded, cropped = (
        seen(next(frames(content_of(finished(client, ordered(client, image=square, resize_mode=mode))))))
        for mode in (types.ImageResizeMode.PAD, types.ImageResizeMode.CROP)
    )

    assert padded[:, :100].max() < 20
    assert cropped[:, :100].mean() > 60
