"""What a clip shows, how long its file can be read, and predictions that fail because of what they are to film."""

import base64
from hashlib import sha256
from typing import Any

import pytest

from localcloud.tests import loopback
from localcloud.tests.replicate.harness import (
    KLING,
    VEO,
    FakeReplicate,
    PictureServer,
    a_picture,
    colour,
    shown,
    size_px,
)
from localcloud.tests.waiting import eventually

RED, BLUE = "#c02020", "#2020c0"


def data_uri(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def filmed(replicate: FakeReplicate, model: str, **given: Any) -> dict[str, Any]:
    created = replicate.create(model, input={"prompt": "A boat", **given})
    return replicate.ended(created.raise_for_status().json()["id"])


def clip_of(prediction: dict[str, Any]) -> bytes:
    assert prediction["status"] == "succeeded", prediction["error"]
    return loopback.get(prediction["output"]).raise_for_status().content


def is_like(seen: tuple[int, int, int], wanted: str) -> bool:
    channels = [int(wanted[at : at + 2], 16) for at in (1, 3, 5)]
    return all(abs(a - b) < 24 for a, b in zip(seen, channels, strict=True))


def test_clip_goes_from_the_first_picture_to_the_last_when_both_are_given(
    replicate: FakeReplicate, pictures: PictureServer
) -> None:
    pictures.picture = a_picture(RED)
    start = f"{pictures.url}/first.png?signature=abc"
    done = filmed(replicate, KLING, start_image=start, end_image=data_uri(a_picture(BLUE)), duration=3, mode="standard")
    frames = shown(clip_of(done))

    assert is_like(colour(frames[0]), RED)
    assert is_like(colour(frames[-1]), BLUE)
    assert len(frames) == 3 * 24
    assert [request.path for request in pictures.received] == ["/first.png?signature=abc"]


def test_prediction_keeps_what_it_fetched_byte_for_byte_when_its_pictures_are_links(
    replicate: FakeReplicate, pictures: PictureServer
) -> None:
    pictures.picture, blue = a_picture(RED), a_picture(BLUE)
    start = f"{pictures.url}/first.png?signature=abc"
    filmed(replicate, KLING, start_image=start, end_image=data_uri(blue), duration=3, mode="standard")

    (seen,) = replicate.control("GET", "attached")
    fetched = [{"uri": start, "sha256": sha256(a_picture(RED)).hexdigest()}]
    assert seen["attached"] == [*fetched, {"uri": "", "sha256": sha256(blue).hexdigest()}]
    assert (seen["n"], seen["model"]) == (replicate.ledger()[0]["n"], KLING)


def test_clip_has_the_asked_shape_when_resolution_and_aspect_are_given(replicate: FakeReplicate) -> None:
    done = filmed(replicate, VEO, duration=8, resolution="1080p", aspect_ratio="9:16")

    assert size_px(clip_of(done)) == (270, 480)


def test_clip_has_the_shape_of_its_first_picture_when_the_model_takes_no_aspect(replicate: FakeReplicate) -> None:
    upright = data_uri(a_picture(RED, (180, 320)))
    done = filmed(replicate, KLING, start_image=upright, duration=3, mode="pro", generate_audio=False)

    assert size_px(clip_of(done)) == (270, 480)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_prediction_fails_and_is_free_when_a_picture_cannot_be_fetched(
    replicate: FakeReplicate, pictures: PictureServer, status: int
) -> None:
    pictures.statuses = [status]
    done = filmed(replicate, KLING, start_image=f"{pictures.url}/first.png?signature=abc", duration=3)

    assert (done["status"], done["output"]) == ("failed", None)
    assert done["error"] == f"{status} Client Error for url: {pictures.url}/first.png"
    assert replicate.bills() == [("failed", 0)]


@pytest.mark.parametrize(
    "uri", ["https://example.com/a.png", "gs://bucket/a.png", "data:image/png;base64,AAAA", "http://127.0.0.1:1/a.png"]
)
def test_prediction_fails_when_a_picture_is_out_of_reach_or_none(replicate: FakeReplicate, uri: str) -> None:
    done = filmed(replicate, KLING, start_image=uri, duration=3)

    assert done["status"] == "failed"


@pytest.mark.parametrize(
    ("model", "given", "error"),
    [
        (VEO, {"last_frame": "https://example.com/a.png"}, "last_frame requires image."),
        (VEO, {"duration": 4, "resolution": "1080p"},
         "Duration 4 is not supported for 1080p; supported durations: 8."),
        (VEO, {"reference_images": ["https://example.com/a.png"] * 4, "duration": 8},
         "At most 3 reference images are supported, got 4."),
        (VEO, {"prompt": "x" * 4001}, "prompt must be at most 4000 characters, got 4001."),
    ],
)  # fmt: skip
def test_prediction_is_accepted_and_fails_when_its_inputs_do_not_fit_together(
    replicate: FakeReplicate, model: str, given: dict[str, Any], error: str
) -> None:
    done = filmed(replicate, model, **given)

    assert (done["status"], done["error"]) == ("failed", error)
    assert replicate.bills() == [("failed", 0)]


def test_output_and_input_are_removed_when_their_hour_is_over(replicate: FakeReplicate) -> None:
    replicate.control("POST", "profile", {"time_scale": 0.001})
    done = filmed(replicate, VEO, duration=4, resolution="720p")
    eventually(lambda: replicate.state(done["id"])["data_removed"])
    removed = replicate.state(done["id"])

    assert (removed["status"], removed["input"], removed["output"], removed["logs"]) == ("succeeded", {}, None, "")
    assert removed["metrics"] == done["metrics"]
    assert loopback.get(done["output"]).status_code == 404


def test_output_is_found_only_under_its_own_url_when_a_part_of_it_is_known(replicate: FakeReplicate) -> None:
    done = filmed(replicate, VEO, duration=4, resolution="720p")
    *_, token, _, _ = done["output"].split("/")

    assert loopback.get(done["output"]).status_code == 200
    assert loopback.get(done["output"].replace(token, "x" * 26)).status_code == 404
