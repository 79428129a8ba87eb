"""submit_clip: have one scene filmed. Called by the queue that keeps Veo's quota, at least once a task (D1, D3, D5)."""

from dataclasses import dataclass

from promptreel.domain import ids as names
from promptreel.domain import prompts
from promptreel.domain.job import Job
from promptreel.domain.ledger import Call
from promptreel.domain.problem import Problem
from promptreel.domain.scene import Clip, Scene
from promptreel.domain.states import CallState, SceneState
from promptreel.errors import AnswerLost, BudgetExceeded, LostRace, QuotaExhausted, Refused, Unpaid
from promptreel.ports import ArtifactStore, Clock, Filmer, Ids, JobStore, Replace, Shot
from promptreel.protocol import filming, tickets
from promptreel.protocol.ledger import Busy, Ledger, Mine, Superseded
from promptreel.protocol.races import until_won


@dataclass(frozen=True, slots=True)
class SubmitClip:
    job_id: str
    run: int
    scene: str
    take: int
    attempt: int


@dataclass(frozen=True, slots=True)
class ClipSubmitted:
    """``filming``, ``delivered``, ``busy``, ``refused``, ``uncertain``, ``budget_exceeded`` or ``superseded``.

    All of these are the end of the task: poll_clips takes it from there.
    """

    state: str


def submit_clip(
    cmd: SubmitClip,
    *,
    jobs: JobStore,
    artifacts: ArtifactStore,
    filmer: Filmer,
    ledger: Ledger,
    clock: Clock,
    ids: Ids,
) -> ClipSubmitted:
    """Send one clip's request; delivered again, it pays nothing and writes nothing twice.

    Raises: QuotaExhausted, so that the queue slows down; Transient when nothing was sent.
    """
    job = jobs.job(cmd.job_id).value
    scene = jobs.scene(cmd.job_id, cmd.scene).value
    if job.run != cmd.run or job.is_final or (scene.take, scene.attempt) != (cmd.take, cmd.attempt):
        return ClipSubmitted("superseded")
    late = _late_output(job, scene, jobs=jobs, artifacts=artifacts, filmer=filmer, ledger=ledger, clock=clock)
    if late is not None:
        clip = Clip(uri=late.artifact or "", call=late.id)
        until_won(lambda: _deliver(cmd, jobs, clock, clip), clock, ids)
        return ClipSubmitted("delivered")
    try:
        state = _send(job, scene, artifacts=artifacts, filmer=filmer, ledger=ledger, clock=clock)
    except BudgetExceeded as error:
        problem = Problem.of(error, step="submit_clip", scene=scene.id)
        until_won(lambda: _write(cmd, jobs, clock, problem), clock, ids)
        return ClipSubmitted("budget_exceeded")
    if state == "filming":
        until_won(lambda: _write(cmd, jobs, clock, None), clock, ids)
    return ClipSubmitted(state)


def _send(job: Job, scene: Scene, *, artifacts: ArtifactStore, filmer: Filmer, ledger: Ledger, clock: Clock) -> str:
    """Claim the clip's call and send it, unless it is on its way already."""
    shot = _shot(job, scene)
    ticket = tickets.clip(job, job.planned(), scene, _digest(shot), clock.now())
    claim = ledger.claim(ticket)
    if isinstance(claim, Superseded):
        return "superseded"
    if isinstance(claim, Busy) and claim.call.operation is None:
        return "busy"
    if not isinstance(claim, Mine):
        return "filming"
    try:
        operation = ledger.send(claim, ticket, lambda left_s: filmer.submit(shot, artifacts.uri(ticket.prefix), left_s))
    except Unpaid as error:
        raise QuotaExhausted(error.reason) from error
    except LostRace:
        return "busy"
    except Refused:
        return "refused"
    except AnswerLost:
        return "uncertain"
    ledger.name_operation(claim.call, operation)
    return "filming"


def _late_output(
    job: Job, scene: Scene, *, jobs: JobStore, artifacts: ArtifactStore, filmer: Filmer, ledger: Ledger, clock: Clock
) -> Call | None:
    """The attempt before, if it was given up and its output has come since: taken, instead of paid for again (§5.5)."""
    if scene.attempt == 1:
        return None
    read = jobs.call(job.id, names.call_id(job.id, scene.clip_purpose, scene.take, scene.attempt - 1))
    if read is None or read.value.state is not CallState.LOST:
        return None
    seen = filming.resolve(read.value, ledger=ledger, filmer=filmer, artifacts=artifacts, clock=clock)
    return seen if seen.is_paid else None


def _deliver(cmd: SubmitClip, jobs: JobStore, clock: Clock, clip: Clip) -> None:
    read = jobs.scene(cmd.job_id, cmd.scene)
    scene = read.value
    if (scene.take, scene.attempt) == (cmd.take, cmd.attempt) and scene.state is SceneState.QUEUED:
        jobs.write(Replace(cmd.job_id, read, scene.to(SceneState.DONE, clock.now(), clip=clip)))


def _shot(job: Job, scene: Scene) -> Shot:
    plan = job.planned()
    prompt, _ = prompts.clip_prompt(plan, scene, plan.video.max_prompt_chars)
    if scene.start is None or scene.end is None:
        raise LostRace(f"{scene.id} is queued before its pictures are written; they will be.")
    return Shot(
        model=plan.video_model,
        prompt=prompt,
        first_uri=scene.start.uri,
        last_uri=scene.end.uri,
        seconds=scene.duration_s,
        aspect=plan.aspect,
        resolution=plan.resolution,
        audio=job.request.clip_audio,
        seed=tickets.seed(job, scene.clip_purpose, str(scene.take), str(scene.attempt)),
    )


def _digest(shot: Shot) -> str:
    """A name for everything the clip is made from."""
    look = (shot.aspect, shot.resolution, str(shot.seconds), str(shot.audio), str(shot.seed))
    return names.digest(shot.model, shot.prompt, shot.first_uri, shot.last_uri, *look)


def _write(cmd: SubmitClip, jobs: JobStore, clock: Clock, problem: Problem | None) -> None:
    """The outcome on the scene, if it still waits for exactly this take and attempt."""
    read = jobs.scene(cmd.job_id, cmd.scene)
    scene = read.value
    if (scene.take, scene.attempt) != (cmd.take, cmd.attempt) or scene.state is not SceneState.QUEUED:
        return
    if problem is not None:
        jobs.write(Replace(cmd.job_id, read, scene.evolve(problem=problem, updated=clock.now())))
    else:
        jobs.write(Replace(cmd.job_id, read, scene.to(SceneState.FILMING, clock.now())))
