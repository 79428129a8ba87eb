"""What becomes of a scene whose clip did not come: the next try by its remedy, or the end of them (D4). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from promptreel.domain import remedies, succession
from promptreel.domain.call import Call
from promptreel.domain.document import Problem
from promptreel.domain.job import Job
from promptreel.domain.remedies import Remedy, RemedyKind
from promptreel.domain.scene import Attempt, RewriteRequest, Scene
from promptreel.domain.states import CallState, SceneState

# How a remedy shows in the film; another seed does not.
_DONE: Mapping[str, str] = {
    "rewrite": "in milder words",
    "redraw": "from other pictures",
    "mute": "without sound",
    "model": "by another model",
    "refilm": "a second time",
}

_GIVEN_UP: Mapping[str, SceneState] = {
    "clip_refused": SceneState.FILTERED,
    "clip_failed": SceneState.FAILED,
    "clip_timed_out": SceneState.TIMED_OUT,
}


def record_delivery(scene: Scene, call: Call) -> tuple[Attempt, ...]:
    """The scene's history, told to its good end."""
    return _append_attempt(scene, call, "delivered")


def recover_from_failure(job: Job, scene: Scene, call: Call, now: datetime) -> Scene:
    """The scene after its call ended without a clip.

    A call that was never made spends no remedy, nor does one that ended before a person asked to go on.
    """
    lost = call.state is CallState.LOST
    outcome = "never_made" if not call.counts_as_attempt else "timed_out" if lost else "refused"
    if not call.counts_as_attempt or not job.counts_toward_limit(call.updated):
        return _next_attempt(scene, now, tries=_append_attempt(scene, call, outcome))
    remedy = remedies.timeout_remedy() if lost else remedies.find_remedy(call.codes)
    used = [one.remedy for one in scene.tries if one.remedy and job.counts_toward_limit(one.at)]
    step = remedy.next_step(used, _available_remedies(job, scene))
    if step is None and remedy.stops_the_job:
        return _stopped(scene, call, remedy, now, tries=_append_attempt(scene, call, outcome))
    if step is None:
        return _given_up(scene, call, remedy, now, tries=_append_attempt(scene, call, outcome))
    return _apply_remedy(job, scene, call, remedy, step, now, tries=_append_attempt(scene, call, outcome, step))


def keyframe_warnings(scenes: Sequence[Scene], calls: Iterable[Call]) -> list[str]:
    """What is to be said of the keyframes that the film was made from."""
    shown = {keyframe.uri for scene in scenes for keyframe in (scene.start, scene.end) if keyframe}
    return [f"{call.scene}: {call.reason}" for call in calls if call.reason and call.artifact in shown]


def reject_clip(job: Job, scene: Scene, call: str, problem: Problem, now: datetime, *, is_affordable: bool) -> Scene:
    """The scene whose paid clip cannot be used: damaged, or missing from the bucket, or replaced there.

    A damaged clip is filmed a second time, as another take, once until a person resumes the job. A clip that is missing
    or replaced may be restored, so that nothing is paid for it before a person has resumed the job without restoring
    it. In every other case, and when the budget does not hold another clip, the scene is given up.
    """
    outcome = problem.code.removeprefix("clip_")
    may_be_restored = outcome != "defective"
    earlier = [
        one
        for one in scene.tries
        if one.call == call and one.outcome == outcome and not job.counts_toward_limit(one.at)
    ]
    if is_affordable and may_refilm(job, scene) and (earlier or not may_be_restored):
        tries = _rejected(scene, call, outcome, problem.message, now, "refilm")
        return scene.evolve(
            state=SceneState.QUEUED,
            take=scene.take + 1,
            attempt=1,
            queued_at=None,
            clip=None,
            problem=None,
            tries=tries,
            updated=now,
        )
    tries = _rejected(scene, call, outcome, problem.message, now, "")
    return scene.to(SceneState.FAILED, now, problem=problem, tries=tries)


def may_refilm(job: Job, scene: Scene) -> bool:
    """Whether a clip of this scene that cannot be used may be paid for a second time: once until a person resumes."""
    return not any(one.remedy == "refilm" and job.counts_toward_limit(one.at) for one in scene.tries)


def _rejected(scene: Scene, call: str, outcome: str, reason: str, now: datetime, remedy: str) -> tuple[Attempt, ...]:
    attempt = {"take": scene.take, "attempt": scene.attempt, "call": call}
    last = Attempt(**attempt, outcome=outcome, at=now, reason=reason, remedy=remedy)
    return (*(one for one in scene.tries if one.call != call), last)


def remedy_warning(scene: Scene) -> str:
    """What the film's owner should know about a scene that was filmed only by a remedy; else nothing."""
    done = [_DONE[one.remedy] for one in scene.tries if one.remedy in _DONE]
    if scene.state is not SceneState.DONE or not done:
        return ""
    reason = next(one.reason for one in reversed(scene.tries) if one.remedy)
    return f"{scene.id} was filmed {', '.join(dict.fromkeys(done))}: {reason}"


def seed_attempt(scene: Scene) -> int:
    """The attempt whose seed the scene's clip is filmed with: a repeated request has the seed of the one before."""
    last = scene.tries[-1] if scene.tries else None
    repeats = last is not None and last.remedy == "repeat" and last.take == scene.take
    return scene.attempt - 1 if repeats and last and last.attempt == scene.attempt - 1 else scene.attempt


def give_up_redraw(scene: Scene, problem: Problem, now: datetime) -> Scene:
    """The scene whose new pictures were refused as well: given up, with the pictures it had."""
    return scene.to(SceneState.FILTERED, now, redraw=(), rewording=None, problem=problem)


def _available_remedies(job: Job, scene: Scene) -> set[RemedyKind]:
    """What this scene still allows: sound can be left out once, and only while there is any."""
    possible: set[RemedyKind] = {"repeat", "reseed", "rewrite", "redraw"}
    if job.has_sound(scene):
        possible.add("mute")
    model = job.require_plan().video_of(scene)
    others: Mapping[RemedyKind, str] = {"model": model.fallback, "successor": model.replaced_by}
    plan = job.require_plan()
    return possible | {
        step for step, other in others.items() if other and plan.can_be_filmed_by(other, scene.duration_s)
    }


def _apply_remedy(
    job: Job, scene: Scene, call: Call, remedy: Remedy, step: RemedyKind, now: datetime, *, tries: tuple[Attempt, ...]
) -> Scene:
    asked = RewriteRequest(attempt=f"{scene.take}-{scene.attempt}", advice=remedy.advice, reason=call.reason)
    model = job.require_plan().video_of(scene)
    match step:
        case "repeat" | "reseed":
            return _next_attempt(scene, now, tries=tries)
        case "rewrite":
            return _next_attempt(scene, now, tries=tries, rewording=asked)
        case "mute":
            return _next_attempt(scene, now, tries=tries, muted=True)
        case "model":
            return _next_attempt(scene, now, tries=tries, video_model=model.fallback)
        case "successor":
            return _next_attempt(scene, now, tries=tries, video_model=model.replaced_by)
        case "redraw":  # the clip is made from other pictures then: another take
            drawn_anew = {"take": scene.take + 1, "attempt": 1, "redraw": ("start", "end"), "rewording": asked}
            return scene.to(SceneState.PENDING, now, tries=tries, **drawn_anew)


def _next_attempt(scene: Scene, now: datetime, **changes: object) -> Scene:
    return scene.evolve(
        state=SceneState.QUEUED,
        attempt=scene.attempt + 1,
        dispatch=scene.dispatch + 1,
        queued_at=now,
        updated=now,
        **changes,
    )


def _given_up(scene: Scene, call: Call, remedy: Remedy, now: datetime, *, tries: tuple[Attempt, ...]) -> Scene:
    counted = sum(one.outcome != "never_made" for one in tries)
    problem = Problem(
        code=remedy.problem,
        message=f"{scene.id}: no clip in {counted} tries: {call.reason}",
        remedy=remedy.advice,
        step="poll_clips",
        scene=scene.id,
    )
    return scene.to(_GIVEN_UP[remedy.problem], now, tries=tries, problem=problem)


def _stopped(scene: Scene, call: Call, remedy: Remedy, now: datetime, *, tries: tuple[Attempt, ...]) -> Scene:
    """The scene with the problem that ends its job; it is filmed when the job goes on."""
    problem = Problem(
        code=remedy.problem,
        message=f"{scene.id}: {succession.describe_model(call)} cannot film it: {call.reason}",
        remedy=remedy.advice,
        step="poll_clips",
        scene=scene.id,
    )
    return scene.evolve(tries=tries, problem=problem, updated=now)


def _append_attempt(scene: Scene, call: Call, outcome: str, remedy: str = "") -> tuple[Attempt, ...]:
    """The scene's history with the last word on this call: a clip given up before a resume may have come since."""
    last = Attempt(
        take=scene.take,
        attempt=scene.attempt,
        call=call.id,
        outcome=outcome,
        at=call.updated,
        reason=call.reason,
        codes=call.codes,
        remedy=remedy,
    )
    return (*(one for one in scene.tries if one.call != call.id), last)
