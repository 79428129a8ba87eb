"""``make bench``: how soon a submission is answered, and whether two hundred at once become as many jobs.

Goal: under 100 ms warm. The fake Vertex AI answers nothing meanwhile, so that no film takes the processors, and a
submission that waited for a model would be seen.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil

from localcloud.tests.waiting import PATIENCE_S
from tests.e2e.stack import Stack, running

WARM_UP = 10
ALONE = 50
AT_ONCE = 200
WANTED_MS = 100.0
SLOW_S = 3600.0  # until a model answers
FILM: dict[str, Any] = {"scenes": 1, "duration_s": 4, "quality": "draft", "cache": False}


class Submitter:
    """Submits over one kept connection, as a client does."""

    def __init__(self, stack: Stack) -> None:
        state = stack.state
        self._jobs = f"{state['api']}/v1/jobs"
        self._headers = {"Authorization": f"Bearer {state['tokens']['owner']}"}
        self._http = httpx.Client(timeout=PATIENCE_S, trust_env=False, limits=httpx.Limits(max_connections=AT_ONCE))

    def submit(self, number: int) -> tuple[float, str]:
        """Return the milliseconds until the answer, and the job's id. Raises: RuntimeError unless it was accepted."""
        body = {"prompt": f"A paper boat on lake {number}", **FILM}
        started = time.perf_counter()
        answer = self._http.post(self._jobs, json=body, headers={**self._headers, "Idempotency-Key": f"bench-{number}"})
        took_ms = 1000 * (time.perf_counter() - started)
        if answer.status_code != httpx.codes.ACCEPTED:
            raise RuntimeError(answer.text)
        return took_ms, str(answer.json()["id"])


def count_jobs(stack: Stack) -> int:
    """The jobs that the API lists, page by page."""
    count, token = 0, ""
    while True:
        page = stack.api("GET", f"/v1/jobs?page_token={token}" if token else "/v1/jobs").raise_for_status().json()
        count += len(page["jobs"])
        token = page["next_page_token"]
        if not token:
            return count


def api_cpu_s(stack: Stack) -> float:
    """CPU seconds of the API's processes so far."""
    leader = psutil.Process(stack.state["processes"]["api"])
    times = [process.cpu_times() for process in (leader, *leader.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as stack:
        stack.vertex("POST", "profile", {"time_scale": 1.0, "latency_s": {"*": SLOW_S}})
        submitter = Submitter(stack)
        for number in range(WARM_UP):
            submitter.submit(number)
        before_s = api_cpu_s(stack)
        alone = [submitter.submit(WARM_UP + number)[0] for number in range(ALONE)]
        cpu_ms = 1000 * (api_cpu_s(stack) - before_s) / ALONE
        first = WARM_UP + ALONE
        started = time.perf_counter()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            crowd = list(pool.map(submitter.submit, range(first, first + AT_ONCE)))
        burst_s = time.perf_counter() - started
        ids, listed, billed = {job_id for _, job_id in crowd}, count_jobs(stack), len(stack.bill())
    rows = [
        (f"a submission, warm, alone: median (wanted: under {WANTED_MS:g} ms)", f"{statistics.median(alone):.0f} ms"),
        ("  95th percentile", f"{percentile(alone, 95):.0f} ms"),
        ("  processor time of the API in it", f"{cpu_ms:.0f} ms"),
        (f"{AT_ONCE} at once: all answered after", f"{burst_s:.1f} s"),
        ("  jobs made", f"{len(ids)}, {listed} listed of {first + AT_ONCE}"),
        ("calls of models that were answered by then", f"{billed}"),
    ]
    for what, figure in rows:
        sys.stdout.write(f"{what:64} {figure}\n")
    return 0 if len(ids) == AT_ONCE and listed == first + AT_ONCE else 1


if __name__ == "__main__":
    sys.exit(main())
