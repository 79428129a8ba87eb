"""Sheets and chains on a whole stack: who is drawn when, and from which bytes."""

import hashlib
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from localcloud.tests import loopback
from tests.e2e.stack import BY_VEO, Stack
from tests.e2e.test_approval import approve, calls, edit, wait_at

STORY = (
    "Three scenes: Here Mira carries a brass lamp along a pier. There Mira meets Otto near a brass lamp. "
    "Late at night Otto sleeps beside a brass lamp."
)
FILM: dict[str, Any] = {"scenes": 3, "duration_s": 12, "quality": "draft", "checks": False, **BY_VEO}
KEYFRAMES = 4
DRAWING_S = 20.0
"""The stand-in enters a picture when it answers, after this time."""
PACE = 0.05


def pictures(stack: Stack, job_id: str) -> list[dict[str, Any]]:
    """Every call that was shown a picture of this job, in the order in which the models accepted them."""
    lines = loopback.get(f"{stack.state['vertex']}/_local/attached").json()
    return [line for line in lines if any(f"/jobs/{job_id}/" in one["uri"] for one in line["attached"])]


def drawn(stack: Stack) -> list[dict[str, Any]]:
    """The calls of image models, in order."""
    return [line for line in stack.bill() if "image" in line["model"]]


def digest(link: dict[str, str]) -> str:
    return hashlib.sha256(loopback.get(link["url"]).content).hexdigest()


@pytest.fixture(scope="module")
def job_id(shared_stack: Stack) -> str:
    shared_stack.vertex(
        "POST", "profile", {"time_scale": PACE, "latency_s": {"*image*": DRAWING_S / PACE, "veo-*": 30}}
    )
    return shared_stack.submit(STORY, **FILM, continuity="sheet", stop_after="keyframes")


def test_all_keyframes_are_drawn_together_from_sheets_that_were_drawn_before(stack: Stack, job_id: str) -> None:
    job = wait_at(stack, job_id, "keyframes")

    lines = drawn(stack)[-KEYFRAMES - len(job["sheets"]) :]
    answered = [datetime.fromisoformat(line["at"]).timestamp() for line in lines]
    sheets_answered, keyframes_answered = answered[:-KEYFRAMES], answered[-KEYFRAMES:]
    asked = [at - DRAWING_S for at in keyframes_answered]
    assert max(asked) < min(keyframes_answered), "one keyframe was asked for after another was answered"
    assert max(sheets_answered) <= min(asked) + 1, "a keyframe was asked for before all sheets were answered"
    sheets = {sheet["name"]: sheet for sheet in job["sheets"]}
    assert job["continuity"] == {"mode": "sheet", "reason": "the request asks for it"}
    assert {"Mira", "Otto"} <= sheets.keys()
    digests = {digest(sheet["image"]): sheet["image"]["uri"] for sheet in sheets.values()}
    shown = pictures(stack, job_id)
    assert len(shown) == KEYFRAMES  # sheets are drawn from words alone here
    assert all(
        one["sha256"] in digests and one["uri"] == digests[one["sha256"]] for call in shown for one in call["attached"]
    )
    settled = calls(stack, job_id, "SETTLED")
    assert {purpose for purpose, _ in settled if purpose.startswith("sheet/")} == {
        f"sheet/{one['id']}" for one in job["sheets"]
    }


def test_edit_of_a_character_pays_for_its_sheet_and_what_shows_it(stack: Stack, job_id: str) -> None:
    job = wait_at(stack, job_id, "keyframes")
    before, otto = calls(stack, job_id, "SETTLED"), next(one for one in job["sheets"] if one["name"] == "Otto")

    edited = edit(stack, job, characters=[{"name": "Otto", "description": "an old man with a white beard"}])

    texts = ("description", "start_prompt", "end_prompt", "motion_prompt")
    shows = [any("Otto" in scene[text] for text in texts) or "Otto" in scene["characters"] for scene in job["scenes"]]
    first = ["scene-01/start"] if shows[0] else []
    expected = first + [f"{scene['id']}/end" for scene, is_shown in zip(job["scenes"], shows, strict=True) if is_shown]
    assert edited["redo"]["sheets"] == ["Otto"]
    assert edited["redo"]["keyframes"] == expected
    assert 0 < len(expected) < KEYFRAMES
    approve(stack, job_id, gate="keyframes", revision=edited["revision"])
    film = stack.wait(job_id)
    assert film["state"] == "COMPLETE", film["error"]
    more = calls(stack, job_id, "SETTLED") - before
    images = Counter({(purpose, take): count for (purpose, take), count in more.items() if "clip/" not in purpose})
    assert {purpose for purpose, _ in images} == {f"sheet/{otto['id']}", *(f"keyframe/{one}" for one in expected)}
    assert sum(images.values()) == len(expected) + 1


def test_chain_starts_every_scene_from_the_bytes_that_ended_the_one_before(stack: Stack) -> None:
    job_id = stack.submit(STORY, **FILM, continuity="chain")

    film = stack.wait(job_id)

    assert film["state"] == "COMPLETE", film["error"]
    assert film["continuity"]["mode"] == "chain"
    assert film["sheets"] == []
    ends = [digest(scene["keyframes"]["end"]) for scene in film["scenes"]]
    starts = [digest(scene["keyframes"]["start"]) for scene in film["scenes"]]
    assert starts[1:] == ends[:-1]
    seen = [[one["sha256"] for one in call["attached"]] for call in pictures(stack, job_id)]
    chained, filmed = [one for one in seen if len(one) == 1], [one for one in seen if len(one) == 2]
    assert sorted(chained) == sorted([start] for start in starts)
    assert sorted(filmed) == sorted(map(list, zip(starts, ends, strict=True)))
