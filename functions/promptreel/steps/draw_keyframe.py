"""draw_keyframe: one picture. The moment a scene has both of its frames, its clip is put into the queue (C1, D2)."""

from dataclasses import dataclass
from datetime import datetime

from promptreel.domain import ids as names
from promptreel.domain import planning, prompts
from promptreel.domain.job import Job
from promptreel.domain.models import registry
from promptreel.domain.scene import FrameName, Keyframe, Scene
from promptreel.domain.states import JobState, SceneState
from promptreel.errors import Broken, Rejected
from promptreel.ports import ArtifactStore, ClipQueue, Clock, Ids, JobStore, Painter, Replace, Sketch
from promptreel.protocol import filming, lifecycle, tickets
from promptreel.protocol.ledger import Busy, Claim, Closed, Ledger, Paid
from promptreel.protocol.paying import MAX_ATTEMPTS, Artifact, Made, pay
from promptreel.protocol.races import until_won

MAX_TRIES = 3


@dataclass(frozen=True, slots=True)
class DrawKeyframe:
    job_id: str
    run: int
    scene: str
    frame: FrameName
    take: int = 1


@dataclass(frozen=True, slots=True)
class KeyframeDrawn:
    """``state`` is ``drawn``, ``busy`` (ask again after ``wait_s``) or ``superseded``."""

    state: str
    wait_s: float = 0.0


def draw_keyframe(
    cmd: DrawKeyframe,
    *,
    jobs: JobStore,
    artifacts: ArtifactStore,
    painter: Painter,
    queue: ClipQueue,
    ledger: Ledger,
    clock: Clock,
    ids: Ids,
    pace: float,
) -> KeyframeDrawn:
    """Draw one keyframe; asked again, it answers as before and pays nothing.

    Raises: Rejected when the painter refuses every try; BudgetExceeded.
    """
    job = jobs.job(cmd.job_id).value
    if job.run != cmd.run or job.is_final:
        return KeyframeDrawn("superseded")
    scene = jobs.scene(cmd.job_id, cmd.scene).value
    if scene.take != cmd.take:
        return KeyframeDrawn("superseded")
    if scene.frame(cmd.frame) is None:
        drawn = _draw(job, scene, cmd.frame, artifacts=artifacts, painter=painter, ledger=ledger, clock=clock)
        if isinstance(drawn, Busy):
            return KeyframeDrawn("busy", wait_s=drawn.wait_s)
        if not isinstance(drawn, Keyframe):
            return KeyframeDrawn("superseded")
        keyframe = drawn
        until_won(lambda: _hang_up(cmd, keyframe, jobs, clock), clock, ids)
    if jobs.scene(cmd.job_id, cmd.scene).value.frames_drawn:
        filming.dispatch(job, cmd.scene, jobs=jobs, queue=queue, clock=clock, ids=ids, pace=pace)
    if all(read.value.frames_drawn for read in jobs.scenes(job.id)):
        lifecycle.advance(job.id, job.run, JobState.KEYFRAMES, JobState.VIDEO_GEN, jobs=jobs, clock=clock, ids=ids)
    return KeyframeDrawn("drawn")


def _draw(
    job: Job,
    scene: Scene,
    frame: FrameName,
    *,
    artifacts: ArtifactStore,
    painter: Painter,
    ledger: Ledger,
    clock: Clock,
) -> Keyframe | Claim:
    """The picture, or why there is none now."""
    plan = job.planned()
    before = scene.start if frame == "end" else None
    if frame == "end" and before is None:
        raise Broken(f"{scene.id}: its last picture grows out of its first, which is not drawn yet.")
    prompt = prompts.keyframe_prompt(plan, scene, frame, continues=before is not None)
    references = (artifacts.get(before.uri),) if before else ()
    tries, reason = 0, ""
    for attempt in range(1, MAX_ATTEMPTS + 1):
        sketch = Sketch(
            model=plan.image_model,
            prompt=prompt,
            references=references,
            aspect=plan.aspect,
            size=planning.PICTURE_SIZE,
            frame_px=plan.size_px,
            seed=tickets.seed(job, scene.keyframe_purpose(frame), str(scene.take), str(attempt)),
        )
        digest = _digest(sketch, before)
        ticket = tickets.keyframe(job, plan, scene, frame, attempt, digest, clock.now())

        def post(left_s: float, asked: Sketch = sketch) -> Made:
            painted = painter.paint(asked, left_s)
            cost = registry().image_model(asked.model).cost_micros(painted.usage, clock.now())
            return Made(painted.data, painted.usage, cost)

        artifact = Artifact(f"jobs/{job.id}/keyframes/{scene.id}/{frame}-{digest}.png", "image/png")
        claim = pay(ticket, artifact, post, ledger=ledger, artifacts=artifacts, clock=clock)
        if isinstance(claim, Paid):
            return Keyframe(uri=artifacts.uri(artifact.path), digest=digest)
        if not isinstance(claim, Closed):
            return claim
        tries += claim.call.spends_remedy and job.counts(claim.call.updated)
        reason = claim.call.reason or reason
        if tries >= MAX_TRIES:
            break
    raise Rejected(
        f"{scene.id}: its {frame} picture was refused {tries} times: {reason}",
        code="keyframe_refused",
        remedy="Change what this scene shows in the prompt and submit again.",
    )


def _digest(sketch: Sketch, before: Keyframe | None) -> str:
    """A name for everything the picture is made from."""
    size = "x".join(map(str, sketch.frame_px))
    return names.digest(
        sketch.model, sketch.prompt, sketch.size, size, str(sketch.seed), before.digest if before else ""
    )


def _hang_up(cmd: DrawKeyframe, drawn: Keyframe, jobs: JobStore, clock: Clock) -> None:
    """Write the picture on its scene, and as the first picture of the scene that goes on from it."""
    scenes = jobs.scenes(cmd.job_id)
    position = next(index for index, read in enumerate(scenes) if read.value.id == cmd.scene)
    read, now = scenes[position], clock.now()
    if read.value.take != cmd.take or read.value.frame(cmd.frame) is not None:
        return
    changes = [Replace(cmd.job_id, read, _with(read.value, cmd.frame, drawn, now))]
    if cmd.frame == "end" and position + 1 < len(scenes):
        following = scenes[position + 1]
        changes.append(Replace(cmd.job_id, following, _with(following.value, "start", drawn, now)))
    jobs.write(*changes)


def _with(scene: Scene, frame: FrameName, drawn: Keyframe, now: datetime) -> Scene:
    hung = scene.evolve(**{frame: drawn}, updated=now)
    return hung.to(SceneState.DRAWN, now) if hung.frames_drawn and hung.state is SceneState.PENDING else hung
