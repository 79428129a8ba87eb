"""How a job goes, by its owner's wish or because its time is over (H9, docs/adr/0004).

First a mark on the job, one compare-and-set: from then on nothing of it is shown, claimed or sent. Then sweep_jobs
removes what it owns, as often as it takes: objects, then documents, then the mark becomes a tombstone. Every part may
be interrupted anywhere and is simply done again.
"""

from contextlib import suppress
from datetime import timedelta

from promptreel.domain.call import Call, committed_micros
from promptreel.domain.job import Job
from promptreel.domain.states import DELETED_JOB_STATES, JobState
from promptreel.errors import Transient
from promptreel.ledger.optimistic_locking import retry_on_conflict
from promptreel.logging.endings import log_job_ended
from promptreel.ports.storage import Replace
from promptreel.services import Services

# A worker that was under way when the mark was written may still upload until its request times out: the stitcher's
# 30 minutes are the longest (infra/config/services.json). Requests take real time, so this is not paced.
LATECOMERS_S = 1860.0
TOMBSTONE_DAYS = 30  # longer than any event, task or execution is delivered again
ERASED_AT_ONCE = 200  # a batch holds at most 500 writes


def mark(job_id: str, services: Services, *, expired_only: bool = False) -> Job:
    """Delete a job, whatever its state; a job that is going or gone stays as it is.

    ``expired_only`` leaves a job alone whose expiry has been put off since somebody looked.

    Raises: NotFound.
    """

    def attempt() -> Job:
        read, now = services.jobs.get_job(job_id), services.clock.now()
        if read.value.state in DELETED_JOB_STATES or (expired_only and not read.value.is_hidden(now)):
            return read.value
        marked = read.value.mark_deleted(now)
        services.jobs.write(Replace(job_id, read, marked))
        return marked

    job = retry_on_conflict(attempt, services.clock, services.ids)
    if job.execution and job.state is JobState.DELETING:
        with suppress(Transient):  # an execution that goes on finds at its next step that it is superseded
            services.executions.cancel(job.execution)
    return job


def purge(job: Job, services: Services) -> bool:
    """Remove what a marked job owns, as far as it may go now; True once only the tombstone is left.

    What an unfinished call may deliver stays until the call is finished, and the calls stay with it: money that may
    be owed is counted to the end.
    """
    jobs, artifacts, clock, ids = services.jobs, services.artifacts, services.clock, services.ids
    calls = [read.value for read in jobs.list_calls(job.id)]
    open_calls = [call for call in calls if not call.is_finished]
    awaited = tuple(artifacts.uri(call.prefix) for call in open_calls if call.prefix)
    for stored in artifacts.list(f"jobs/{job.id}/"):
        if not stored.uri.startswith(awaited):
            artifacts.delete(stored.uri)
    if job.upload:
        services.inbox.delete_report(job.upload, job.id)
    if open_calls:
        return False
    counted = retry_on_conflict(lambda: _store_spending(job.id, calls, services), clock, ids)
    while jobs.delete_owned_documents(job.id, ERASED_AT_ONCE):
        pass
    if clock.now() - counted.updated < timedelta(seconds=LATECOMERS_S):
        return False
    return retry_on_conflict(lambda: _write_tombstone(job.id, services), clock, ids)


def _store_spending(job_id: str, calls: list[Call], services: Services) -> Job:
    """Write on the job what it has cost, once, before the calls that say so are removed."""
    read = services.jobs.get_job(job_id)
    if read.value.spent_micros is not None:
        return read.value
    counted = read.value.evolve(spent_micros=committed_micros(calls), updated=services.clock.now())
    services.jobs.write(Replace(job_id, read, counted))
    return counted


def _write_tombstone(job_id: str, services: Services) -> bool:
    read, now = services.jobs.get_job(job_id), services.clock.now()
    if read.value.state is not JobState.DELETED:
        forget = now + timedelta(days=TOMBSTONE_DAYS)
        tombstone = read.value.to(JobState.DELETED, now, upload="", execution=None, forget=forget)
        services.jobs.write(Replace(job_id, read, tombstone))
        log_job_ended(tombstone, services.jobs)
    return True
