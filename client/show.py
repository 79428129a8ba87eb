"""Drawing a followed job: live on a terminal, line by line anywhere else."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from rich.console import Console, RenderableType
from rich.live import Live

from client.changes import changes
from client.shapes import Job
from client.view import ending_view, job_view

Now = Callable[[], datetime]


def _utc_now() -> datetime:
    return datetime.now(UTC)


def show(jobs: Iterable[Job], console: Console, now: Now = _utc_now) -> Job:
    """Draw every look at the job until there are no more, and answer with the last one."""
    return _live(jobs, console, now) if console.is_terminal else _lines(jobs, console, now)


def _live(jobs: Iterable[Job], console: Console, now: Now) -> Job:
    latest: Job | None = None

    def picture() -> RenderableType:
        return job_view(latest, now()) if latest else "Waiting for the first answer …"

    # Drawn four times a second from the latest look, so that the clock runs between two looks.
    with Live(get_renderable=picture, console=console, refresh_per_second=4, vertical_overflow="visible"):
        for job in jobs:
            latest = job
    return _last(latest)


def _lines(jobs: Iterable[Job], console: Console, now: Now) -> Job:
    latest: Job | None = None
    for job in jobs:
        for line in changes(latest, job, now()):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        latest = job
    job = _last(latest)
    console.print(ending_view(job), soft_wrap=True)
    return job


def _last(job: Job | None) -> Job:
    if job is None:
        raise ValueError("nobody looked at the job")
    return job
