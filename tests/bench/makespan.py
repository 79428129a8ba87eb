"""``make bench``: how long a film takes compared with its longest chain of dependent work, alone and ten at once.

The chain is: the storyboard, every keyframe in turn, the last clip, the stitching. Then the same films with sheets
first and all keyframes at the same time, compared with the chain. The fake Vertex AI has fixed latencies, so that the
figures show what the orchestration adds. Compare ratios within a run, not between runs.
"""

import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.stack import BY_VEO, FOUR_SCENES, OMNI, Stack, running

PACE = 0.05
SLOWER_PACE = 0.15  # of the comparison of ways
TEXT_S, KEYFRAME_S, CLIP_S = 10.0, 20.0, 120.0  # seconds in production
SCENES = 4
FILMS = (4, 8, 16)
WAYS: Mapping[str, Mapping[str, Any]] = {
    "chain": {"continuity": "chain", "checks": False},
    "sheet": {"continuity": "sheet", "checks": False},
    "sheet, checked": {"continuity": "sheet", "checks": True},
}
"""How keyframes are made to hold together."""
SMALL = {"models": {"video": OMNI}, "resolution": "360p"}
"""Small pictures, so that the stand-ins' own work does not hide what is compared."""


def film_s(stack: Stack, number: int) -> tuple[float, dict[str, Any]]:
    """Submit one film; return the seconds until it is complete."""
    started = time.monotonic()
    job = stack.wait(
        stack.submit(f"{FOUR_SCENES} Film {number}.", scenes=SCENES, duration_s=16, **BY_VEO), within_s=600
    )
    _require_complete(job)
    return time.monotonic() - started, job


@dataclass(frozen=True, slots=True)
class Course:
    """``in_turn``: how many of its pictures were drawn one after the other, which no load of the machine changes."""

    took_s: float
    in_turn: int

    def compare(self, chain: "Course") -> str:
        ratio = f"{self.took_s:.1f} s = {self.took_s / chain.took_s:.2f} x the chain"
        return f"{ratio}, {self.in_turn} pictures one after the other"


def compare_ways(stack: Stack, scenes: int) -> Mapping[str, Course]:
    """A film of so many scenes, by the way its keyframes are made."""
    took = {}
    for way, fields in WAYS.items():
        started = time.monotonic()
        prompt = f"Mira, a keeper, and her dog wait at a lighthouse for a ship. A film of {scenes} scenes, {way}."
        job = stack.wait(stack.submit(prompt, scenes=scenes, duration_s=4 * scenes, **SMALL, **fields), within_s=600)
        _require_complete(job)
        took[way] = Course(time.monotonic() - started, count_in_turn(stack, job["id"]))
    return took


def count_in_turn(stack: Stack, job_id: str) -> int:
    """The most pictures of a film of which each was sent when the one before it had come."""
    events = stack.api("GET", f"/v1/jobs/{job_id}/events").json()["events"]
    drawn = [event for event in events if event.get("kind") == "image"]
    sent = {event["call"]: event["at"] for event in drawn if event["event"] == "call_sent"}
    settled = ((event["at"], sent[event["call"]]) for event in drawn if event["event"] == "call_settled")
    count, last = 0, ""
    for came, left in sorted(settled):
        if left >= last:
            count, last = count + 1, came
    return count


def _require_complete(job: Mapping[str, Any]) -> None:
    if job["state"] != "COMPLETE":
        raise SystemExit(f"{job['id']} ended {job['state']}: {job['error']}")


def main() -> int:
    chain_s = (TEXT_S + KEYFRAME_S * (SCENES + 1) + CLIP_S) * PACE
    latencies = {"gemini-3.8-*": TEXT_S, "*image*": KEYFRAME_S, "veo-*": CLIP_S, "gemini-omni-*": CLIP_S}
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as stack:
        film_s(stack, 0)  # starts every function
        compare_ways(stack, 2)
        stack.vertex("POST", "profile", {"time_scale": PACE, "latency_s": latencies})
        alone_s = min(film_s(stack, number)[0] for number in (1, 2))
        started = time.monotonic()
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda number: film_s(stack, number), range(10, 20)))
        ten_s = time.monotonic() - started
        stack.vertex("POST", "profile", {"time_scale": SLOWER_PACE, "latency_s": latencies})
        ways = {scenes: compare_ways(stack, scenes) for scenes in FILMS}
        memory_mb = sum(process.memory_info().rss for process in stack.processes()) // 2**20
    rows = [
        ("longest chain (without stitching)", f"{chain_s:.1f} s"),
        ("one film, warm", f"{alone_s:.1f} s = {alone_s / chain_s:.2f} x the chain"),
        ("ten films at once", f"{ten_s:.1f} s = {ten_s / alone_s:.2f} x one film"),
        *(
            (f"{scenes} scenes, {way}", course.compare(took["chain"]))
            for scenes, took in ways.items()
            for way, course in took.items()
        ),
        ("memory of the whole stack after that", f"{memory_mb} MB"),
    ]
    for what, figure in rows:
        sys.stdout.write(f"{what:48} {figure}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
