"""Own frames on the whole stack: what the video model is sent, byte for byte, is the user's fitted picture, unpaid."""

import hashlib
from typing import Any

import pytest

from localcloud.tests import loopback
from promptreel.usecases.exact_frames import png_size_px
from tests.e2e.stack import OMNI, VEO_FAST, Stack
from tests.picture_files import a_picture, encoded

KLING = "kwaivgi/kling-v3-video"


def uploaded(stack: Stack, data: bytes, content_type: str) -> str:
    offered = stack.api("POST", "/v1/uploads", json={"content_type": content_type}).json()
    loopback.put(offered["url"], content=data, headers=offered["headers"]).raise_for_status()
    return str(offered["uri"])


def sent_to(stack: Stack, model: str) -> list[list[str]]:
    """The digests of the pictures that every call of this video model was given, in order."""
    service = stack.state["replicate" if model == KLING else "vertex"]
    lines = loopback.get(f"{service}/_local/attached").json()
    return [[one["sha256"] for one in line["attached"]] for line in lines if line["model"] == model]


@pytest.mark.parametrize("model", [VEO_FAST, OMNI, KLING])
def test_own_first_and_last_frame_are_filmed_byte_for_byte_and_have_no_call(stack: Stack, model: str) -> None:
    frames: list[dict[str, Any]] = [
        {"scene": 1, "frame": "start", "uri": uploaded(stack, encoded(a_picture(900, 700), "JPEG"), "image/jpeg")},
        {"scene": 2, "frame": "end", "uri": uploaded(stack, encoded(a_picture(600, 900)), "image/png")},
    ]
    frames[1] |= {"fit": "extend"}
    before = len(sent_to(stack, model))
    job_id = stack.submit("A keeper rows home", scenes=2, duration_s=12, frames=frames, models={"video": model})
    job = stack.wait(job_id)

    assert job["state"] == "COMPLETE", job["error"]
    first, second = (scene["keyframes"] for scene in job["scenes"])
    assert first["end"]["uri"] == second["start"]["uri"]
    stored = [loopback.get(one["url"]).content for one in (first["start"], first["end"], second["end"])]
    assert [png_size_px(one) for one in stored] == [(1280, 720)] * 3
    start, middle, end = (hashlib.sha256(one).hexdigest() for one in stored)
    assert sorted(sent_to(stack, model)[before:]) == sorted([[start, middle], [middle, end]])

    calls = stack.ledger(job_id)["calls"]
    drawn = [call["purpose"] for call in calls if call["kind"] == "image"]
    assert drawn == ["keyframe/scene-01/end"]
    assert [(one["keyframe"], one["fit"]) for one in job["frames"]] == [
        ("scene-01/start", "crop"),
        ("scene-02/end", "extend"),
    ]
    said = [line for line in job["warnings"] if line.startswith("frames.")]
    assert ["cropped about its centre" in said[0], "its own pixels" in said[1]] == [True, True]
