"""Order and repetition: what runs in parallel, what is paid once, and what stops."""

from concurrent.futures import ThreadPoolExecutor

import psutil

from localcloud.tests import loopback
from localcloud.tests.waiting import PATIENCE_S, eventually
from tests.e2e.stack import BY_VEO, FOUR_SCENES, ONE_SHORT_SCENE, Stack


def test_earlier_clips_are_filmed_and_a_refusal_is_answered_while_later_keyframes_are_drawn(
    stack: Stack,
) -> None:
    stack.vertex("POST", "profile", {"time_scale": 0.05, "latency_s": {"*image*": 100, "veo-*": 30}})
    stack.vertex("POST", "faults", [{"model": "veo-*", "method": "predictLongRunning", "nth": [1], "fault": "rai"}])
    before = len(stack.bill())

    job = stack.wait(stack.submit(FOUR_SCENES, scenes=4, duration_s=16, **BY_VEO))

    assert job["state"] == "COMPLETE", job["error"]
    sequence = [_name(line, job["id"]) for line in stack.bill()[before:]]
    last_keyframe = max(number for number, what in enumerate(sequence) if what == "keyframe")
    # Usually the first scene's clip is sent first; when a function starts cold, the second may be sent before it.
    (refused,) = [scene for scene in job["scenes"] if len(scene["attempts"]) > 1]
    sent = [number for number, what in enumerate(sequence) if what == f"clip {refused['id']}"]
    assert len(sent) == 2, sequence
    assert sent[1] < last_keyframe, sequence
    assert sequence.index("clip scene-01") < last_keyframe, sequence
    assert sequence.index("clip scene-02") < last_keyframe, sequence
    attempts = refused["attempts"]
    assert [one["outcome"] for one in attempts] == ["refused", "delivered"]
    assert attempts[0]["codes"]
    clips = [
        call for call in stack.ledger(job["id"])["calls"] if call["scene"] == refused["id"] and call["kind"] == "video"
    ]
    assert sorted((call["state"], call["cost_micros"]) for call in clips) == [("RELEASED", 0), ("SETTLED", 400_000)]


def test_film_has_a_still_and_says_so_when_a_scene_is_refused_for_good(stack: Stack) -> None:
    prohibited = {"codes": ["89371032"]}
    stack.vertex("POST", "faults", [{"model": "veo-*", "method": "*", "nth": [1], "fault": "rai", "args": prohibited}])

    job = stack.wait(stack.submit(FOUR_SCENES, scenes=2, duration_s=8, **BY_VEO))

    assert job["state"] == "COMPLETE", job["error"]
    (refused,) = [scene for scene in job["scenes"] if scene["state"] == "FILTERED"]
    assert refused["attempts"][0]["codes"] == ["89371032"]
    assert "Leave out children" in refused["error"]["remedy"]
    assert any(warning.startswith(f"{refused['id']} is a still") for warning in job["warnings"])
    assert job["output"]["frames"] == job["planned_frames"] == 8 * 24
    assert sum(line["micros"] for line in stack.bill(job["id"])) == 400_000


def _name(line: dict[str, object], job_id: str) -> str:
    """Name what a line of the bill was for."""
    where = str(line["storage_uri"] or "")
    if "image" in str(line["model"]):
        return "keyframe"
    return f"clip {where.partition('/clips/')[2].partition('/')[0]}" if job_id in where else "other"


def test_clip_is_paid_once_when_every_task_is_delivered_twice(stack: Stack) -> None:
    tasks = f"{stack.state['tasks']}/_local"
    loopback.post(f"{tasks}/faults", json={"duplicate_rate": 1.0, "seed": 1}).raise_for_status()
    try:
        job = stack.wait(stack.submit(FOUR_SCENES, scenes=3, duration_s=12, **BY_VEO))
    finally:
        loopback.post(f"{tasks}/faults", json={"duplicate_rate": 0.0, "seed": 1}).raise_for_status()

    assert job["state"] == "COMPLETE", job["error"]
    assert len(stack.bill(job["id"])) == 3


def test_one_call_is_paid_when_one_task_is_delivered_fifty_times_at_once(stack: Stack) -> None:
    queue = f"{stack.state['tasks']}/v2/projects/{stack.project}/locations/us-central1/queues/clips"
    loopback.post(f"{queue}:pause", json={}).raise_for_status()
    try:
        job_id = stack.submit(FOUR_SCENES, **ONE_SHORT_SCENE)
        eventually(lambda: [one for one in stack.job(job_id)["scenes"] if one["state"] == "QUEUED"], "a queued clip")
        task = {"job_id": job_id, "run": 1, "scene": "scene-01", "take": 1, "attempt": 1}

        with ThreadPoolExecutor(50) as pool:
            replies = list(pool.map(lambda _: call_step(stack, "submit_clip", task), range(50)))
    finally:
        loopback.post(f"{queue}:resume", json={}).raise_for_status()

    assert {reply["state"] for reply in replies} <= {"filming", "busy", "superseded"}
    assert "filming" in {reply["state"] for reply in replies}
    assert stack.wait(job_id)["state"] == "COMPLETE"
    assert len(stack.bill(job_id)) == 1


def test_step_pays_nothing_when_called_twice_with_the_same_input(stack: Stack) -> None:
    stack.vertex("POST", "profile", {"time_scale": 0.05, "latency_s": {"veo-*": 160}})
    job_id = stack.submit(FOUR_SCENES, scenes=2, duration_s=8, **BY_VEO)
    stack.wait(job_id, "VIDEO_GEN")
    before = len(stack.bill())
    scene = {"scene": "scene-01", "take": 1}

    replies = [
        call_step(stack, "write_storyboard", {"job_id": job_id, "run": 1}),
        call_step(stack, "draw_keyframe", {"job_id": job_id, "run": 1, **scene, "frame": "start"}),
        call_step(stack, "draw_keyframe", {"job_id": job_id, "run": 1, **scene, "frame": "end"}),
        call_step(stack, "submit_clip", {"job_id": job_id, "run": 1, **scene, "attempt": 1}),
        call_step(stack, "poll_clips", {"job_id": job_id, "run": 1}),
    ]

    assert [reply["state"] for reply in replies[:3]] == ["planned", "drawn", "drawn"]
    assert replies[3]["state"] in {"filming", "busy"}
    job = stack.wait(job_id)
    assert job["state"] == "COMPLETE", job["error"]
    assert len(stack.bill(job_id)) == 2
    assert [line for line in stack.bill()[before:] if "image" in line["model"]] == []


def call_step(stack: Stack, step: str, body: dict[str, object]) -> dict[str, str]:
    """Call a step function through its gate, as the account that is allowed to."""
    gates = loopback.get(
        f"{stack.state['workflows_rest']}/v1/projects/{stack.project}/locations/us-central1/workflows/film"
    )
    urls = gates.json()["userEnvVars"]
    account, url = "film-workflow", urls.get(f"{step.upper()}_URL")
    if step == "submit_clip":
        account, url = "film-tasks", submit_clip_url(stack)
    token = loopback.get(
        f"http://{stack.state['metadata']}/computeMetadata/v1/instance/service-accounts/"
        f"{account}@{stack.project}.iam.gserviceaccount.com/identity",
        params={"audience": url, "format": "full"},
        headers={"Metadata-Flavor": "Google"},
    ).raise_for_status()
    answer = loopback.post(str(url), json=body, headers={"Authorization": f"Bearer {token.text}"})
    assert answer.status_code == 200, answer.text
    reply: dict[str, str] = answer.json()
    return reply


def submit_clip_url(stack: Stack) -> str:
    """The address to which the queue delivers, from the functions' environment."""
    return psutil.Process(stack.state["processes"]["open_job"]).environ()["PROMPTREEL_SUBMIT_CLIP_URL"]


def test_step_is_not_reached_when_the_caller_has_no_right(stack: Stack) -> None:
    url = submit_clip_url(stack)

    assert loopback.post(url, json={}).status_code == 401
    assert loopback.post(url, json={}, headers={"Authorization": "Bearer x.y.z"}).status_code == 401
    owner = stack.state["tokens"]["owner"]
    assert loopback.post(url, json={}, headers={"Authorization": f"Bearer {owner}"}).status_code in {401, 403}


def test_job_pays_for_nothing_new_when_cancelled(stack: Stack) -> None:
    stack.vertex("POST", "profile", {"time_scale": 0.05, "latency_s": {"*image*": 30, "veo-*": 60}})
    job_id = stack.submit(FOUR_SCENES, scenes=4, duration_s=16, **BY_VEO)
    eventually(lambda: stack.bill(job_id), "a first clip")

    assert stack.api("POST", f"/v1/jobs/{job_id}:cancel").json()["state"] == "CANCELLED"
    in_flight = {call["id"] for call in stack.ledger(job_id)["calls"] if call["state"] not in {"PLANNED", "RESERVED"}}

    def settled() -> bool:
        calls = stack.ledger(job_id)["calls"]
        return all(call["state"] in {"SETTLED", "RELEASED", "ADOPTED", "LOST"} for call in calls)

    eventually(settled, "every call of the cancelled job finished")
    ledger = stack.ledger(job_id)
    paid = {call["id"] for call in ledger["calls"] if call["state"] != "RELEASED"}
    assert paid <= in_flight
    assert stack.job(job_id)["state"] == "CANCELLED"
    clips = sum(call["cost_micros"] for call in ledger["calls"] if call["kind"] == "video")
    assert sum(line["micros"] for line in stack.bill(job_id)) == clips
    assert stack.api("POST", f"/v1/jobs/{job_id}:cancel").status_code == 200


def test_ledgers_equal_the_bill_when_ten_jobs_run_at_once(stack: Stack) -> None:
    stack.wait_until_idle()
    before = len(stack.bill())
    with ThreadPoolExecutor(10) as pool:
        job_ids = list(pool.map(lambda number: stack.submit(f"Film {number}: rain", **ONE_SHORT_SCENE), range(10)))
    jobs = [stack.wait(job_id, within_s=2 * PATIENCE_S) for job_id in job_ids]

    assert [job["state"] for job in jobs] == ["COMPLETE"] * 10, [job["error"] for job in jobs]
    ledgers = [stack.ledger(job_id) for job_id in job_ids]
    spent = sum(ledger["totals"]["spent_micros"] for ledger in ledgers)
    # On a slow machine an answer may be lost; such a call counts at its reserved price.
    missed = [call for ledger in ledgers for call in ledger["calls"] if call["state"] in {"LOST", "ADOPTED"}]
    unknown = sum(call["reserved_micros"] for call in missed)
    assert spent - unknown <= sum(line["micros"] for line in stack.bill()[before:]) <= spent
