"""Refusals on a whole stack: every remedy is carried out by the real steps, and the film is made."""

from typing import Any

from tests.e2e.stack import BY_VEO, OMNI, Stack

FIVE_SCENES = "Five scenes: a baker wakes. Dough rises. The oven glows. A queue forms. The last loaf is sold."

# One support code for each kind of remedy, and the first remedy.
FIRST_REMEDIES = {
    "89371032": "",
    "57734940": "rewrite",
    "29310472": "rewrite",
    "22137204": "reseed",
    "64151117": "reseed",
}


def test_every_remedy_is_tried_and_the_last_one_films_when_a_scene_is_refused_four_times(stack: Stack) -> None:
    refusal = {"model": "veo-*", "method": "predictLongRunning", "fault": "rai", "args": {"codes": ["64151117"]}}
    stack.vertex("POST", "faults", [{**refusal, "nth": [1, 2, 3, 4]}])

    job = stack.wait(stack.submit("A lighthouse keeper waits", scenes=1, duration_s=7))

    assert job["state"] == "COMPLETE", job["error"]
    assert job["models"][-1]["id"] == "veo-3.1-generate-001"
    assert job["output"]["frames"] == 7 * 24
    (scene,) = job["scenes"]
    assert [one["remedy"] for one in scene["attempts"]] == ["reseed", "rewrite", "redraw", "model", ""]
    assert [one["outcome"] for one in scene["attempts"]] == ["refused"] * 4 + ["delivered"]
    assert [(one["take"], one["attempt"]) for one in scene["attempts"]] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
    ways = "in milder words, from other pictures, by gemini-omni-1.2-flash"
    assert job["warnings"][0].startswith(f"scene-01 was filmed {ways}")
    calls = stack.ledger(job["id"])["calls"]
    assert sum(call["purpose"].startswith("rewrite/scene-01/") for call in calls) == 2
    assert sum(call["purpose"].startswith("keyframe/scene-01/") for call in calls) == 4
    (paid,) = [call for call in calls if call["state"] == "SETTLED" and call["kind"] == "video"]
    assert paid["model"] == OMNI
    assert sum(line["micros"] for line in stack.bill(job["id"])) == paid["cost_micros"]


def test_jobs_complete_and_say_why_when_every_fifth_clip_is_refused(stack: Stack) -> None:
    refusal = {"model": "veo-*", "method": "predictLongRunning", "fault": "rai"}
    stack.vertex(
        "POST",
        "faults",
        [{**refusal, "nth": [1 + 4 * n], "args": {"codes": [code]}} for n, code in enumerate(FIRST_REMEDIES)],
    )
    ids = [stack.submit(FIVE_SCENES, scenes=5, duration_s=20, **BY_VEO) for _ in range(3)]

    jobs = [stack.wait(job_id) for job_id in ids]

    assert [job["state"] for job in jobs] == ["COMPLETE"] * 3
    refused = [[one for one in scene["attempts"] if one["codes"]] for job in jobs for scene in job["scenes"]]
    assert sorted(code for attempts in refused for one in attempts for code in one["codes"]) == sorted(FIRST_REMEDIES)
    # A fifth clip may be the next attempt of a refused scene, whose first remedy is used already.
    first = [attempts[0] for attempts in refused if attempts]
    assert len(first) >= 3
    assert all(one["remedy"] == FIRST_REMEDIES[one["codes"][0]] for one in first)
    for job in jobs:
        assert job["output"]["frames"] == job["planned_frames"] == 20 * 24
        ledger = stack.ledger(job["id"])
        spent = sum(call["cost_micros"] for call in ledger["calls"] if call["kind"] == "video")
        assert spent == sum(line["micros"] for line in stack.bill(job["id"]))


def status_fault(model: str, **answer: Any) -> dict[str, Any]:
    return {"model": model, "method": "predictLongRunning", "fault": "status", "args": answer}


def test_retired_model_is_replaced_or_stops_the_job_before_it_pays_for_a_rewrite(stack: Stack) -> None:
    standard, lite = (f"veo-3.1-{kind}generate-001" for kind in ("", "lite-"))
    stack.vertex("POST", "faults", [status_fault(standard, code=404), status_fault(lite, code=404)])
    scenes = {"scenes": 2, "duration_s": 8}

    replaced = stack.submit("A lighthouse keeper waits", **scenes, quality="standard")
    stopped = stack.submit("A lighthouse keeper sleeps", **scenes, models={"video": lite})
    film, failure = stack.wait(replaced), stack.wait(stopped)

    assert film["state"] == "COMPLETE", film["error"]
    assert film["output"]["frames"] == film["planned_frames"]
    (warning,) = film["warnings"]
    assert standard in warning
    assert OMNI in warning
    calls = stack.ledger(replaced)["calls"]
    paid = [call for call in calls if call["state"] == "SETTLED" and call["kind"] == "video"]
    assert [call["model"] for call in paid] == [OMNI] * 2
    assert sum(line["micros"] for line in stack.bill(replaced)) == sum(call["cost_micros"] for call in paid)
    assert (failure["state"], failure["error"]["code"]) == ("FAILED", "misconfigured")
    assert "was not found" in failure["error"]["message"]
    assert stack.bill(stopped) == []
    assert not any(call["purpose"].startswith("rewrite/") for call in [*calls, *stack.ledger(stopped)["calls"]])


def test_missing_role_stops_the_job_and_resume_films_it_once_the_role_is_granted(stack: Stack) -> None:
    stack.vertex("POST", "faults", [status_fault("veo-*", code=403)])
    job_id = stack.submit("A lighthouse keeper waits", scenes=2, duration_s=8, **BY_VEO)

    failed = stack.wait(job_id)

    assert (failed["state"], failed["error"]["code"]) == ("FAILED", "misconfigured")
    assert stack.bill(job_id) == []
    assert not any(call["purpose"].startswith("rewrite/") for call in stack.ledger(job_id)["calls"])
    stack.vertex("DELETE", "faults")
    stack.api("POST", f"/v1/jobs/{job_id}:resume", json={}).raise_for_status()
    film = stack.wait(job_id)
    assert film["state"] == "COMPLETE", film["error"]
    assert sum(line["micros"] for line in stack.bill(job_id)) == 2 * 4 * 100_000


def test_clips_that_are_not_what_was_paid_for_are_filmed_again_and_both_are_in_the_ledger(stack: Stack) -> None:
    flaw = {"model": "veo-*", "method": "predictLongRunning"}
    flaws = [{**flaw, "nth": [1], "fault": "ignored_last_frame"}, {**flaw, "nth": [2], "fault": "wrong_size"}]
    stack.vertex("POST", "faults", flaws)
    # Every scene's first request leaves before a clip comes back: send slots keep them some time apart.
    stack.vertex("POST", "profile", {"time_scale": 0.05, "latency_s": {"veo-*": 120}})

    job = stack.wait(stack.submit("Three scenes of a tide", scenes=3, duration_s=12, **BY_VEO))

    assert job["state"] == "COMPLETE", job["error"]
    assert job["output"]["frames"] == 12 * 24
    outcomes = sorted([one["outcome"] for one in scene["attempts"]] for scene in job["scenes"])
    assert outcomes == [["defective", "delivered"], ["defective", "delivered"], ["delivered"]]
    reasons = " ".join(warning for warning in job["warnings"] if "was filmed a second time" in warning)
    assert "its last frame differs from its keyframe by" in reasons
    assert "640x360 where 1280x720 was paid for" in reasons
    assert len(job["warnings"]) == 2
    ledger = stack.ledger(job["id"])
    clips = [call for call in ledger["calls"] if call["kind"] == "video"]
    assert [call["state"] for call in clips] == ["SETTLED"] * 5
    assert sum(call["cost_micros"] for call in clips) == sum(line["micros"] for line in stack.bill(job["id"]))
