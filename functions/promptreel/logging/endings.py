"""Log the end of jobs and paid calls, exactly once each, by the writer whose update succeeded.

A process that dies between the update and the line logs nothing; the documents still have the end, and
``GET /v1/jobs/{id}/events`` reads those.
"""

from contextlib import suppress

from promptreel.domain.call import Call, add_up
from promptreel.domain.job import Job
from promptreel.domain.states import CallState
from promptreel.errors import PromptreelError
from promptreel.logging.events import log_event
from promptreel.ports.storage import JobStore


def log_job_ended(job: Job, jobs: JobStore) -> None:
    """``job_complete``, ``job_failed``, ``job_cancelled`` or ``job_deleted``: what it took, cost and led to.

    ``makespan_s`` is counted from the last time a person set the job going. When calls or scenes cannot be read, what
    they would add is left out: the job has ended all the same.
    """
    totals = scenes = None
    with suppress(PromptreelError):
        totals = add_up(read.value for read in jobs.list_calls(job.id))
        scenes = len(jobs.list_scenes(job.id))
    spent = totals.spent_micros if totals else None
    if job.spent_micros is not None:  # deleted, with its calls and scenes
        spent, scenes = job.spent_micros, None
    log_event(
        f"job_{job.state.lower()}",
        job_id=job.id,
        state=job.state.value,
        run=job.run,
        makespan_s=round((job.updated - (job.resumed or job.created)).total_seconds(), 3),
        spent_micros=spent,
        reserved_micros=totals.reserved_micros if totals else None,
        scenes=scenes,
        warnings=len(job.warnings),
        code=job.error.code if job.error else None,
        failed_step=job.error.step or "" if job.error else None,
    )


def log_call_ended(call: Call, before: CallState) -> None:
    """``call_settled``, ``call_released``, ``call_adopted`` or ``call_lost``: what it was, took and cost.

    ``code`` is there when the provider refused the call, ``source_job`` when its artifact is a copy. ``cost_micros`` is
    what the ledger counts for it from now on; an answer that comes after ``call_lost`` is logged too, with ``before``
    LOST: its cost replaces the one logged then.
    """
    log_event(
        f"call_{call.state.lower()}",
        job_id=call.job,
        call_id=call.id,
        scene_id=call.scene,
        before=before.value,
        cost_micros=call.counted_micros,
        latency_s=None if call.sent_at is None else round((call.updated - call.sent_at).total_seconds(), 3),
        source_job=call.source.job if call.source else None,
        code=call.codes[0] if call.codes and call.counts_as_attempt else None,
        **call.model_dump(mode="json", include={"kind", "model", "take", "attempt", "reserved_micros", "codes"}),
    )
