"""High priority on the stack: real queues, real slots in Firestore, and a provider that counts (docs/adr/0032)."""

from pathlib import Path

from localcloud.tests import loopback
from localcloud.tests.waiting import eventually
from promptreel.domain.models import registry
from tests.e2e.stack import FOUR_SCENES, Stack
from tests.loglines import structured

LITE = "veo-3.1-lite-generate-001"
FLOOD_FILMS = 2
QUOTA = registry().video_model(LITE).quota_per_minute


def order(stack: Stack, queue: str, verb: str) -> None:
    url = f"{stack.state['tasks']}/v2/projects/{stack.project}/locations/us-central1/queues/{queue}:{verb}"
    loopback.post(url, json={}).raise_for_status()


def test_high_film_overtakes_a_flood_and_no_request_exceeds_the_models_quota(stack: Stack) -> None:
    stack.vertex("POST", "profile", {"time_scale": 0.05, "quota_per_min": {f"{LITE}*": QUOTA}})
    film = {"scenes": 4, "duration_s": 16, "models": {"video": LITE}}
    began = len(stack.bill())
    for queue in ("clips", "clips-high"):
        order(stack, queue, "pause")
    try:
        flood = [stack.submit(FOUR_SCENES, **film) for _ in range(FLOOD_FILMS)]
        high = stack.submit(FOUR_SCENES, **film, priority="high")
        for job_id in (*flood, high):
            assert stack.wait(job_id, "VIDEO_GEN")["state"] == "VIDEO_GEN"
        order(stack, "clips", "resume")
        eventually(lambda: len(clips(stack, began)) >= 2, "the flood has begun")
        sent_before = len(clips(stack, began))
    finally:
        for queue in ("clips-high", "clips"):
            order(stack, queue, "resume")

    ended = [stack.wait(job_id)["state"] for job_id in (high, *flood)]
    sent = clips(stack, began)

    assert ended == ["COMPLETE"] * (FLOOD_FILMS + 1)
    assert len(sent) == 4 * (FLOOD_FILMS + 1)
    of_high = [place for place, job_id in enumerate(sent) if job_id == high]
    standard_between = of_high[-1] + 1 - sent_before - len(of_high)
    assert standard_between <= 2, sent  # the slot in use, and one that was taken while the queue was opened
    assert count_refusals(stack, {*flood, high}) == 0


def clips(stack: Stack, began: int) -> list[str]:
    """The jobs of the clips that the provider has accepted, in order."""
    return [line["storage_uri"].split("/")[4] for line in stack.bill()[began:] if line["model"] == LITE]


def count_refusals(stack: Stack, jobs: set[str]) -> int:
    """How often the provider refused a clip of these jobs for its quota, by submit_clip's log lines."""
    files = Path(stack.state["logs"]).glob("*.log")
    lines = [line for file in files for line in structured(file.read_text(errors="replace"))]
    of_jobs = [line for line in lines if line.get("action") == "submit_clip" and line.get("job_id") in jobs]
    assert of_jobs
    return sum(line.get("status") == 429 for line in of_jobs)
