"""Gates on a whole stack: look, change, approve; only what was changed is made and paid again."""

import io
from collections import Counter
from typing import Any

import av
import pytest

from localcloud.tests import loopback
from tests.e2e.stack import BY_VEO, Stack

FILM: dict[str, Any] = {"scenes": 2, "duration_s": 8, "quality": "draft", **BY_VEO}


def wait_at(stack: Stack, job_id: str, stage: str) -> dict[str, Any]:
    job = stack.wait(job_id, "AWAITING_APPROVAL")
    assert job["state"] == "AWAITING_APPROVAL", job["error"]
    assert job["gate"]["stage"] == stage
    return job


def edit(stack: Stack, job: dict[str, Any], **fields: Any) -> dict[str, Any]:
    answer = stack.api("PATCH", f"/v1/jobs/{job['id']}/plan", json={"revision": job["gate"]["revision"], **fields})
    assert answer.status_code == 200, answer.text
    edited: dict[str, Any] = answer.json()
    return edited


def approve(stack: Stack, job_id: str, **fields: Any) -> None:
    answer = stack.api("POST", f"/v1/jobs/{job_id}:approve", json=fields)
    assert answer.status_code == 202, answer.text


def calls(stack: Stack, job_id: str, state: str) -> Counter[tuple[str, int]]:
    """Purpose and take of the calls in this state."""
    found = stack.ledger(job_id)["calls"]
    return Counter((call["purpose"], call["take"]) for call in found if call["state"] == state)


@pytest.fixture(scope="module")
def job_id(shared_stack: Stack) -> str:
    return shared_stack.submit("A seed falls, a tree stands", **FILM, approval="storyboard", stop_after="keyframes")


def test_film_pays_only_for_what_an_edit_touches_at_each_gate(stack: Stack, job_id: str) -> None:
    board = wait_at(stack, job_id, "storyboard")
    assert {purpose for purpose, _ in calls(stack, job_id, "SETTLED")} == {"treatment", "storyboard"}
    assert board["board"]["style_guide"]["visual_style"]
    reserved = calls(stack, job_id, "PLANNED")
    moved = edit(stack, board, scenes=[{"scene": "scene-01", "motion_prompt": "The seed falls slowly."}])
    assert moved["redo"]["keyframes"] == []
    assert calls(stack, job_id, "PLANNED") == reserved
    approve(stack, job_id, gate="storyboard", revision=moved["revision"])

    shown = wait_at(stack, job_id, "keyframes")
    assert calls(stack, job_id, "SETTLED").keys() == {
        ("treatment", 1),
        ("storyboard", 1),
        ("keyframe/scene-01/start", 1),
        ("keyframe/scene-01/end", 1),
        ("keyframe/scene-02/end", 1),
    }
    assert stack.bill(job_id) == []
    with av.open(io.BytesIO(loopback.get(shown["animatic"]["url"]).content), mode="r") as animatic:
        assert len(animatic.streams.audio) == 1
        assert len(list(animatic.decode(video=0))) == shown["planned_frames"] == 8 * 24
    first_end = shown["scenes"][0]["keyframes"]["end"]["uri"]
    redrawn = edit(stack, shown, scenes=[{"scene": "scene-02", "end_prompt": "The tree stands in the rain."}])
    assert redrawn["redo"]["keyframes"] == ["scene-02/end"]
    approve(stack, job_id, gate="keyframes", revision=redrawn["revision"])

    film = stack.wait(job_id)
    assert film["state"] == "COMPLETE", film["error"]
    assert film["output"]["frames"] == 8 * 24
    assert film["scenes"][0]["keyframes"]["end"]["uri"] == first_end
    assert calls(stack, job_id, "SETTLED") == Counter(
        [
            ("treatment", 1),
            ("storyboard", 1),
            ("keyframe/scene-01/start", 1),
            ("keyframe/scene-01/end", 1),
            ("keyframe/scene-02/end", 1),
            ("keyframe/scene-02/end", 2),
            ("clip/scene-01", 1),
            ("clip/scene-02", 2),
        ]
    )
    assert calls(stack, job_id, "RELEASED") == Counter([("clip/scene-02", 1)])
    assert len(stack.bill(job_id)) == 2


def test_film_is_stitched_only_when_its_clips_are_approved(stack: Stack) -> None:
    job_id = stack.submit("A tree stands in the sun", scenes=1, duration_s=4, quality="draft", stop_after="clips")

    filmed = wait_at(stack, job_id, "clips")

    assert filmed["output"] is None
    assert all(scene["clip"] for scene in filmed["scenes"])
    approve(stack, job_id, gate="clips")
    assert stack.wait(job_id)["state"] == "COMPLETE"
