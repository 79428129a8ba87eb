"""A cheap draft becomes a better film: what is kept is copied and free, and the bill has only what is made anew."""

from pathlib import Path
from typing import Any

import pytest

from localcloud.tests import loopback
from localcloud.tests.waiting import eventually
from tests.e2e import pictures
from tests.e2e.stack import OMNI, Stack
from tests.e2e.test_deleting_and_reconciling import objects

VEO = "veo-3.1-generate-001"
DRAFT: dict[str, Any] = {"scenes": 2, "duration_s": 8, "quality": "draft", "resolution": "360p", "cache": True}
CLIP_MICROS = 4 * 400_000


def complete(stack: Stack, job_id: str) -> dict[str, Any]:
    job = stack.wait(job_id)
    assert job["state"] == "COMPLETE", job["error"]
    return job


def upgrade(stack: Stack, job: dict[str, Any], **asked: Any) -> dict[str, Any]:
    answer = stack.api("POST", f"/v1/jobs/{job['id']}:upgrade", json=asked)
    assert answer.status_code == 202, answer.text
    return complete(stack, answer.json()["id"])


def calls(stack: Stack, job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {call["purpose"]: call for call in stack.ledger(job["id"])["calls"]}


def bytes_of(link: dict[str, str]) -> bytes:
    return loopback.get(link["url"]).raise_for_status().content


@pytest.fixture(scope="module")
def draft(shared_stack: Stack) -> dict[str, Any]:
    """A film in 360p by Gemini Omni."""
    job = complete(shared_stack, shared_stack.submit("Two scenes: a beetle climbs a fence, it rests on top.", **DRAFT))
    assert {one["id"] for one in job["models"] if one["kind"] == "video"} == {OMNI}
    return job


def test_draft_is_filmed_anew_at_a_higher_resolution_and_one_scene_of_that_by_a_better_model(
    stack: Stack, draft: dict[str, Any], tmp_path: Path
) -> None:
    billed = len(stack.bill())

    sharp = upgrade(stack, draft, resolution="720p")

    assert sharp["upgraded_from"] == draft["id"]
    assert (sharp["output"]["width"], sharp["output"]["height"]) == (1280, 720)
    assert (sharp["output"]["frames"], sharp["planned_frames"]) == (draft["output"]["frames"], 8 * 24)
    found = calls(stack, sharp)
    assert {purpose for purpose, call in found.items() if call["source"]} == {"treatment", "storyboard"}
    assert len(stack.bill()) - billed == 3 + 2, "three keyframes of another size and two clips"
    assert sum(line["micros"] for line in stack.bill()[billed:]) == sum(call["cost_micros"] for call in found.values())

    billed = len(stack.bill())
    mixed = upgrade(stack, sharp, scenes=[2], models={"video": VEO}, budget_usd="1.60")

    found = calls(stack, mixed)
    assert [line["micros"] for line in stack.bill()[billed:]] == [CLIP_MICROS]
    assert found["clip/scene-02"]["cost_micros"] == CLIP_MICROS
    assert stack.ledger(mixed["id"])["totals"]["spent_micros"] == CLIP_MICROS
    assert {purpose: call["source"]["job"] for purpose, call in found.items() if call["source"]} == dict.fromkeys(
        [
            "treatment",
            "storyboard",
            "keyframe/scene-01/start",
            "keyframe/scene-01/end",
            "keyframe/scene-02/end",
            "clip/scene-01",
        ],
        sharp["id"],
    )
    assert bytes_of(mixed["scenes"][0]["clip"]) == bytes_of(sharp["scenes"][0]["clip"])
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(bytes_of(mixed["scenes"][1]["clip"]))
    start = pictures.from_bytes(bytes_of(sharp["scenes"][1]["keyframes"]["start"]))
    assert pictures.psnr(pictures.frames(clip, {0})[0], start) > 25, "the new clip begins with the kept keyframe"
    assert any(f"the other scenes keep their clips by {OMNI}" in warning for warning in mixed["warnings"])

    for job in (draft, sharp):
        assert stack.api("DELETE", f"/v1/jobs/{job['id']}").status_code == 202
    eventually(lambda: not objects(stack, sharp["id"]), "the deletion of the film that was upgraded", 60)
    still = stack.job(mixed["id"])
    assert [loopback.get(scene["clip"]["url"]).status_code for scene in still["scenes"]] == [200, 200]
    assert bytes_of(still["output"]["film"]) == bytes_of(mixed["output"]["film"])
