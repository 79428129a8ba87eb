"""How a request becomes a job, the same by HTTPS, by ``gcloud workflows run`` and in an uploaded file."""

from dataclasses import dataclass
from typing import Any

from promptreel.domain.job import Job
from promptreel.domain.planning import accept
from promptreel.services import Services
from promptreel.usecases import job_lifecycle


@dataclass(frozen=True, slots=True)
class Submission:
    """A request as it came in, whose job it becomes, and for whom. ``upload`` names the file that held it."""

    job_id: str
    owner: str
    payload: Any
    upload: str = ""


def accept_request(submission: Submission, services: Services) -> Job:
    """Check a request and store its job, with what was read from its prompt and what cannot be met.

    Idempotent: the same submission returns the job that it created before.

    Raises: Invalid; BudgetExceeded with the amount needed; Conflict when the id belongs to another request.
    """
    now = services.clock.now()
    request, brief = accept(submission.payload, now)
    job = job_lifecycle.new_job(submission.job_id, submission.owner, request, now, now + services.keep)
    return job_lifecycle.create(
        job.evolve(upload=submission.upload, inferred=brief.inferred, warnings=brief.warnings), services.jobs
    )
