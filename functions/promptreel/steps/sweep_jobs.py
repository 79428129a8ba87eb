"""sweep_jobs: somebody always acts again. Every few minutes it finds what died between two writes (DESIGN §1.4)."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from promptreel.domain.job import Job
from promptreel.domain.ledger import Call
from promptreel.domain.problem import Problem
from promptreel.domain.states import FINAL_JOB, CallState, JobState
from promptreel.errors import LostRace, PromptreelError
from promptreel.ports import ArtifactStore, Clock, Executions, Filmer, Ids, Inbox, JobStore
from promptreel.protocol import deletion, filming, lifecycle
from promptreel.protocol.ledger import Ledger
from promptreel.protocol.telemetry import tell

log = logging.getLogger(__name__)

BATCH = 200
QUIET_S = 120.0  # a job that changed more recently than this is left alone
OPENING_S = 300.0  # the same while no execution has opened it: one that was started may be slow to
MAX_RESTARTS = 3


@dataclass(frozen=True, slots=True)
class SweepJobs:
    """Nothing to say: the whole house is swept."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many jobs were given a new execution, failed or came to the end of their deletion; how many calls moved.

    ``stuck`` counts the jobs that nobody worked on, whether or not something could be done for them.
    """

    restarted: int
    failed: int
    calls: int
    deleted: int
    stuck: int


def sweep_jobs(
    *,
    jobs: JobStore,
    artifacts: ArtifactStore,
    inbox: Inbox,
    filmer: Filmer,
    executions: Executions,
    ledger: Ledger,
    clock: Clock,
    ids: Ids,
    pace: float,
) -> Swept:
    """Restart jobs whose execution is gone; see calls of ended jobs to their end; remove what is deleted or expired."""
    restarted = failed = stuck = 0
    for job in jobs.jobs_in(set(JobState) - FINAL_JOB, BATCH):
        with _one_of_many(job):
            if not _is_abandoned(job, executions, clock, pace):
                continue
            stuck += 1
            tell("job_stuck", job_id=job.id, state=job.state.value, restarts=job.restarts)
            if job.restarts >= MAX_RESTARTS:
                failed += _fail(job, jobs, clock, ids)
            else:
                restarted += _restart(job, jobs, executions, clock, ids)
    moved = 0
    for read in jobs.unfinished_calls(BATCH):
        moved += _see_to_end(read.value, jobs, artifacts, filmer, ledger, clock)
    deleted = _remove(jobs, artifacts, inbox, executions, clock, ids)
    tell("jobs_swept", restarted=restarted, failed=failed, calls=moved, deleted=deleted, stuck=stuck)
    return Swept(restarted, failed, moved, deleted, stuck)


def _remove(
    jobs: JobStore, artifacts: ArtifactStore, inbox: Inbox, executions: Executions, clock: Clock, ids: Ids
) -> int:
    """Mark what has expired, and go on with every deletion that is under way; how many are done."""
    for job in jobs.expired(clock.now(), BATCH):
        with _one_of_many(job):
            deletion.mark(job.id, jobs=jobs, executions=executions, clock=clock, ids=ids, expired_only=True)
    done = 0
    for job in jobs.jobs_in({JobState.DELETING}, BATCH):
        with _one_of_many(job):
            done += deletion.purge(job, jobs=jobs, artifacts=artifacts, inbox=inbox, clock=clock, ids=ids)
    return done


@contextmanager
def _one_of_many(job: Job) -> Iterator[None]:
    """What cannot be done for one job is left to the next sweep, and does not keep the others."""
    try:
        yield
    except PromptreelError as error:
        log.warning("job is left to the next sweep", extra={"json_fields": {"job_id": job.id, "error": str(error)}})


def _is_abandoned(job: Job, executions: Executions, clock: Clock, pace: float) -> bool:
    """Whether nobody has written on the job for long, and nobody will."""
    quiet_s = QUIET_S if job.execution else OPENING_S
    if clock.now() - job.updated < timedelta(seconds=quiet_s * pace):
        return False
    return job.execution is None or not executions.is_active(job.execution)


def _fail(job: Job, jobs: JobStore, clock: Clock, ids: Ids) -> bool:
    problem = Problem(
        code="execution_lost",
        message=f"Its execution ended {job.restarts + 1} times before the film was done.",
        remedy="Resume the job; if it happens again, read the executions' logs.",
        step="sweep_jobs",
    )
    return lifecycle.fail(job.id, job.run, problem, jobs=jobs, clock=clock, ids=ids) is not None


def _restart(job: Job, jobs: JobStore, executions: Executions, clock: Clock, ids: Ids) -> bool:
    read = jobs.job(job.id)
    if read.value.run != job.run or read.value.is_final:
        return False
    try:
        lifecycle.restart(read, jobs=jobs, executions=executions, clock=clock, ids=ids)
    except LostRace:
        return False  # somebody else acted, which is all that is needed
    return True


def _see_to_end(
    call: Call, jobs: JobStore, artifacts: ArtifactStore, filmer: Filmer, ledger: Ledger, clock: Clock
) -> bool:
    """Move one call on, if its job has ended or its scene has moved on; running jobs look after their own."""
    try:
        if not jobs.job(call.job).value.is_final and not _left_behind(call, jobs):
            return False
        if call.state is CallState.PLANNED:
            seen = ledger.abandon(call)
        elif call.kind == "video":
            seen = filming.resolve(call, ledger=ledger, filmer=filmer, artifacts=artifacts, clock=clock)
        elif call.state is CallState.UNCERTAIN:
            seen = ledger.give_up(call, clock.now(), "The answer was lost and cannot be fetched again.")
        else:
            seen = ledger.expire(call)
    except PromptreelError as error:  # one broken call must not keep the others from their end
        log.warning("call could not be seen to its end", extra={"json_fields": {"call": call.id, "error": str(error)}})
        return False
    return seen.state is not call.state


def _left_behind(call: Call, jobs: JobStore) -> bool:
    """Whether a clip's call is of an attempt its scene no longer waits for."""
    return (
        call.kind == "video"
        and call.scene is not None
        and jobs.scene(call.job, call.scene).value.clip_call(call.job) != call.id
    )
