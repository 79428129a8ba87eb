"""All that is stored of one job, read once for people to look at, with a tag that changes when any of it does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from promptreel.domain import identifiers
from promptreel.domain.call import Call
from promptreel.domain.job import Job
from promptreel.domain.scene import Scene
from promptreel.domain.sheet import Sheet
from promptreel.errors import NotFound
from promptreel.ports.storage import Versioned
from promptreel.services import Services

REREAD_S = 30.0
"""A job that waits at a gate is read whole so often; in between, the job alone: only a person changes the rest."""


@dataclass(frozen=True, slots=True)
class JobView:
    """A job and its scenes, sheets and calls, as read at ``at``."""

    stored: Versioned[Job]
    scenes: Sequence[Scene]
    sheets: Sequence[Sheet]
    calls: Sequence[Call]
    tag: str
    """The same for the same versions of the same documents, in every process."""
    at: datetime

    @property
    def job(self) -> Job:
        """The job itself."""
        return self.stored.value


def view_job(stored: Versioned[Job], services: Services) -> JobView:
    """Read what belongs to a job that was just read."""
    job_id, at = stored.value.id, services.clock.now()
    scenes, sheets = services.jobs.list_scenes(job_id), services.jobs.list_sheets(job_id)
    calls = services.jobs.list_calls(job_id)
    return JobView(
        stored=stored,
        scenes=[read.value for read in scenes],
        sheets=[read.value for read in sheets],
        calls=[read.value for read in calls],
        tag=identifiers.digest(*_name_versions([stored, *scenes, *sheets, *calls])),
        at=at,
    )


def view_again(job_id: str, before: JobView | None, services: Services) -> JobView:
    """Read a job that may have changed since. Raises: NotFound for one that was deleted or has expired."""
    now = services.clock.now()
    stored = services.jobs.get_job(job_id)
    if stored.value.is_hidden(now):
        raise NotFound(f"There is no job {job_id}.")
    if before is not None and stored.version == before.stored.version and stored.value.is_waiting:
        age_s = (now - before.at).total_seconds()
        if age_s < REREAD_S * services.pace:
            return before
    return view_job(stored, services)


def _name_versions(documents: Iterable[Versioned[Any]]) -> Iterable[str]:
    for read in documents:
        yield read.value.id
        yield str(read.version)
