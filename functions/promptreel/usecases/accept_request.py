"""How a request becomes a job, the same by HTTPS, by ``gcloud workflows run`` and in an uploaded file."""

from datetime import datetime, timedelta
from typing import Any

from promptreel.domain.job import Job
from promptreel.domain.planning import accept
from promptreel.usecases import job_lifecycle


def accept_job(job_id: str, owner: str, payload: Any, now: datetime, *, keep: timedelta, upload: str = "") -> Job:
    """A job as submitted, not stored yet; it carries what was read from its prompt and what cannot be met.

    Raises: Invalid; BudgetExceeded with the amount needed.
    """
    request, brief = accept(payload, now)
    job = job_lifecycle.new_job(job_id, owner, request, now, keep=keep, upload=upload)
    return job.evolve(inferred=brief.inferred, warnings=brief.warnings)
