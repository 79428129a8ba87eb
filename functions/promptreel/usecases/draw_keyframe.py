"""draw_keyframe: draw one keyframe. Once a scene has both of its keyframes, its clip is put into the queue."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from promptreel.domain import prompts
from promptreel.domain.document import Problem
from promptreel.domain.job import Job
from promptreel.domain.models import registry
from promptreel.domain.own_frames import find_own
from promptreel.domain.picture_inputs import PictureSources, list_inputs
from promptreel.domain.scene import Keyframe, KeyframeName, Scene
from promptreel.domain.states import JobState, SceneState
from promptreel.errors import Broken, BudgetExceeded, Misconfigured, NotFound, Rejected
from promptreel.ledger.claims import Busy, Superseded
from promptreel.ledger.paid_calls import last_answer
from promptreel.ports.storage import Replace
from promptreel.services import Services
from promptreel.usecases import artifact_integrity, filming, job_lifecycle, keyframe_looks
from promptreel.usecases.image_calls import Drawing, NotDrawn, draw
from promptreel.usecases.own_frames import fit_frame
from promptreel.usecases.text_calls import rewrite_refused_prompts

SHEET_WAIT_S = 5.0  # until a keyframe looks again for a sheet that is being drawn
REQUEST_S = 300.0  # then Cloud Run and the workflow cut the request off (infra/config/services.json)
_REFUSED = "Change what this scene shows in the prompt and submit again."
_LOST = "Resume the job: the answer was lost on its way, which says nothing about the keyframe."


@dataclass(frozen=True, slots=True)
class DrawKeyframe:
    """Draw one keyframe of a scene, for one take of it."""

    job_id: str
    run: int
    scene: str
    frame: KeyframeName
    take: int = 1


@dataclass(frozen=True, slots=True)
class KeyframeDrawn:
    """``busy``: call again after ``wait_s`` seconds. ``outdated``: the scene has a newer take.

    ``given_up``: keyframes redrawn by a remedy were refused too; the job's policy decides what becomes of the scene.
    """

    state: Literal["drawn", "busy", "superseded", "outdated", "given_up"]
    wait_s: float = 0.0


class KeyframeRefused(Rejected):
    """The image model refused every attempt."""

    default_code = "keyframe_refused"


def draw_keyframe(cmd: DrawKeyframe, services: Services) -> KeyframeDrawn:
    """Draw one keyframe. Idempotent: a repeated call returns the stored result and makes no paid call.

    Raises: KeyframeRefused when the image model refuses every attempt at a first keyframe; Misconfigured when no image
    model can be used; BudgetExceeded.
    """
    jobs = services.jobs
    until = last_answer(services.clock.now(), REQUEST_S)
    job = job_lifecycle.get_running(cmd.job_id, cmd.run, jobs)
    if job is None:
        return KeyframeDrawn("superseded")
    scene = jobs.get_scene(cmd.job_id, cmd.scene).value
    if scene.take != cmd.take:
        return KeyframeDrawn("outdated")
    is_chain = job.require_plan().continuity.mode == "chain"
    if is_chain and cmd.frame == "end" and "start" in scene.redraw:  # the last keyframe continues from the first
        first = draw_keyframe(replace(cmd, frame="start"), services)
        return KeyframeDrawn("busy") if first.state == "drawn" else first
    stopped = _add_keyframe(cmd, job, scene, services, until) if scene.keyframe(cmd.frame) is None else None
    if stopped is not None:
        return stopped
    if job.stops_after("keyframes") or job.awaits_check:  # the job goes on from the gate, or from the check
        return KeyframeDrawn("drawn")
    scenes = [read.value for read in jobs.list_scenes(job.id)]
    place = next((place for place, one in enumerate(scenes) if one.id == cmd.scene), len(scenes))
    for touched in scenes[place : place + 2]:  # the next one begins with this keyframe, and may have its last one
        if touched.id == cmd.scene or touched.state is SceneState.DRAWN:
            _dispatch(job, touched, services)
    if all(one.keyframes_drawn for one in scenes):
        job_lifecycle.advance(job, JobState.KEYFRAMES, JobState.VIDEO_GEN, services)
    return KeyframeDrawn("drawn")


def _dispatch(job: Job, scene: Scene, services: Services) -> None:
    """Put the scene's clip into the queue, if its keyframes are drawn."""
    if scene.keyframes_drawn:
        filming.dispatch(job, scene.id, services)


def _add_keyframe(
    cmd: DrawKeyframe, job: Job, scene: Scene, services: Services, until: datetime
) -> KeyframeDrawn | None:
    """Draw and store the keyframe; otherwise the step's result. Raises: KeyframeRefused for a first one."""
    own = find_own(job.frames, scene.sequence, cmd.frame)
    if own is not None:  # it was damaged since it was stored; the user's own picture is never drawn
        fitted = fit_frame(job, job.require_plan(), own, services, job.run)
        services.jobs.retry_on_conflict(lambda: _store_keyframe(cmd, fitted, services))
        return None
    if _awaits_sheet(_sources(job, services), scene):
        return KeyframeDrawn("busy", SHEET_WAIT_S * services.pace)
    ready = rewrite_refused_prompts(job, scene, services, until)
    try:
        drawn = _draw(job, ready, cmd.frame, services, until) if isinstance(ready, Scene) else ready
    except (KeyframeRefused, BudgetExceeded, Misconfigured) as error:
        if job.awaits_check and scene.criticism(cmd.frame):
            services.jobs.retry_on_conflict(lambda: _keep_keyframe(cmd, services))
            return None
        if not isinstance(error, KeyframeRefused) or not scene.redraw:
            raise
        problem = Problem.from_error(error, step="draw_keyframe", scene=scene.id)
        _give_up(cmd, problem, services)
        return KeyframeDrawn("given_up")
    if isinstance(drawn, Busy):
        return KeyframeDrawn("busy", drawn.wait_s)
    if isinstance(drawn, Superseded):
        return KeyframeDrawn("superseded")
    services.jobs.retry_on_conflict(lambda: _store_keyframe(cmd, drawn, services))
    return None


def _sources(job: Job, services: Services) -> PictureSources:
    """What the job's keyframes may be drawn from; a chain has no sheets."""
    plan = job.require_plan()
    is_chain = plan.continuity.mode == "chain"
    return PictureSources.of(job, plan, () if is_chain else [read.value for read in services.jobs.list_sheets(job.id)])


def _awaits_sheet(sources: PictureSources, scene: Scene) -> bool:
    """Whether something that it shows has a sheet to be drawn: one that is drawn again after an edit, or a damage.

    The workflow draws it at the same time as it polls clips, which may ask for the keyframe first.
    """
    return any(sheet.is_awaited and scene.shows(sheet.name) for sheet in sources.sheets)


def _draw(
    job: Job, scene: Scene, frame: KeyframeName, services: Services, until: datetime
) -> Keyframe | Busy | Superseded:
    """The keyframe, or the claim that says why there is none now. Raises: KeyframeRefused."""
    sources = _sources(job, services)
    _check_pictures(sources, scene, frame, services)
    replaced = scene.stored(frame)
    drawing = Drawing(
        purpose=scene.keyframe_purpose(frame),
        what=f"{scene.id}: its {frame} picture",
        path=f"jobs/{job.id}/keyframes/{scene.id}/{frame}",
        list_pictures=lambda model: list_inputs(sources, scene, frame, model),
        compose=lambda model, pictures: prompts.keyframe_prompt(sources.plan, scene, frame, model, pictures),
        aspect=sources.plan.aspect,
        frame_px=sources.plan.size_px,
        scene=scene,
        take=scene.take,
        damaged=frozenset(
            {*([replaced.uri] if replaced else []), *(one.keyframe.uri for one in scene.list_verdicts(frame))}
        ),
    )
    drawn = draw(job, drawing, services, until)
    if isinstance(drawn, NotDrawn):
        message = f"{scene.id}: no {frame} picture in {drawn.tries} tries: {drawn.reason}"
        raise KeyframeRefused(message, remedy=_LOST if drawn.was_lost else _REFUSED)
    if isinstance(drawn, Busy | Superseded):
        return drawn
    checksum = artifact_integrity.keyframe_checksum(scene, frame, drawn.uri, services.artifacts)
    look = keyframe_looks.measure_stored(job, drawn.uri, services)
    return Keyframe(uri=drawn.uri, digest=drawn.digest, checksum=checksum, look=look)


def _check_pictures(sources: PictureSources, scene: Scene, frame: KeyframeName, services: Services) -> None:
    """Check what the keyframe is drawn from. Raises: ArtifactDamaged; Broken when it is not drawn yet."""
    before = scene.keyframe("start")
    if frame == "end" and sources.plan.continuity.mode == "chain":
        if before is None:
            raise Broken(f"{scene.id}: its last picture grows out of its first, which is not drawn yet.")
        artifact_integrity.check_keyframe(scene, "first", before, services.artifacts)
    seen = {
        one.uri for one in list_inputs(sources, scene, frame, registry().image_model(sources.plan.image_model)).sent
    }
    for sheet in sources.sheets:
        if sheet.drawn is not None and sheet.drawn.uri in seen:
            artifact_integrity.check_sheet(sheet, services.artifacts)
    for reference in sources.references:
        if reference.uri in seen:
            artifact_integrity.check_reference(reference, services.artifacts)


def _store_keyframe(cmd: DrawKeyframe, drawn: Keyframe, services: Services) -> None:
    """Write the keyframe on its scene, and as the first one of the scene that continues from it."""
    scenes = services.jobs.list_scenes(cmd.job_id)
    position = next((index for index, read in enumerate(scenes) if read.value.id == cmd.scene), None)
    if position is None:
        raise NotFound(f"{cmd.scene} does not exist: the job was deleted.")
    read, now = scenes[position], services.clock.now()
    if read.value.take != cmd.take or read.value.keyframe(cmd.frame) is not None:
        return
    changes = [Replace(cmd.job_id, read, read.value.with_keyframe(cmd.frame, drawn, now))]
    following = scenes[position + 1] if position + 1 < len(scenes) else None
    if cmd.frame == "end" and following is not None and _continues(read.value, following.value):
        changes.append(Replace(cmd.job_id, following, following.value.with_keyframe("start", drawn, now)))
    services.jobs.write(*changes)


def _keep_keyframe(cmd: DrawKeyframe, services: Services) -> None:
    """Keep a keyframe that the continuity check wanted drawn again, because no other one could be had."""
    reads, now = services.jobs.list_scenes(cmd.job_id), services.clock.now()
    scenes = [read.value for read in reads]
    kept = next(scene for scene in scenes if scene.id == cmd.scene)
    keyframe = kept.stored(cmd.frame)
    if keyframe is None or kept.take != cmd.take or cmd.frame not in kept.redraw:
        return
    final = tuple(
        one.evolve(is_final=True) if one.keyframe.uri == keyframe.uri and one.frame == cmd.frame else one
        for one in kept.verdicts
    )
    changed = kept.evolve(verdicts=final).with_keyframe(cmd.frame, keyframe, now)
    changes = [Replace(cmd.job_id, reads[scenes.index(kept)], changed)]
    for read in reads[scenes.index(kept) + 1 :][:1]:
        following = read.value
        if cmd.frame == "end" and "start" in following.redraw and following.start == keyframe:
            changes.append(Replace(cmd.job_id, read, following.with_keyframe("start", keyframe, now)))
    services.jobs.write(*changes)


def _continues(scene: Scene, following: Scene) -> bool:
    """Whether the following scene begins with this scene's last keyframe: not drawn yet, or damaged with it."""
    if following.start is None:
        return True
    return scene.shares_keyframe(following) and "start" in following.redraw and following.rewording is None


def _give_up(cmd: DrawKeyframe, problem: Problem, services: Services) -> None:
    """Give the scene up, with the keyframes it had, because its new ones were refused as well."""

    def change(scene: Scene) -> Scene | None:
        if scene.take != cmd.take or not scene.redraw:
            return None
        return scene.to(SceneState.FILTERED, services.clock.now(), redraw=(), rewording=None, problem=problem)

    services.jobs.update_scene(cmd.job_id, cmd.scene, change)
