"""sweep_jobs: somebody always acts again. Every few minutes it finds what died between two writes (DESIGN §1.4)."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from promptreel.domain.job import Job
from promptreel.domain.ledger import Call
from promptreel.domain.problem import Problem
from promptreel.domain.states import FINAL_JOB, CallState, JobState
from promptreel.errors import LostRace, PromptreelError
from promptreel.ports import ArtifactStore, Clock, Executions, Filmer, Ids, JobStore
from promptreel.protocol import filming, lifecycle
from promptreel.protocol.ledger import Ledger

log = logging.getLogger(__name__)

BATCH = 200
QUIET_S = 120.0  # a job that changed more recently than this is left alone
MAX_RESTARTS = 3


@dataclass(frozen=True, slots=True)
class SweepJobs:
    """Nothing to say: the whole house is swept."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many jobs were given a new execution or failed, and how many calls moved."""

    restarted: int
    failed: int
    calls: int


def sweep_jobs(
    *,
    jobs: JobStore,
    artifacts: ArtifactStore,
    filmer: Filmer,
    executions: Executions,
    ledger: Ledger,
    clock: Clock,
    ids: Ids,
    pace: float,
) -> Swept:
    """Restart jobs whose execution is gone; see every unfinished call of an ended job to its end."""
    restarted = failed = 0
    for job in jobs.jobs_in(set(JobState) - FINAL_JOB, BATCH):
        if clock.now() - job.updated < timedelta(seconds=QUIET_S * pace):
            continue
        if job.execution and executions.is_active(job.execution):
            continue
        if job.restarts >= MAX_RESTARTS:
            problem = Problem(
                code="execution_lost",
                message=f"Its execution ended {job.restarts + 1} times before the film was done.",
                remedy="Resume the job; if it happens again, read the executions' logs.",
                step="sweep_jobs",
            )
            failed += lifecycle.fail(job.id, job.run, problem, jobs=jobs, clock=clock, ids=ids) is not None
        else:
            restarted += _restart(job, jobs, executions, clock)
    moved = 0
    for read in jobs.unfinished_calls(BATCH):
        moved += _see_to_end(read.value, jobs, artifacts, filmer, ledger, clock)
    return Swept(restarted, failed, moved)


def _restart(job: Job, jobs: JobStore, executions: Executions, clock: Clock) -> bool:
    read = jobs.job(job.id)
    if read.value.run != job.run or read.value.is_final:
        return False
    try:
        lifecycle.restart(read, jobs=jobs, executions=executions, clock=clock)
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
