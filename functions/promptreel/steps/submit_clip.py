"""submit_clip: have one scene filmed. Called by the queue that keeps Veo's quota, at least once a task (D1, D3, D5)."""

from dataclasses import dataclass

from promptreel.domain import ids as names
from promptreel.domain import prompts
from promptreel.domain.job import Job
from promptreel.domain.problem import Problem
from promptreel.domain.scene import Scene
from promptreel.domain.states import SceneState
from promptreel.errors import AnswerLost, BudgetExceeded, LostRace, QuotaExhausted, Refused, Unpaid
from promptreel.ports import ArtifactStore, Clock, Filmer, Ids, JobStore, Replace, Shot
from promptreel.protocol import tickets
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
    """``state``: ``filming``, ``busy``, ``refused``, ``uncertain``, ``budget_exceeded`` or ``superseded``.

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
    shot = _shot(job, scene)
    ticket = tickets.clip(job, job.planned(), scene, _digest(shot), clock.now())
    try:
        claim = ledger.claim(ticket)
    except BudgetExceeded as error:
        problem = Problem.of(error, step="submit_clip", scene=scene.id)
        until_won(lambda: _write(cmd, jobs, clock, problem), clock, ids)
        return ClipSubmitted("budget_exceeded")
    if isinstance(claim, Superseded):
        return ClipSubmitted("superseded")
    if isinstance(claim, Busy) and claim.call.operation is None:
        return ClipSubmitted("busy")
    if isinstance(claim, Mine):
        try:
            operation = ledger.send(
                claim, ticket, lambda left_s: filmer.submit(shot, artifacts.uri(ticket.prefix), left_s)
            )
        except Unpaid as error:
            raise QuotaExhausted(error.reason) from error
        except LostRace:
            return ClipSubmitted("busy")
        except Refused:
            return ClipSubmitted("refused")
        except AnswerLost:
            return ClipSubmitted("uncertain")
        ledger.name_operation(claim.call, operation)
    until_won(lambda: _write(cmd, jobs, clock, None), clock, ids)
    return ClipSubmitted("filming")


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
