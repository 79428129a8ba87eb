"""``make bench``: how long a film takes compared with its longest chain of dependent work, alone and ten at once.

The chain is: the storyboard, every keyframe in turn, the last clip, the stitching. The fake Vertex AI has fixed
latencies, so that the figures show what the orchestration adds. Compare ratios within a run, not between runs.
"""

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.e2e.stack import BY_VEO, FOUR_SCENES, Stack, running

PACE = 0.05
TEXT_S, KEYFRAME_S, CLIP_S = 10.0, 20.0, 120.0  # seconds in production
SCENES = 4


def film_s(stack: Stack, number: int) -> tuple[float, dict[str, Any]]:
    """Submit one film; return the seconds until it is complete."""
    started = time.monotonic()
    job = stack.wait(
        stack.submit(f"{FOUR_SCENES} Film {number}.", scenes=SCENES, duration_s=16, **BY_VEO), within_s=600
    )
    if job["state"] != "COMPLETE":
        raise SystemExit(f"{job['id']} ended {job['state']}: {job['error']}")
    return time.monotonic() - started, job


def main() -> int:
    chain_s = (TEXT_S + KEYFRAME_S * (SCENES + 1) + CLIP_S) * PACE
    latencies = {"gemini-3.8-*": TEXT_S, "*image*": KEYFRAME_S, "veo-*": CLIP_S}
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as stack:
        film_s(stack, 0)  # starts every function
        stack.vertex("POST", "profile", {"time_scale": PACE, "latency_s": latencies})
        alone_s = min(film_s(stack, number)[0] for number in (1, 2))
        started = time.monotonic()
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda number: film_s(stack, number), range(10, 20)))
        ten_s = time.monotonic() - started
        memory_mb = sum(process.memory_info().rss for process in stack.processes()) // 2**20
    rows = [
        ("longest chain (without stitching)", f"{chain_s:.1f} s"),
        ("one film, warm", f"{alone_s:.1f} s = {alone_s / chain_s:.2f} x the chain"),
        ("ten films at once", f"{ten_s:.1f} s = {ten_s / alone_s:.2f} x one film"),
        ("memory of the whole stack after that", f"{memory_mb} MB"),
    ]
    for what, figure in rows:
        sys.stdout.write(f"{what:48} {figure}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
