"""submit_clip: send the request for one clip. Called by the queue that keeps Veo's quota, at least once a task."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, assert_never

from promptreel.domain import call_rules, identifiers, prompts, recovery
from promptreel.domain.call import Call
from promptreel.domain.document import Problem
from promptreel.domain.fitting import FittedPrompt, PromptTooLong
from promptreel.domain.job import Job
from promptreel.domain.scene import Scene
from promptreel.domain.states import CallState, SceneState
from promptreel.errors import AnswerLost, Broken, BudgetExceeded, Misconfigured, Refused, Transient, VersionConflict
from promptreel.ledger import call_requests
from promptreel.ledger.claims import Acquired, Busy, CallRequest, EndedWithoutOutput, Paid, Superseded
from promptreel.ledger.paid_calls import last_answer, unpaid_as_transient
from promptreel.ledger.reuse import has_source, reuse
from promptreel.ports.models import VideoRequest
from promptreel.services import Services
from promptreel.usecases import artifact_integrity, filming, job_lifecycle, webhook_outbox
from promptreel.usecases.exact_frames import fit_keyframes
from promptreel.usecases.send_slots import await_slot
from promptreel.usecases.text_calls import rewrite_refused_prompts

log = logging.getLogger(__name__)

REQUEST_S = 300.0  # then Cloud Run cuts the request off (infra/config/services.json)


@dataclass(frozen=True, slots=True)
class SubmitClip:
    """Submit the clip of one take and attempt of a scene."""

    job_id: str
    run: int
    scene: str
    take: int
    attempt: int


@dataclass(frozen=True, slots=True)
class ClipSubmitted:
    """``filming``, ``delivered``, ``busy``, ``refused``, ``uncertain``, ``superseded``, or a problem's code.

    A problem, such as ``budget_exceeded``, is written on the scene. Every state ends the task: poll_clips continues.
    """

    state: str


def submit_clip(cmd: SubmitClip, services: Services) -> ClipSubmitted:
    """Send one clip's request. Idempotent: a repeated call makes no paid call and writes nothing twice.

    Raises: QuotaExhausted for the model's own quota, so that the queue slows down; Transient when nothing was sent,
    also because requests of other clips have taken the model's next send slots.
    """
    jobs, clock = services.jobs, services.clock
    until = last_answer(clock.now(), REQUEST_S)
    job = job_lifecycle.get_running(cmd.job_id, cmd.run, jobs)
    if job is None:
        return ClipSubmitted("superseded")  # before the scene is read: a deleted job has none
    scene = jobs.get_scene(cmd.job_id, cmd.scene).value
    if (scene.take, scene.attempt) != (cmd.take, cmd.attempt):
        return ClipSubmitted("superseded")
    late = _late_output(job, scene, services)
    if late is not None:
        clip = filming.clip(late, services.artifacts)
        if clip is not None:
            _update_queued(cmd, job, services, lambda queued: queued.to(SceneState.DONE, clock.now(), clip=clip))
            return ClipSubmitted("delivered")
        if filming.may_come(scene, late, clock.now(), services.pace):
            raise Transient(f"{scene.id}: its clip is paid and not in the bucket yet.", code="clip_awaited")
    try:
        ready = rewrite_refused_prompts(job, scene, services, until)
        if not isinstance(ready, Scene):
            return ClipSubmitted("busy" if isinstance(ready, Busy) else "superseded")
        state = _send(job, ready, services, until)
    except (BudgetExceeded, PromptTooLong, Broken) as error:
        problem = Problem.from_error(error, step="submit_clip", scene=scene.id)
        _update_queued(cmd, job, services, lambda queued: queued.evolve(problem=problem, updated=clock.now()))
        return ClipSubmitted(error.code)
    if state == "filming":
        _update_queued(cmd, job, services, lambda queued: queued.to(SceneState.FILMING, clock.now()))
    return ClipSubmitted(state)


def _send(
    job: Job, scene: Scene, services: Services, until: datetime
) -> Literal["filming", "busy", "superseded", "refused", "uncertain"]:
    """Claim the clip's call and send it, unless it has been sent."""
    clock = services.clock
    prompt = _prompt(job, scene)
    request = _request(job, scene, prompt.text)
    services.video.connect(request.model)
    planned = call_requests.clip(job, job.require_plan(), scene, _digest(request), clock.now())
    call = replace(planned, cache_key=_cache_key(job, scene, request), prompt=prompt)
    latest = until - timedelta(seconds=call.timeout_s)
    if clock.now() > latest:
        return "busy"
    if _is_to_be_sent(call, services):
        model, priority = job.require_plan().video_of(scene), job.request.priority
        await_slot(model, priority, latest, services, lambda: _is_to_be_sent(call, services))
    claim = reuse(services.ledger.claim(call), call, services.ledger, services.artifacts)
    match claim:
        case Superseded():
            return "superseded"
        case Busy(call=other) if other.operation is None:
            return "busy"
        case Busy() | Paid() | EndedWithoutOutput():
            return "filming"  # poll_clips decides by the call
        case Acquired():
            artifact_integrity.check_keyframes(scene, services.artifacts)
            plan = job.require_plan()
            frame_px = plan.video_of(scene).size_px(plan.resolution, plan.aspect)
            first_uri, last_uri = fit_keyframes(job.id, scene, frame_px, services)
            return _post(claim, call, replace(request, first_uri=first_uri, last_uri=last_uri), services)
        case _:
            assert_never(claim)


def _is_to_be_sent(request: CallRequest, services: Services) -> bool:
    """Whether a claim would most likely send it: a slot that is taken for less is one that another clip lacks."""
    read, now = services.jobs.get_call(request.job_id, request.call_id), services.clock.now()
    state = read.value.state if read else CallState.PLANNED
    if state is CallState.RESERVED and read and call_rules.lease_has_expired(read.value, now):
        state = CallState.PLANNED
    return state is CallState.PLANNED and not has_source(request, services.jobs, now)


def _post(
    claim: Acquired, call: CallRequest, request: VideoRequest, services: Services
) -> Literal["filming", "busy", "refused", "uncertain"]:
    """Send an acquired call; the ledger records how it ends. Raises: QuotaExhausted, Transient."""
    uri = services.artifacts.uri(call.prefix)
    try:
        with unpaid_as_transient():
            operation = services.ledger.send(claim, call, lambda left_s: services.video.submit(request, uri, left_s))
    except VersionConflict:
        return "busy"
    except Refused:
        return "refused"
    except AnswerLost:
        return "uncertain"
    services.ledger.name_operation(claim.call, operation)
    return "filming"


def _late_output(job: Job, scene: Scene, services: Services) -> Call | None:
    """The call of an earlier attempt that was given up and whose output has come since, if there is one.

    It is taken over instead of paying for another clip (ledger rule 5).
    """
    for attempt in range(1, scene.attempt):
        read = services.jobs.get_call(job.id, identifiers.call_id(job.id, scene.clip_purpose, scene.take, attempt))
        if read is None:
            continue
        call = read.value
        if call.state is CallState.LOST:
            call = filming.resolve(call, services)
        if call.has_output:  # perhaps since an earlier delivery of this task, which died before it wrote the scene
            return call
    return None


def _prompt(job: Job, scene: Scene) -> FittedPrompt:
    """The clip's prompt, cut to what its model takes. Raises: PromptTooLong."""
    model = job.require_plan().video_of(scene)
    prompt = prompts.clip_prompt(job.require_plan(), scene, model)
    if prompt.original is not None:
        fields = {"job": job.id, "scene": scene.id, "original": prompt.original, "kept": prompt.text}
        log.warning("clip prompt cut to %d characters", model.max_prompt_chars, extra={"json_fields": fields})
    return prompt


def _request(job: Job, scene: Scene, prompt: str) -> VideoRequest:
    plan = job.require_plan()
    model = plan.video_of(scene)
    seconds = model.clip_seconds(scene.duration_s, plan.resolution)
    if seconds is None:
        raise Misconfigured(f"{scene.id}: {model.id} no longer films {scene.duration_s} s at {plan.resolution}.")
    if scene.start is None or scene.end is None:
        raise VersionConflict(f"{scene.id} is queued before its keyframes are written; they will be.")
    return VideoRequest(
        model=model.id,
        prompt=prompt,
        first_uri=scene.start.uri,
        last_uri=scene.end.uri,
        seconds=seconds,
        aspect=plan.aspect,
        resolution=plan.resolution,
        audio=model.films_sound(wanted=job.has_sound(scene)),
        seed=call_requests.seed(job, scene.clip_purpose, str(scene.take), str(recovery.seed_attempt(scene))),
    )


def _digest(request: VideoRequest) -> str:
    """A digest of everything that the clip is made from."""
    look = (request.aspect, request.resolution, str(request.seconds), str(request.audio), str(request.seed))
    return identifiers.digest(request.model, request.prompt, request.first_uri, request.last_uri, *look)


def _cache_key(job: Job, scene: Scene, request: VideoRequest) -> str | None:
    """None while a keyframe was stored before checksums were."""
    if scene.start is None or scene.end is None or not (scene.start.checksum and scene.end.checksum):
        return None
    look = (request.aspect, request.resolution, str(request.seconds), str(request.audio))
    keyframes = (scene.start.checksum, scene.end.checksum)
    return call_requests.cache_key(job, request.seed, "video", request.model, request.prompt, *look, *keyframes)


def _update_queued(cmd: SubmitClip, job: Job, services: Services, change: Callable[[Scene], Scene]) -> None:
    """Change the scene, if it still waits for exactly this take and attempt."""

    def change_queued(scene: Scene) -> Scene | None:
        is_awaited = (scene.take, scene.attempt) == (cmd.take, cmd.attempt) and scene.state is SceneState.QUEUED
        return change(scene) if is_awaited else None

    webhook_outbox.update_scene(job, cmd.scene, change_queued, services)
