"""How a job ends, is approved and is resumed; each is one compare-and-set on the job document."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from promptreel.domain.call import committed_micros
from promptreel.domain.document import Problem
from promptreel.domain.job import ContinuityCheck, Job
from promptreel.domain.money import format_usd
from promptreel.domain.request import Approval, GateStage
from promptreel.domain.scene import Scene
from promptreel.domain.sheet import Sheet
from promptreel.domain.states import JobState, SceneState
from promptreel.errors import BudgetExceeded, Conflict, Invalid, NotFound, Transient
from promptreel.ports.storage import ArtifactStore, JobStore, Replace, Versioned
from promptreel.services import Services
from promptreel.usecases import artifact_integrity
from promptreel.usecases.admission import take_place
from promptreel.usecases.end_job import end_job
from promptreel.usecases.expected_job import refuse_changed
from promptreel.usecases.upload_reports import report_job_soon


@dataclass(frozen=True, slots=True)
class JobRun:
    """The command of a step that needs no more than its job, and the run that it belongs to."""

    job_id: str
    run: int


def cancel(job_id: str, services: Services, expected: Job | None = None) -> Job:
    """CANCELLED first, so that nothing new is paid; then the execution, whose cancellation cannot be caught.

    Idempotent. Raises: Conflict for a job that ended in another way; Changed for one that is not as ``expected``.
    """

    def change(job: Job) -> Job | None:
        refuse_changed(job, expected)
        if job.state is JobState.CANCELLED:
            return None
        if job.is_final:
            raise Conflict(f"The job is {job.state}; only a running job can be cancelled.", code="job_is_final")
        return job.to(JobState.CANCELLED, services.clock.now())

    job = end_job(job_id, change, services).after
    if job.execution:
        services.executions.cancel(job.execution)
    return job


def resume(job_id: str, limit_micros: int | None, services: Services, expected: Job | None = None) -> Job:
    """Continue at the first unfinished piece, with a new run; everything made and paid is kept.

    Where a damaged keyframe stopped the job and was not restored, it is drawn again.

    Idempotent: a running job stays as it is. Raises: Conflict for a finished film; BudgetExceeded for a limit that is
    spent or reserved already; TooMany when the owner has too many unfinished jobs.
    """
    job = services.jobs.retry_on_conflict(lambda: _reopen(job_id, limit_micros, services, expected))
    report_job_soon(job, services)
    return _start(job, services)


def approve(job_id: str, approval: Approval, services: Services, expected: Job | None = None) -> Job:
    """Let a job pass the gate at which it waits, with a new run: to its first stage with unfinished work.

    Idempotent: a job that has passed the gate stays as it is. Raises: Conflict for a job at no gate, or at another
    one than the approval names.
    """
    return _start(services.jobs.retry_on_conflict(lambda: _pass_gate(job_id, approval, services, expected)), services)


def _start(job: Job, services: Services) -> Job:
    """Give a job that was set going an execution; if that fails, sweep_jobs does."""
    if job.execution is None and job.is_running:
        with suppress(Transient):
            services.executions.start(job.id, job.run)
    return job


def _pass_gate(job_id: str, approval: Approval, services: Services, expected: Job | None) -> Job:
    jobs = services.jobs
    read, now = jobs.get_job(job_id), services.clock.now()
    job, gate = read.value, read.value.gate
    if job.is_hidden(now):
        raise NotFound(f"There is no job {job_id}.")
    refuse_changed(job, expected)
    is_at_gate = job.is_waiting and gate is not None and approval.gate in {None, gate.stage}
    if gate is None or not is_at_gate:
        if _has_passed(job, approval):
            return job
        raise _not_at_gate(job, approval)
    _refuse_unseen(job, approval)
    scenes = [scene.value for scene in jobs.list_scenes(job_id)]
    passed = _open_gate(job, gate.stage, approval, scenes, now)
    state = _unfinished(passed, scenes)
    running = passed.to(
        state,
        now,
        check=None if state is JobState.KEYFRAMES else passed.check,  # what was edited is checked again
        run=job.run + 1,
        restarts=0,
        execution=None,
        resumed=now,
        expires=job.expiry_from(now),
    )
    jobs.write(Replace(job_id, read, running))
    return running


def _has_passed(job: Job, approval: Approval) -> bool:
    """Whether this approval is a repeated one."""
    if approval.gate is None:
        return bool(job.approved) and job.is_running
    return approval.gate in job.approved or (job.is_running and approval.gate == job.next_gate)


def _open_gate(job: Job, stage: GateStage, approval: Approval, scenes: Sequence[Scene], now: datetime) -> Job:
    """The job with this gate behind it. Raises: Invalid for a next stop that is behind it too."""
    plan, stages = job.require_plan(), get_args(GateStage)
    stop = approval.stop_after
    is_same = stop == stage == "keyframes" and not all(scene.keyframes_drawn for scene in scenes)
    if stop is not None and not is_same and stages.index(stop) <= stages.index(stage):
        raise Invalid(
            f"stop_after: the job is past its {stop}, and nothing of them is to be made again.",
            remedy="Name a later stage, or leave `stop_after` out.",
        )
    if is_same:  # what is shown there next is another revision, which this approval does not cover
        plan = plan.revise(("keyframes",), now)
    approved = tuple(one for one in stages if one in {*job.approved, stage} and one != stop)
    return job.evolve(gate=None, approved=approved, next_gate=stop, plan=plan)


def _refuse_unseen(job: Job, approval: Approval) -> None:
    """Raises: Conflict for an approval of an older revision of the plan."""
    plan = job.require_plan()
    if approval.revision not in {None, plan.revision}:
        raise Conflict(
            f"The plan has revision {plan.revision}, not {approval.revision}; since then changed: "
            f"{plan.describe_changes(approval.revision or 0)}.",
            code="plan_changed",
            remedy=f"Look at it, then approve revision {plan.revision}.",
        )


def _not_at_gate(job: Job, approval: Approval) -> Conflict:
    if job.is_waiting and job.gate is not None:
        return Conflict(
            f"The job waits after its {job.gate.stage}, not after its {approval.gate}.",
            code="another_gate",
            remedy=f"Look at it, then approve with the gate `{job.gate.stage}`.",
        )
    return Conflict(
        f"The job is {job.state}; only a job that waits at a gate can be approved.",
        code="not_at_a_gate",
        remedy="Resume it first." if job.state in {JobState.FAILED, JobState.CANCELLED} else "",
    )


def _reopen(job_id: str, limit_micros: int | None, services: Services, expected: Job | None) -> Job:
    jobs = services.jobs
    read, now = jobs.get_job(job_id), services.clock.now()
    job = read.value
    if job.is_hidden(now):
        raise NotFound(f"There is no job {job_id}.")
    refuse_changed(job, expected)
    if job.state is JobState.COMPLETE:
        raise Conflict("The film is complete; there is nothing to go on with.", code="job_is_complete")
    if not job.is_final:
        return job
    limit = job.budget.limit_micros if limit_micros is None else limit_micros
    committed = committed_micros([call.value for call in jobs.list_calls(job_id)])
    if committed > limit:
        raise BudgetExceeded(
            f"budget_usd: {format_usd(committed)} USD are spent or reserved already.",
            remedy=f"Resume with a limit of at least {format_usd(committed)} USD.",
        )
    reads, sheets = jobs.list_scenes(job_id), _reset_sheets(job, services, now)
    scenes = _reset_scenes(job, [read.value for read in reads], services.artifacts, now)
    reopened = job.enter_state(
        _unfinished(job, scenes),
        now,
        gate=job.gate.evolve(since=now, reminders=0) if job.gate else None,
        run=job.run + 1,
        restarts=0,
        execution=None,
        error=None,
        budget=job.budget.evolve(limit_micros=limit, version=job.budget.version + 1),
        resumed=now,
        expires=job.expiry_from(now),
    )
    changed = [Replace(job_id, old, new) for old, new in zip(reads, scenes, strict=True) if new is not old.value]
    jobs.write(Replace(job_id, read, reopened), take_place(job.owner, job_id, services), *changed, *sheets)
    return reopened


def _reset_scenes(job: Job, scenes: list[Scene], artifacts: ArtifactStore, now: datetime) -> list[Scene]:
    """The scenes of a job that is resumed; those that nothing had stopped are the same objects."""
    reset = [scene.reset_for_resume(now) if scene.is_live or scene.problem is not None else scene for scene in scenes]
    if job.error is None or job.error.code not in artifact_integrity.KEYFRAME_CODES:
        return reset
    damaged = artifact_integrity.find_damaged_keyframes((scene for scene in reset if scene.precedes_filming), artifacts)
    return [scene.redraw_damaged(damaged, now) for scene in reset]


def _reset_sheets(job: Job, services: Services, now: datetime) -> list[Replace[Sheet]]:
    """The sheets that are drawn again, because one that was damaged had stopped the job and was not restored."""
    if job.error is None or job.error.code not in artifact_integrity.SHEET_CODES:
        return []
    reads = services.jobs.list_sheets(job.id)
    damaged = artifact_integrity.find_damaged_sheets((read.value for read in reads), services.artifacts)
    return [
        Replace(job.id, read, read.value.evolve(redraw=True, updated=now)) for read in reads if read.value.id in damaged
    ]


def _unfinished(job: Job, scenes: list[Scene]) -> JobState:
    """The earliest stage with something left to do; a job that stopped at a gate has to be approved first."""
    if job.plan is None:
        return JobState.PENDING
    if job.gate is not None:
        return JobState.AWAITING_APPROVAL
    is_unchecked = job.plan.is_checked and job.check is None
    if job.stops_after("keyframes") or is_unchecked or not all(scene.keyframes_drawn for scene in scenes):
        return JobState.KEYFRAMES
    is_filmed = all(scene.state is SceneState.DONE for scene in scenes) and not job.stops_after("clips")
    return JobState.STITCH if is_filmed else JobState.VIDEO_GEN


def get_running(job_id: str, run: int, jobs: JobStore) -> Job | None:
    """The job; None when it has ended, waits at a gate, or has a newer run. Raises: NotFound."""
    job = jobs.get_job(job_id).value
    return job if job.run == run and job.is_running else None


def fail(job_id: str, run: int, problem: Problem, services: Services) -> Job | None:
    """Fail a job unless it has ended or waits at a gate. Returns: the job as stored; None when the run is stale."""

    def change(job: Job) -> Job | None:
        if job.run != run or not job.is_running:
            return None
        return job.to(JobState.FAILED, services.clock.now(), error=problem)

    job = end_job(job_id, change, services).after
    return job if job.run == run else None


def advance(job: Job, start: JobState, to: JobState, services: Services) -> None:
    """Move a running job from one stage to the next. Idempotent."""

    def change(read: Job) -> Job | None:
        return read.to(to, services.clock.now()) if read.run == job.run and read.state is start else None

    services.jobs.update_job(job.id, change)


def end_check(job: Job, check: ContinuityCheck, services: Services, warnings: Sequence[str] = ()) -> Job:
    """Store how the check of the keyframes ended, and go on to filming unless a gate is before it. Idempotent."""
    reasons = [f"checks: the keyframes were not checked: {check.reason}."] if check.reason else []

    def change(read: Job) -> Job | None:
        if read.run != job.run or not read.awaits_check:
            return None
        now = services.clock.now()
        news = [one for one in (*reasons, *warnings) if one not in read.warnings]
        checked = read.evolve(check=check, warnings=(*read.warnings, *news), updated=now)
        return checked if read.stops_after("keyframes") else checked.to(JobState.VIDEO_GEN, now)

    return services.jobs.update_job(job.id, change).after


def restart(read: Versioned[Job], services: Services) -> None:
    """Give a job whose execution has ended a new run; one that no execution has opened is started without a new run.

    A new run would fence off an execution that is only slow to open it. What could not be started does not count.

    Raises: VersionConflict when another writer was first; Transient when nothing could be started.
    """
    job, clock = read.value, services.clock
    if job.execution is not None:
        job = job.evolve(run=job.run + 1, execution=None, updated=clock.now())
        services.jobs.write(Replace(job.id, read, job))
    services.executions.start(job.id, job.run)

    def count(read: Job) -> Job | None:
        return read.evolve(restarts=read.restarts + 1, updated=clock.now()) if read.run == job.run else None

    services.jobs.update_job(job.id, count)
