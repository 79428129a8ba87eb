"""Delete a job and everything it owns, at its owner's request or because it has expired (docs/adr/0004).

First a mark on the job, by one compare-and-set: from then on nothing of it is shown, claimed or sent. Then sweep_jobs
removes what it owns: objects, then documents; then the mark becomes a tombstone. Each part may be interrupted and is
repeated by the next sweep.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from promptreel.domain.call import Call, committed_micros
from promptreel.domain.job import Job
from promptreel.domain.states import DELETED_JOB_STATES, JobState
from promptreel.errors import Transient
from promptreel.logging.endings import log_job_ended
from promptreel.services import Services
from promptreel.usecases.expected_job import refuse_changed

# A worker that was under way when the mark was written may still upload until its request times out: the stitcher's
# 30 minutes are the longest (infra/config/services.json). Requests take real time, so this is not paced.
IN_FLIGHT_UPLOAD_GRACE_S = 1860.0
TOMBSTONE_DAYS = 30  # longer than any event, task or execution is delivered again
DELETE_BATCH = 200  # a batch holds at most 500 writes


def mark(job_id: str, services: Services, *, expired_only: bool = False, expected: Job | None = None) -> Job:
    """Delete a job, whatever its state; a job that is being deleted or is deleted stays as it is.

    ``expired_only`` leaves a job alone whose expiry has been postponed since it was listed.

    Raises: NotFound; Changed for a job that is not as ``expected``.
    """

    def change(job: Job) -> Job | None:
        now = services.clock.now()
        if job.state in DELETED_JOB_STATES or (expired_only and not job.is_hidden(now)):
            return None
        refuse_changed(job, expected)
        return job.mark_deleted(now)

    job = services.jobs.update_job(job_id, change).after
    if job.state is JobState.DELETING:
        with suppress(Transient):  # the sweep deletes what is left of them
            services.jobs.delete_answers(job_id)
    if job.execution and job.state is JobState.DELETING:
        with suppress(Transient):  # an execution that goes on finds at its next step that it is superseded
            services.executions.cancel(job.execution)
    return job


def purge(job: Job, services: Services) -> bool:
    """Remove what a marked job owns, as far as possible now; True once only the tombstone is left.

    What an unfinished call may deliver stays until the call is finished, and the calls stay with it: money that may
    be owed is counted to the end.
    """
    artifacts, clock = services.artifacts, services.clock
    calls = [read.value for read in services.jobs.list_calls(job.id)]
    open_calls = [call for call in calls if not call.is_finished]
    awaited = tuple(artifacts.uri(call.prefix) for call in open_calls if call.prefix)
    for stored in artifacts.list(f"jobs/{job.id}/"):
        if not stored.uri.startswith(awaited):
            artifacts.delete(stored.uri)
    if job.upload:
        services.inbox.delete_report(job.upload, job.id)
    if open_calls:
        return False
    counted = services.jobs.update_job(job.id, lambda read: _count_spending(read, calls, clock.now())).after
    while services.jobs.delete_owned_documents(job.id, DELETE_BATCH):
        pass
    if clock.now() - counted.updated < timedelta(seconds=IN_FLIGHT_UPLOAD_GRACE_S):
        return False
    tombstone = services.jobs.update_job(job.id, lambda read: _make_tombstone(read, clock.now()))
    if tombstone.is_written:
        log_job_ended(tombstone.after, services.jobs)
    return True


def _count_spending(job: Job, calls: list[Call], now: datetime) -> Job | None:
    """The job with what it has cost, counted once, before its calls are deleted."""
    if job.spent_micros is not None:
        return None
    return job.evolve(spent_micros=committed_micros(calls), updated=now)


def _make_tombstone(job: Job, now: datetime) -> Job | None:
    if job.state is JobState.DELETED:
        return None
    return job.to(JobState.DELETED, now, upload=None, execution=None, forget=now + timedelta(days=TOMBSTONE_DAYS))
