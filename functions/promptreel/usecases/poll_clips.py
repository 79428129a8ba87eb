"""poll_clips: look at every live scene, record what became of its clip, and say how long to wait."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from promptreel.domain import recovery
from promptreel.domain.call import Call
from promptreel.domain.document import Problem
from promptreel.domain.job import ContinuityCheck, DrawItem, Job
from promptreel.domain.models import registry
from promptreel.domain.scene import Scene
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.domain.verdict import check_limits
from promptreel.services import Services
from promptreel.usecases import filming, job_lifecycle, webhook_outbox

IDLE_WAIT_S = 10.0  # while a scene's clip is not sent: its next step may come at any moment
SOONEST = 0.25  # of the usual latency, before which no clip is polled: Veo's shortest is far below its usual one
DENSE_S, LONGEST_S = 10.0, 60.0  # between polls of a clip that is usually ready by now, and of a late one
UNSENT_S = 900.0  # then another model films a scene whose own model is over its quota or cannot be reached
_LOST_CHECK = "nothing was heard of it for long"
LOOK_S = 90.0  # of real time, after which a look answers with what it knows; the step has 120 s


@dataclass(frozen=True, slots=True)
class ClipsPolled:
    """``filming``: call again after ``wait_s`` seconds. ``failed``: ``problem`` says why.

    ``held``: a gate is before the next stage. ``shows`` is what the stitcher makes to look at there when every keyframe
    is drawn; it is empty when every clip is filmed.

    ``redraw`` are keyframes to redraw before their scene can be filmed, one for each scene at a time.
    """

    state: Literal["filming", "done", "failed", "superseded", "held"]
    shows: Literal["", "animatic"] = ""
    wait_s: float = 0.0
    redraw: tuple[DrawItem, ...] = ()
    problem: Problem | None = None


def poll_clips(cmd: job_lifecycle.JobRun, services: Services) -> ClipsPolled:
    """Decide from the CALL of every live scene what is next for it. Idempotent."""
    jobs, clock, pace = services.jobs, services.clock, services.pace
    job = job_lifecycle.get_running(cmd.job_id, cmd.run, jobs)
    if job is None:
        return ClipsPolled("superseded")
    if job.stops_after("keyframes"):
        return ClipsPolled("held", shows="animatic")
    began = clock.now()
    calls = {read.value.id: read.value for read in jobs.list_calls(job.id)}
    scenes = [read.value for read in jobs.list_scenes(job.id)]
    _dispatch_drawn(job, scenes, services)
    job = _end_lost_check(job, scenes, calls.values(), services)
    awaited = [scene for scene in scenes if scene.is_live and not scene.problem]
    current = {scene.id: calls.get(scene.clip_call_id(job.id)) for scene in awaited}
    due = [call for call in current.values() if call is not None and _is_due(call, began, pace)]
    polled = filming.poll(due, services)
    answered = {call.scene for call in due if call.operation in polled.states}
    waits: dict[str, float] = {}
    for scene in sorted(awaited, key=lambda one: one.id not in answered):  # what is known first
        if clock.now() - began > timedelta(seconds=LOOK_S):
            break  # the others are looked at next time
        call = current[scene.id]
        if call in due:
            call = filming.resolve(call, services, polled)
        call = call and _give_up_when_exhausted(job, scene, call, services)
        if call is not None and call.is_finished:
            if _take_over(job, scene.id, call, services):
                filming.dispatch(job, scene.id, services)
        elif call is not None and call.sent_at:
            waits[scene.id] = wait_s(_elapsed_s(call, clock.now(), pace), _usual_s(call))
        elif (call is None or call.state is CallState.PLANNED) and filming.is_overdue(scene, clock.now(), pace):
            filming.redispatch(job, scene, services)
    return _verdict(job, waits, services)


def _dispatch_drawn(job: Job, scenes: list[Scene], services: Services) -> None:
    """Queue scenes whose painter died before it did; before the check of the keyframes has ended, none is queued."""
    for drawn in (scene for scene in scenes if scene.state is SceneState.DRAWN and not job.awaits_check):
        filming.dispatch(job, drawn.id, services)


def _end_lost_check(job: Job, scenes: Sequence[Scene], calls: Iterable[Call], services: Services) -> Job:
    """The job, filmed unchecked when its keyframes are drawn and nothing has been heard of their check for long.

    An execution of an older workflow does not know the check.
    """
    if not job.awaits_check:
        return job
    latest = max(job.updated, *(scene.updated for scene in scenes), *(call.updated for call in calls))
    patience = timedelta(seconds=check_limits().patience_s * services.pace)
    if services.clock.now() - latest <= patience or not all(scene.keyframes_drawn for scene in scenes):
        return job
    return job_lifecycle.end_check(job, ContinuityCheck(state="skipped", reason=_LOST_CHECK), services)


def _give_up_when_exhausted(job: Job, scene: Scene, call: Call, services: Services) -> Call:
    """The call, released if its provider has not accepted it for so long that another model films the scene."""
    since = call.unsent_since if call.state is CallState.PLANNED else None
    if since is None or services.clock.now() - since <= timedelta(seconds=UNSENT_S * services.pace):
        return call
    return services.ledger.give_up_unsent(call) if recovery.may_change_model(job, scene) else call


def wait_s(elapsed_s: float, usual_s: float) -> float:
    """Production seconds until the next poll, for a clip sent ``elapsed_s`` production seconds ago."""
    soonest = usual_s * SOONEST
    if elapsed_s < soonest:
        return soonest - elapsed_s
    late_s = elapsed_s - 2 * usual_s
    return DENSE_S if late_s <= 0 else min(LONGEST_S, DENSE_S + late_s / 4)


def _elapsed_s(call: Call, now: datetime, pace: float) -> float:
    """Production seconds since the call was sent."""
    return (now - call.sent_at).total_seconds() / pace if call.sent_at else 0.0


def _usual_s(call: Call) -> float:
    return registry().video_model(call.model).usual_latency_s


def _is_due(call: Call, now: datetime, pace: float) -> bool:
    """Whether a poll can find anything: a clip that cannot be ready yet is not polled."""
    if call.state is CallState.SENT and call.operation:
        return _elapsed_s(call, now, pace) >= _usual_s(call) * SOONEST
    if call.state is CallState.LOST:
        return True  # once more before the next attempt: late output is taken over instead of paying twice
    return not call.is_finished and call.state is not CallState.PLANNED


def _take_over(job: Job, scene_id: str, call: Call, services: Services) -> bool:
    """Write on the scene what its call ended in: the clip, the next attempt, or the end of its remedies.

    A paid clip that the bucket does not have yet is waited for.

    Returns: whether another attempt is to be queued.
    """
    clip = filming.clip(call, services.artifacts) if call.has_output else None

    def change(scene: Scene) -> Scene | None:
        now = services.clock.now()
        if scene.clip_call_id(job.id) != call.id or not scene.is_live:
            return None
        if not call.has_output:
            return recovery.recover_from_failure(job, scene, call, now)
        problem = filming.fault(scene, call, clip)
        if problem is None:
            return scene.to(SceneState.DONE, now, clip=clip, tries=recovery.append_attempt(scene, call, "delivered"))
        if clip is None and filming.may_come(scene, call, now, services.pace):
            return None
        # Whether the budget holds another clip is found when that clip is claimed.
        is_refilmed = recovery.may_refilm_after(job, scene, call.id, problem)
        return recovery.reject_clip(scene, call.id, problem, now, is_refilmed=is_refilmed)

    update = webhook_outbox.update_scene(job, scene_id, change, services)
    return update.is_written and update.after.state is SceneState.QUEUED


def _verdict(job: Job, waits: Mapping[str, float], services: Services) -> ClipsPolled:
    scenes = [read.value for read in services.jobs.list_scenes(job.id)]
    problem = _stopping(job, scenes)
    if problem is not None:
        return ClipsPolled("failed", problem=problem)
    unfinished = [scene for scene in scenes if scene.state is not SceneState.DONE and not scene.is_given_up]
    if not unfinished:
        job_lifecycle.advance(job, JobState.KEYFRAMES, JobState.VIDEO_GEN, services)
        if job.stops_after("clips"):
            return ClipsPolled("held")
        job_lifecycle.advance(job, JobState.VIDEO_GEN, JobState.STITCH, services)
        return ClipsPolled("done")
    if job.awaits_check:  # what is to be drawn is not for filming
        return ClipsPolled("filming", wait_s=round(IDLE_WAIT_S * services.pace, 3))
    redraw = tuple(
        DrawItem(scene=scene.id, frame=scene.redraw[0], take=scene.take)
        for before, scene in zip((None, *scenes[:-1]), scenes, strict=True)
        if scene.redraw and not _awaits_shared(scene, before)
    )
    wait_s = min(waits.get(scene.id, IDLE_WAIT_S) for scene in unfinished)
    return ClipsPolled("filming", wait_s=round(wait_s * services.pace, 3), redraw=redraw)


def _awaits_shared(scene: Scene, before: Scene | None) -> bool:
    """Whether its first keyframe is the last one of the scene before, which is drawn again and given to both."""
    if before is None or scene.rewording is not None or "start" not in scene.redraw or "end" not in before.redraw:
        return False
    return before.shares_keyframe(scene)


def _stopping(job: Job, scenes: list[Scene]) -> Problem | None:
    """The problem that ends the job: any that no substitute for a scene can cover."""
    policy = job.request.on_scene_failure
    substitutes = policy == "still" or (policy == "omit" and not all(scene.is_given_up for scene in scenes))
    problems = (scene.problem for scene in scenes if scene.problem and not (substitutes and scene.is_given_up))
    return next(problems, None)
