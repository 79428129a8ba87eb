"""Act on a job only as a caller has seen it: ``If-Match`` (docs/adr/0028)."""

from promptreel.domain.job import Job
from promptreel.errors import Changed
from promptreel.services import Services
from promptreel.usecases.view_job import view_job


def expect_job(job_id: str, tags: frozenset[str], services: Services) -> Job:
    """The job as it is stored, if one of the tags is its view's. Raises: Changed."""
    view = view_job(services.jobs.get_job(job_id), services)
    if view.tag not in tags:
        raise _changed(view.job)
    return view.job


def refuse_changed(job: Job, expected: Job | None) -> None:
    """Raises: Changed when another writer was first since the caller's tag was compared."""
    if expected is not None and job != expected:
        raise _changed(job)


def _changed(job: Job) -> Changed:
    return Changed(
        f"The job has changed since the ETag in If-Match was given; it is {job.state} now.",
        remedy="Get the job, look at what has changed, and repeat the request with its new ETag or without If-Match.",
    )
