"""close_job: the last step of a run whose film is stitched, or that has come to a gate."""

from dataclasses import dataclass
from typing import Literal

from promptreel.domain import recovery
from promptreel.domain.call import add_up
from promptreel.domain.job import Job
from promptreel.domain.money import format_usd
from promptreel.domain.request import GateStage
from promptreel.domain.states import JobState
from promptreel.errors import Broken
from promptreel.services import Services
from promptreel.usecases import job_lifecycle
from promptreel.usecases.end_job import end_job


@dataclass(frozen=True, slots=True)
class JobClosed:
    """The film's address and what it cost, when the job is complete."""

    state: Literal["complete", "awaiting_approval", "superseded"]
    film_uri: str = ""
    spent_usd: str = ""


def close_job(cmd: job_lifecycle.JobRun, services: Services) -> JobClosed:
    """Complete the job, or let it wait at its gate. Idempotent: a repeated call returns the stored result."""

    def close(job: Job) -> Job | None:
        if job.run != cmd.run or not job.is_running:
            return None
        gate = _gate_before_next_stage(job)
        if gate is not None:
            return job.wait_after(gate, services.clock.now())
        if job.output is None:
            raise Broken(f"{job.id} has no film although its cut was reported done.", code="film_missing")
        return job.to(JobState.COMPLETE, services.clock.now(), warnings=_warnings(job, services))

    job = end_job(cmd.job_id, close, services).after
    if job.run == cmd.run and job.is_waiting:
        return JobClosed("awaiting_approval")
    if job.run != cmd.run or job.state is not JobState.COMPLETE or job.output is None:
        return JobClosed("superseded")
    totals = add_up(read.value for read in services.jobs.list_calls(job.id))
    return JobClosed("complete", film_uri=job.output.film_uri, spent_usd=format_usd(totals.spent_micros))


def _gate_before_next_stage(job: Job) -> GateStage | None:
    """The gate at which a run that has come so far waits. Raises: Broken when there is nothing to look at there."""
    if job.state in {JobState.KEYFRAMES, JobState.VIDEO_GEN} and job.stops_after("keyframes"):
        if job.animatic is None:
            raise Broken(f"{job.id} has no animatic although it was reported done.", code="animatic_missing")
        return "keyframes"
    return "clips" if job.state is JobState.VIDEO_GEN and job.stops_after("clips") else None


def _warnings(job: Job, services: Services) -> tuple[str, ...]:
    """Everything that the owner should know about the finished film."""
    scenes = [found.value for found in services.jobs.list_scenes(job.id)]
    calls = [found.value for found in services.jobs.list_calls(job.id)]
    sheets = [found.value for found in services.jobs.list_sheets(job.id)]
    remedies = filter(None, map(recovery.remedy_warning, scenes))
    replaced = recovery.replacement_warnings(calls)
    return (
        *job.warnings,
        *replaced,
        *remedies,
        *recovery.sheet_warnings(sheets, calls),
        *recovery.keyframe_warnings(scenes, calls),
    )
