"""Follow a job until it ends or waits for a person, and show it: as a live table on a terminal, as lines in a log.

The API answers when the job changes, so that a change is seen at once and a film that takes long costs few requests.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime

from rich.console import Console, RenderableType
from rich.live import Live

from client.api import PromptreelClient
from client.documents import FINAL, WAITING, Job
from client.errors import NotReachable, ProblemError
from client.views import change_lines, gate_view, job_view, result_view

POLL_EVERY_S = 1.0
WAIT_S = 25  # below the client's own time limit
FULL_PAUSE_S = 10.0
OUTAGE_LIMIT_S = 60.0


def follow(
    client: PromptreelClient,
    job_id: str,
    *,
    every_s: float = POLL_EVERY_S,
    outage_limit_s: float = OUTAGE_LIMIT_S,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Job]:
    """Yield the job whenever it has changed; the last one is final, or waits for approval.

    At least `every_s` lie between two requests. Where too many watch already, the job is asked for now and then.

    Raises: ProblemError when the API refuses, NotReachable once the API has not answered for `outage_limit_s`: a
    restart of the API does not end the watching.
    """
    answered_at, seen, wait_s = clock(), None, 0
    while True:
        asked_at = clock()
        try:
            job, seen = client.job_if_changed(job_id, seen, wait_s=wait_s)
        except (NotReachable, ProblemError) as error:
            if isinstance(error, ProblemError) and error.code == "too_many_watchers":
                wait_s = 0
                sleep(FULL_PAUSE_S)
                continue
            is_transient = isinstance(error, NotReachable) or error.is_transient
            if not is_transient or clock() - answered_at >= outage_limit_s:
                raise
            sleep(every_s)
            continue
        answered_at, wait_s = clock(), WAIT_S
        if job is not None:
            yield job
            if job["state"] in FINAL or job["state"] == WAITING:
                return
        left_s = asked_at + every_s - clock()
        if left_s > 0:
            sleep(left_s)


def show(jobs: Iterable[Job], console: Console, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Job:
    """Draw each state of a followed job, and return the last one."""
    latest: Job | None = None

    def draw() -> RenderableType:
        return job_view(latest, now()) if latest else "Waiting for the first answer …"

    # Drawn four times a second from the latest answer, so that the clock runs between two answers.
    table = Live(get_renderable=draw, console=console, refresh_per_second=4, vertical_overflow="visible")
    with table if console.is_terminal else nullcontext():
        for job in jobs:
            if not console.is_terminal:
                for line in change_lines(latest, job, now()):
                    console.print(line, markup=False, highlight=False, soft_wrap=True)
            latest = job
    if latest is None:
        raise ValueError("there must be at least one state of the job")
    if not console.is_terminal:
        console.print(gate_view(latest) if latest["state"] == WAITING else result_view(latest), soft_wrap=True)
    return latest
