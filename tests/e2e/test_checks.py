"""A keyframe that drifts on a whole stack: found, drawn again once, and filmed from the new picture."""

from collections import Counter
from typing import Any

from tests.e2e.stack import Stack

STORY = (
    "A girl in a red coat walks along the beach at noon. The girl in the red coat finds a shell at noon. "
    "The girl in the red coat runs home at noon."
)
IMAGE = "gemini-3.1-flash-image"


def spent(stack: Stack) -> int:
    return sum(line["micros"] for line in stack.vertex("GET", "ledger"))


def drawings(ledger: dict[str, Any]) -> Counter[str]:
    return Counter(call["purpose"] for call in ledger["calls"] if call["kind"] == "image")


def test_drifting_keyframe_is_drawn_again_and_the_clips_are_made_from_the_new_one(stack: Stack) -> None:
    stack.wait_until_idle()
    other = {"model": IMAGE, "method": "*", "fault": "other_words", "args": {"from": "red coat", "to": "green coat"}}
    stack.vertex("POST", "faults", [{**other, "nth": [3]}])
    before = spent(stack)

    job = stack.wait(stack.submit(STORY, scenes=3, checks=True, models={"image": IMAGE}))

    assert job["state"] == "COMPLETE", job["error"]
    assert (job["check"]["state"], job["check"]["redrawn"]) == ("passed", 1), job["warnings"]
    ledger = stack.ledger(job["id"])
    assert drawings(ledger) == {
        "keyframe/scene-01/start": 1,
        "keyframe/scene-01/end": 1,
        "keyframe/scene-02/end": 2,
        "keyframe/scene-03/end": 1,
    }
    drifted, redrawn = job["scenes"][1]["verdicts"]
    assert (drifted["worst"], drifted["is_used"], redrawn["is_used"]) == ("clothing", False, True)
    assert "red" in drifted["drift"]
    new = job["scenes"][1]["keyframes"]["end"]["uri"]
    assert (redrawn["uri"], job["scenes"][2]["keyframes"]["start"]["uri"]) == (new, new)
    filmed = [
        [one["uri"] for one in call["attached"]]
        for call in stack.vertex("GET", "attached")
        if any(job["id"] in one["uri"] for one in call["attached"]) and "image" not in call["model"]
    ]
    clips = [uris for uris in filmed if len(uris) == 2]
    assert sorted(clips) == sorted(
        [scene["keyframes"]["start"]["uri"], scene["keyframes"]["end"]["uri"]] for scene in job["scenes"]
    )
    assert spent(stack) - before == ledger["totals"]["spent_micros"]
    assert sum(call["purpose"].startswith("check/") for call in ledger["calls"]) == 2


def test_film_that_holds_together_is_checked_once_and_nothing_is_drawn_again(stack: Stack) -> None:
    job = stack.wait(stack.submit(STORY, scenes=3, checks=True, models={"image": IMAGE}))

    assert job["state"] == "COMPLETE", job["error"]
    assert (job["check"]["state"], job["check"]["rounds"], job["check"]["redrawn"]) == ("passed", 1, 0)
    assert set(drawings(stack.ledger(job["id"])).values()) == {1}
