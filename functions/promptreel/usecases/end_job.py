"""End a job or let it wait: count attempts, store webhooks' events, log, report; by the writer whose batch won."""

from collections.abc import Callable
from contextlib import suppress

from promptreel.domain.job import Job
from promptreel.domain.rates import Counts, Rates, add_counts, count_attempts, count_since
from promptreel.errors import PromptreelError, VersionConflict
from promptreel.logging.endings import log_job_ended
from promptreel.ports.storage import Create, Replace, Update, Versioned
from promptreel.services import Services
from promptreel.usecases import webhook_outbox
from promptreel.usecases.upload_reports import report_job_soon


def end_job(job_id: str, change: Callable[[Job], Job | None], services: Services) -> Update[Job]:
    """End a job by this change, as `update_job`; its owner's rates and its events are written in the same batch.

    A change that only lets the job wait neither counts nor logs; it has events all the same.

    Films of one owner that end at the same time must not keep one another from it: a job that loses every time ends
    without being counted.
    """
    jobs = services.jobs
    try:
        update, events = jobs.retry_on_conflict(lambda: _end(job_id, change, services))
    except VersionConflict:
        update, events = jobs.retry_on_conflict(lambda: _end(job_id, change, services, is_counted=False))
    webhook_outbox.enqueue_created(events, services)
    if update.is_written and update.after.is_final:
        log_job_ended(update.after, jobs)
        report_job_soon(update.after, services)
    return update


def _end(
    job_id: str, change: Callable[[Job], Job | None], services: Services, *, is_counted: bool = True
) -> tuple[Update[Job], list[Create]]:
    """The update, and the events that were written with it."""
    jobs, now = services.jobs, services.clock.now()
    read = jobs.get_job(job_id)
    ended = change(read.value)
    if ended is None:
        return Update(read.value, read.value), []
    events = webhook_outbox.events_of_job(ended, services)
    more, rates = _count(ended, services) if ended.is_final and is_counted else ((), None)
    if not more:
        jobs.write(Replace(job_id, read, ended), *events)
        return Update(read.value, ended), events
    ended = ended.evolve(counted=add_counts(ended.counted, more))
    known = rates.value if rates else Rates.of_nothing(ended.owner, now)
    added = known.plus(more, now)
    jobs.write(Replace(job_id, read, ended), Replace(job_id, rates, added) if rates else Create(job_id, added), *events)
    return Update(read.value, ended), events


def _count(job: Job, services: Services) -> tuple[Counts, Versioned[Rates] | None]:
    """The attempts that the owner's rates lack, and the rates. What cannot be read is not counted: the job ends."""
    with suppress(PromptreelError):
        made = count_attempts(read.value for read in services.jobs.list_calls(job.id))
        rates = services.jobs.get_rates(job.owner)
        return count_since(job.counted, made), rates
    return (), None
