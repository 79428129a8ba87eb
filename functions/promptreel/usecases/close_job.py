"""close_job: the last step of a run whose film is cut."""

from dataclasses import dataclass

from promptreel.domain import recovery, succession
from promptreel.domain.call import spent_micros
from promptreel.domain.job import Job
from promptreel.domain.money import format_usd
from promptreel.domain.states import JobState
from promptreel.errors import Broken
from promptreel.ledger.optimistic_locking import retry_on_conflict
from promptreel.logging.endings import log_job_ended
from promptreel.ports.storage import Replace
from promptreel.services import Services


@dataclass(frozen=True, slots=True)
class CloseJob:
    job_id: str
    run: int


@dataclass(frozen=True, slots=True)
class JobClosed:
    """``state`` is ``complete`` or ``superseded``."""

    state: str
    film_uri: str = ""
    spent_usd: str = ""


def close_job(cmd: CloseJob, services: Services) -> JobClosed:
    """Complete the job. Idempotent: a repeated call returns the stored result."""
    job = retry_on_conflict(lambda: _complete(cmd, services), services.clock, services.ids)
    if job is None or job.output is None:
        return JobClosed("superseded")
    spent = spent_micros(read.value for read in services.jobs.list_calls(job.id))
    return JobClosed("complete", film_uri=job.output.film_uri, spent_usd=format_usd(spent))


def _complete(cmd: CloseJob, services: Services) -> Job | None:
    jobs = services.jobs
    read = jobs.get_job(cmd.job_id)
    job = read.value
    if job.run != cmd.run or (job.is_final and job.state is not JobState.COMPLETE):
        return None
    if job.state is JobState.COMPLETE:
        return job
    if job.output is None:
        raise Broken(f"{job.id} has no film although its cut was reported done.", code="film_missing")
    scenes = [found.value for found in jobs.list_scenes(job.id)]
    calls = [found.value for found in jobs.list_calls(job.id)]
    remedies = filter(None, map(recovery.remedy_warning, scenes))
    replaced = succession.replacement_warnings(calls)
    warnings = (*job.warnings, *replaced, *remedies, *recovery.keyframe_warnings(scenes, calls))
    done = job.to(JobState.COMPLETE, services.clock.now(), warnings=warnings)
    jobs.write(Replace(job.id, read, done))
    log_job_ended(done, jobs)
    return done
