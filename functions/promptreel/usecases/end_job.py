"""End a job, count its attempts for later estimates, and log it: all once, by the writer whose batch succeeded."""

from collections.abc import Callable
from contextlib import suppress

from promptreel.domain.job import Job
from promptreel.domain.rates import Counts, Rates, add_counts, count_attempts, count_since
from promptreel.errors import PromptreelError, VersionConflict
from promptreel.logging.endings import log_job_ended
from promptreel.ports.storage import Create, Replace, Update, Versioned
from promptreel.services import Services


def end_job(job_id: str, change: Callable[[Job], Job | None], services: Services) -> Update[Job]:
    """End a job by this change, as `update_job`; its owner's rates are written in the same batch.

    A change that only lets the job wait neither counts nor logs.

    Films of one owner that end at the same time must not keep one another from it: a job that loses every time ends
    without being counted.
    """
    jobs = services.jobs
    try:
        update = jobs.retry_on_conflict(lambda: _end_and_count(job_id, change, services))
    except VersionConflict:
        update = jobs.update_job(job_id, change)
    if update.is_written and update.after.is_final:
        log_job_ended(update.after, jobs)
    return update


def _end_and_count(job_id: str, change: Callable[[Job], Job | None], services: Services) -> Update[Job]:
    jobs, now = services.jobs, services.clock.now()
    read = jobs.get_job(job_id)
    ended = change(read.value)
    if ended is None:
        return Update(read.value, read.value)
    more, rates = _count(ended, services) if ended.is_final else ((), None)
    if not more:
        jobs.write(Replace(job_id, read, ended))
        return Update(read.value, ended)
    ended = ended.evolve(counted=add_counts(ended.counted, more))
    known = rates.value if rates else Rates.of_nothing(ended.owner, now)
    added = known.plus(more, now)
    jobs.write(Replace(job_id, read, ended), Replace(job_id, rates, added) if rates else Create(job_id, added))
    return Update(read.value, ended)


def _count(job: Job, services: Services) -> tuple[Counts, Versioned[Rates] | None]:
    """The attempts that the owner's rates lack, and the rates. What cannot be read is not counted: the job ends."""
    with suppress(PromptreelError):
        made = count_attempts(read.value for read in services.jobs.list_calls(job.id))
        rates = services.jobs.get_rates(job.owner)
        return count_since(job.counted, made), rates
    return (), None
