"""open_job: the first step of every execution. A raw request, an uploaded prompt or a known job becomes an open job."""

from dataclasses import dataclass
from typing import Any, Literal

from promptreel.domain import identifiers
from promptreel.domain.job import Job
from promptreel.errors import Invalid
from promptreel.services import Services
from promptreel.usecases.accept_unattended import accept_unattended
from promptreel.usecases.accept_upload import accept_upload


@dataclass(frozen=True, slots=True)
class OpenJob:
    """``input`` is the execution's argument: ``{job_id, run}``, a request, or a bucket event."""

    execution: str
    input: Any


@dataclass(frozen=True, slots=True)
class Opened:
    """``superseded``: another execution has this job."""

    state: Literal["open", "superseded"]
    job_id: str
    run: int


@dataclass(frozen=True, slots=True)
class NothingRequested:
    """The event is about an object that requests nothing: a style, a preset, a folder, a file that is gone."""

    state: Literal["no_job"] = "no_job"


def open_job(cmd: OpenJob, services: Services) -> Opened | NothingRequested:
    """Create or load the job and write this execution on it; the first execution to do so has the job.

    Raises: Rejected for a bad request; a bad uploaded file also gets a report object.
    """
    execution = services.executions.full_name(cmd.execution)
    found = _find(cmd, execution, services)
    if found is None:
        return NothingRequested()
    job_id, run = found
    now = services.clock.now()

    def may_open(job: Job) -> bool:
        is_open = job.run == run and job.is_running and not job.is_hidden(now)
        return is_open and job.execution in {None, execution}

    def take(job: Job) -> Job | None:
        return job.evolve(execution=execution, updated=now) if may_open(job) and job.execution is None else None

    job = services.jobs.update_job(job_id, take).after
    return Opened("open" if may_open(job) else "superseded", job_id, run)


def _find(cmd: OpenJob, execution: str, services: Services) -> tuple[str, int] | None:
    """The id and run of the job that the execution's argument names or requests; None when it requests nothing."""
    payload = cmd.input
    if isinstance(payload, dict) and "job_id" in payload:
        return _parse_known(payload)
    if isinstance(payload, dict) and isinstance(payload.get("data"), dict) and "bucket" in payload["data"]:
        job = accept_upload(payload["data"], services)
    else:
        job = accept_unattended(identifiers.job_id("execution", execution), payload, services)
    return (job.id, 1) if job else None


def _parse_known(payload: dict[str, Any]) -> tuple[str, int]:
    job_id, run = payload["job_id"], payload.get("run")
    is_id = isinstance(job_id, str) and identifiers.ID_PATTERN.match(job_id)
    if not is_id or not isinstance(run, int) or set(payload) - {"job_id", "run"}:
        raise Invalid('job_id: an existing job is opened with {"job_id": "job-…", "run": 1} and nothing else.')
    return job_id, run
