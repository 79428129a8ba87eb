"""What follows a call that failed: its model's successor, the scene's next attempt, or the end of remedies. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar, assert_never

from promptreel.domain import remedies
from promptreel.domain.call import Call
from promptreel.domain.document import Problem
from promptreel.domain.job import Job
from promptreel.domain.models import ImageModel, TextModel, VideoModel, registry
from promptreel.domain.remedies import Remedy, RemedyKind
from promptreel.domain.scene import Attempt, RewriteRequest, Scene
from promptreel.domain.sheet import Sheet
from promptreel.domain.states import CallState, SceneState
from promptreel.errors import Misconfigured

M = TypeVar("M", TextModel, ImageModel)

# How a remedy shows in the film; another seed does not, and another model is named.
_HOW_FILMED: Mapping[str, str] = {
    "rewrite": "in milder words",
    "redraw": "from other pictures",
    "mute": "without sound",
    "refilm": "a second time",
}

# How an attempt ended whose clip cannot be used, by the code of the clip's problem.
_UNUSABLE: Mapping[str, str] = {"clip_defective": "defective", "clip_missing": "missing", "clip_changed": "changed"}

_GIVEN_UP_STATE: Mapping[str, SceneState] = {
    "clip_refused": SceneState.FILTERED,
    "clip_failed": SceneState.FAILED,
    "clip_timed_out": SceneState.TIMED_OUT,
}


def recover_from_failure(job: Job, scene: Scene, call: Call, now: datetime) -> Scene:
    """The scene after its call ended without a clip: queued by a remedy, given up, or with the problem of its job.

    A call that was never made spends no remedy, nor does one that ended before a person resumed the job.
    """
    was_lost = call.state is CallState.LOST
    outcome = "never_made" if not call.counts_as_attempt else "timed_out" if was_lost else "refused"
    if not call.counts_as_attempt or not job.counts_toward_limit(call.updated):
        return _film_again(scene.evolve(tries=append_attempt(scene, call, outcome)), now)
    remedy = remedies.timeout_remedy() if was_lost else remedies.find_remedy(call.codes)
    kind = remedy.choose_next(_used_remedies(job, scene), _available_remedies(job, scene))
    tried = scene.evolve(tries=append_attempt(scene, call, outcome, kind or ""))
    if kind is None:
        return _give_up(tried, call, remedy, now)
    request = RewriteRequest(attempt=f"{scene.take}-{scene.attempt}", advice=remedy.advice, reason=call.reason)
    return _apply_remedy(job, tried, kind, request, now)


def may_change_model(job: Job, scene: Scene) -> bool:
    """Whether another model may film a scene whose own model accepts no call."""
    remedy = remedies.find_remedy((remedies.EXHAUSTED,))
    return remedy.choose_next(_used_remedies(job, scene), _available_remedies(job, scene)) is not None


def keyframe_warnings(scenes: Sequence[Scene], calls: Iterable[Call]) -> list[str]:
    """What the owner should know about the keyframes that the film was made from."""
    used = {keyframe.uri for scene in scenes for keyframe in (scene.start, scene.end) if keyframe}
    return [f"{call.scene}: {call.reason}" for call in calls if call.reason and call.artifact in used]


def sheet_warnings(sheets: Sequence[Sheet], calls: Iterable[Call]) -> list[str]:
    """What the owner should know about the sheets: those that were given up, and remarks on the others."""
    names = {sheet.image.uri: sheet.name for sheet in sheets if sheet.image}
    remarks = [f"{names[call.artifact]}: {call.reason}" for call in calls if call.reason and call.artifact in names]
    return [*(sheet.problem.message for sheet in sheets if sheet.problem), *remarks]


def may_refilm(job: Job, scene: Scene) -> bool:
    """Whether a clip of this scene that cannot be used may be paid for a second time: once until a person resumes."""
    return not any(one.remedy == "refilm" and job.counts_toward_limit(one.at) for one in scene.tries)


def may_refilm_after(job: Job, scene: Scene, call: str, problem: Problem) -> bool:
    """Whether this problem of the clip that the call paid for allows to film it a second time.

    A damaged clip is filmed again at once. A clip that is missing or replaced may be restored, so that nothing is paid
    for it before a person has resumed the job without restoring it.
    """
    outcome = _UNUSABLE[problem.code]
    was_resumed = any(
        one.call == call and one.outcome == outcome and not job.counts_toward_limit(one.at) for one in scene.tries
    )
    return may_refilm(job, scene) and (was_resumed or outcome == "defective")


def reject_clip(scene: Scene, call: str, problem: Problem, now: datetime, *, is_refilmed: bool) -> Scene:
    """The scene whose paid clip cannot be used: damaged, or missing from the bucket, or replaced there.

    It is filmed a second time, as another take, or given up.
    """
    remedy = "refilm" if is_refilmed else ""
    attempts = _append(scene, call, outcome=_UNUSABLE[problem.code], at=now, reason=problem.message, remedy=remedy)
    if is_refilmed:
        return scene.queue_again(
            now, take=scene.take + 1, attempt=1, queued_at=None, clip=None, problem=None, tries=attempts
        )
    return scene.to(SceneState.FAILED, now, problem=problem, tries=attempts)


def remedy_warning(scene: Scene) -> str:
    """What the film's owner should know about a scene that was filmed only by a remedy; else nothing."""
    ways = [_HOW_FILMED[one.remedy] for one in scene.tries if one.remedy in _HOW_FILMED]
    ways += [f"by {scene.video_model}"] if any(one.remedy == "model" for one in scene.tries) else []
    if scene.state is not SceneState.DONE or not ways:
        return ""
    reason = next(one.reason for one in reversed(scene.tries) if one.remedy)
    return f"{scene.id} was filmed {', '.join(dict.fromkeys(ways))}: {reason}"


def seed_attempt(scene: Scene) -> int:
    """The attempt whose seed the scene's clip is filmed with: a repeated request has the seed of the one before."""
    repeated = (scene.take, scene.attempt - 1, "repeat")
    is_repeated = any((last.take, last.attempt, last.remedy) == repeated for last in scene.tries[-1:])
    return scene.attempt - 1 if is_repeated else scene.attempt


def _used_remedies(job: Job, scene: Scene) -> list[str]:
    return [one.remedy for one in scene.tries if one.remedy and job.counts_toward_limit(one.at)]


def _available_remedies(job: Job, scene: Scene) -> set[RemedyKind]:
    plan = job.require_plan()
    available = list_available(
        plan.video_of(scene),
        sound=job.has_sound(scene),
        can_film=lambda other: plan.can_be_filmed_by(other, scene.duration_s),
    )
    return available if scene.drawn_names() else available - {"redraw"}


def list_available(model: VideoModel, *, sound: bool, can_film: Callable[[str], bool]) -> set[RemedyKind]:
    """What a scene that this model films still allows: sound can be left out once, and only while there is any.

    ``can_film`` tells whether the model of an id films the scene's length and the film's format.
    """
    available: set[RemedyKind] = {"repeat", "reseed", "rewrite", "redraw"}
    if sound and model.sound == "optional":
        available.add("mute")
    others: Mapping[RemedyKind, str | None] = {"model": model.fallback, "successor": model.replaced_by}
    return available | {kind for kind, other in others.items() if other and can_film(other)}


def _apply_remedy(job: Job, scene: Scene, kind: RemedyKind, request: RewriteRequest, now: datetime) -> Scene:
    model = job.require_plan().video_of(scene)
    match kind:
        case "repeat" | "reseed":
            return _film_again(scene, now)
        case "rewrite":
            return _film_again(scene.evolve(rewording=request), now)
        case "mute":
            return _film_again(scene.evolve(muted=True), now)
        case "model":
            return _film_again(scene.evolve(video_model=model.fallback), now)
        case "successor":
            return _film_again(scene.evolve(video_model=model.replaced_by), now)
        case "redraw":  # the clip is made from other keyframes then: another take
            return scene.to(
                SceneState.PENDING, now, take=scene.take + 1, attempt=1, redraw=scene.drawn_names(), rewording=request
            )
        case _:
            assert_never(kind)


def _film_again(scene: Scene, now: datetime) -> Scene:
    """The scene with its next attempt and a new task."""
    return scene.queue_again(now, attempt=scene.attempt + 1, dispatch=scene.dispatch + 1, queued_at=now)


def _give_up(scene: Scene, call: Call, remedy: Remedy, now: datetime) -> Scene:
    """The scene without a remedy left: given up, or with the problem that ends its job and filmed when that resumes."""
    if remedy.stops_the_job:
        message = f"{scene.id}: {describe_model(call)} cannot film it: {call.reason}"
    else:
        made = sum(one.outcome != "never_made" for one in scene.tries)
        message = f"{scene.id}: no clip in {made} tries: {call.reason}{_own_words(scene)}"
    problem = Problem(code=remedy.problem, message=message, remedy=remedy.advice, step="poll_clips", scene=scene.id)
    if remedy.stops_the_job:
        return scene.evolve(problem=problem, updated=now)
    return scene.to(_GIVEN_UP_STATE[remedy.problem], now, problem=problem)


def _own_words(scene: Scene) -> str:
    """Which of the scene's keyframes no remedy redraws, as the end of a message; else nothing."""
    drawn, names = scene.drawn_names(), {"start": "first", "end": "last"}
    own = [word for name, word in names.items() if name not in drawn]
    if not own:
        return ""
    is_one = len(own) == 1
    pictures = f"its {' and '.join(own)} picture{'' if is_one else 's'} {'is your own' if is_one else 'are your own'}"
    return f" ({pictures}, never redrawn)"


def append_attempt(scene: Scene, call: Call, outcome: str, remedy: str = "") -> tuple[Attempt, ...]:
    """The scene's attempts with how this call ended: a clip given up before a resume may have come since."""
    about = {"at": call.updated, "reason": call.reason, "codes": call.codes}
    return _append(scene, call.id, outcome=outcome, remedy=remedy, **about)


def _append(scene: Scene, call: str, **about: object) -> tuple[Attempt, ...]:
    last = Attempt.model_validate({"take": scene.take, "attempt": scene.attempt, "call": call, **about})
    return (*(one for one in scene.tries if one.call != call), last)


def choose_next_model(job: Job, model: M, failed: Call, find: Callable[[str], M]) -> M:
    """The model for the text or image whose attempt by `model` failed.

    It follows from the calls alone, so that a repeated step finds its earlier calls. A failure from before a person
    resumed the job is given another attempt. ``find`` looks a model up by its id.

    Raises: Misconfigured when no model that the registry names can be used.
    """
    remedy = remedies.find_remedy(failed.codes)
    if not remedy.stops_the_job:
        return model
    if "successor" in remedy.steps and model.replaced_by:
        return find(model.replaced_by)
    if not job.counts_toward_limit(failed.updated):
        return model
    raise Misconfigured(
        f"{failed.purpose}: {describe_model(failed)} cannot be used: {failed.reason}",
        code=remedy.problem,
        remedy=remedy.advice,
    )


def describe_model(failed: Call) -> str:
    """The name of a failed call's model; with its announced retirement when the provider does not offer it."""
    model = registry().model(failed.model)
    if model and model.retires_not_before and remedies.MODEL_UNAVAILABLE in failed.codes:
        return f"{model.id} (to be retired on {model.retires_not_before} at the earliest)"
    return failed.model


def replacement_warnings(calls: Iterable[Call]) -> tuple[str, ...]:
    """One sentence for each model that could not be used and was replaced, for the film's owner."""
    failed = {call.model: call for call in calls if "successor" in remedies.find_remedy(call.codes).steps}
    models = ((call, registry().model(model_id)) for model_id, call in failed.items())
    return tuple(
        f"{describe_model(call)} could not be used; {model.replaced_by} took its place: {call.reason}"
        for call, model in models
        if model and model.replaced_by
    )
