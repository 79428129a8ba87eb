"""Following a job until it ends, patient when the API is away for a moment.

A look makes the API read every document of the job: one a second while something changes, and ever fewer, down to one
in ten seconds, while nothing does.
"""

import time
from collections.abc import Callable, Iterator

from client.api import PromptreelClient
from client.problems import NotReachable, ProblemError
from client.shapes import FINAL, Job

LOOK_EVERY_S = 1.0
LONGEST_WAIT_S = 10.0
SLOWER_BY = 1.5
PATIENCE_S = 60.0


def follow(
    client: PromptreelClient,
    job_id: str,
    *,
    every_s: float = LOOK_EVERY_S,
    patience_s: float = PATIENCE_S,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Job]:
    """The job as it is at each look; the last one is final.

    Raises: ProblemError, or NotReachable once the API has been silent for `patience_s`: a film takes minutes, and a
    restart in between is no reason to stop watching.
    """
    seen_at, wait_s, before = clock(), every_s, None
    while True:
        job = _look(client, job_id, patient=clock() - seen_at < patience_s)
        if job is not None:
            seen_at = clock()
            yield job
            if job["state"] in FINAL:
                return
            now = _progress(job)
            wait_s = every_s if now != before else min(wait_s * SLOWER_BY, LONGEST_WAIT_S)
            before = now
        sleep(every_s if job is None else wait_s)


def _progress(job: Job) -> tuple[object, ...]:
    """What a watcher waits for; signed links change without news."""
    return (
        job["state"],
        job["updated"],
        job["budget"],
        [(scene["state"], len(scene["attempts"])) for scene in job["scenes"]],
    )


def _look(client: PromptreelClient, job_id: str, *, patient: bool) -> Job | None:
    try:
        return client.job(job_id)
    except NotReachable:
        if not patient:
            raise
    except ProblemError as problem:
        if not (patient and problem.may_pass):
            raise
    return None
