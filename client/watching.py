"""Following a job until it ends: one look about every second, patient when the API is away for a moment."""

import time
from collections.abc import Callable, Iterator

from client.api import PromptreelClient
from client.problems import NotReachable, ProblemError
from client.shapes import FINAL, Job

LOOK_EVERY_S = 1.0
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
    seen_at = clock()
    while True:
        job = _look(client, job_id, patient=clock() - seen_at < patience_s)
        if job is not None:
            seen_at = clock()
            yield job
            if job["state"] in FINAL:
                return
        sleep(every_s)


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
