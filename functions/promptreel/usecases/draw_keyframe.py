"""draw_keyframe: draw one keyframe. Once a scene has both of its keyframes, its clip is put into the queue."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Literal

from promptreel.domain import identifiers, planning, prompts, recovery
from promptreel.domain.call import committed_micros
from promptreel.domain.document import Problem
from promptreel.domain.fitting import FittedPrompt
from promptreel.domain.job import Job
from promptreel.domain.models import ImageModel, registry
from promptreel.domain.remedies import MAX_TRIES
from promptreel.domain.scene import Keyframe, KeyframeName, Scene
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.errors import Broken, NotFound, PromptreelError, Rejected
from promptreel.ledger import call_requests
from promptreel.ledger.claims import Busy, Paid, Superseded
from promptreel.ledger.paid_calls import MAX_ATTEMPTS, Made, Order, last_answer, pay
from promptreel.ports.models import Declined, ImageRequest, ImageResult
from promptreel.ports.storage import JobStore, Replace
from promptreel.services import Services
from promptreel.usecases import artifact_integrity, filming, job_lifecycle
from promptreel.usecases.text_calls import rewrite_refused_prompts

log = logging.getLogger(__name__)

MISFIT = "misfit"  # code of a keyframe that was paid and has another shape: it is drawn once more
REQUEST_S = 300.0  # then Cloud Run and the workflow cut the request off (infra/config/services.json)
MayRedraw = Callable[[], bool] | None
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
    if cmd.frame == "end" and "start" in scene.redraw:  # the last keyframe continues from the first
        first = draw_keyframe(replace(cmd, frame="start"), services)
        return KeyframeDrawn("busy") if first.state == "drawn" else first
    stopped = _add_keyframe(cmd, job, scene, services, until) if scene.keyframe(cmd.frame) is None else None
    if stopped is not None:
        return stopped
    if job.stops_after("keyframes"):  # the job goes on from the gate
        return KeyframeDrawn("drawn")
    if jobs.get_scene(cmd.job_id, cmd.scene).value.keyframes_drawn:
        filming.dispatch(job, cmd.scene, services)
    if all(read.value.keyframes_drawn for read in jobs.list_scenes(job.id)):
        job_lifecycle.advance(job, JobState.KEYFRAMES, JobState.VIDEO_GEN, services)
    return KeyframeDrawn("drawn")


def _add_keyframe(
    cmd: DrawKeyframe, job: Job, scene: Scene, services: Services, until: datetime
) -> KeyframeDrawn | None:
    """Draw and store the keyframe; otherwise the step's result. Raises: KeyframeRefused for a first one."""
    ready = rewrite_refused_prompts(job, scene, services, until)
    try:
        drawn = _draw(job, ready, cmd.frame, services, until) if isinstance(ready, Scene) else ready
    except KeyframeRefused as error:
        if not scene.redraw:
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


def _draw(
    job: Job, scene: Scene, frame: KeyframeName, services: Services, until: datetime
) -> Keyframe | Busy | Superseded:
    """The keyframe, or the claim that says why there is none now. Raises: KeyframeRefused."""
    artifacts, clock = services.artifacts, services.clock
    plan, purpose = job.require_plan(), scene.keyframe_purpose(frame)
    before = scene.keyframe("start") if frame == "end" else None
    if frame == "end" and before is None:
        raise Broken(f"{scene.id}: its last picture grows out of its first, which is not drawn yet.")
    if before is not None:
        artifact_integrity.check_keyframe(scene, "first", before, artifacts)
    references = (before.uri,) if before else ()
    replaced = scene.start if frame == "start" else scene.end
    damaged = {replaced.uri} if replaced else set()  # paid, stored, and damaged since: another attempt replaces it
    tries, cut_offs, was_misfit, reason, remedy = 0, 0, False, "", ""
    model = registry().image_model(plan.image_model)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        tariff = call_requests.keyframe_tariff(model, plan.size_px, services.images.location, cut_offs)
        prompt = _prompt(job, scene, frame, model, continues=before is not None)
        request = ImageRequest(
            model=model.id,
            prompt=prompt.text,
            references=references,
            aspect=plan.aspect,
            size=model.size_for(plan.size_px),
            frame_px=plan.size_px,
            seed=call_requests.seed(job, purpose, str(scene.take), str(attempt)),
            max_output_tokens=tariff.output_limit,
            thinking_level=model.thinking_level,
        )
        digest = _digest(request, before)
        this_attempt = call_requests.Attempt(attempt, digest, clock.now(), _cache_key(job, request, before), prompt)
        call = call_requests.text_or_keyframe(job, tariff, purpose, scene, this_attempt)
        may_redraw = None if was_misfit else partial(_can_pay_another, job.id, call.price_micros, services.jobs)

        def post(left_s: float, request: ImageRequest = request, may_redraw: MayRedraw = may_redraw) -> Made | Declined:
            return _judge_shape(services.images.generate_image(request, left_s), frame, request, may_redraw)

        path = f"jobs/{job.id}/keyframes/{scene.id}/{frame}-{digest}.png"
        order = Order(call, path, "image/png", tariff, until, services.images.connect)
        claim = pay(order, post, services.ledger, artifacts, clock)
        if isinstance(claim, Paid):
            if claim.call.artifact in damaged:
                continue
            paid = claim.call  # perhaps made from an earlier version of the prompt's template
            uri = paid.artifact or artifacts.uri(path)
            checksum = artifact_integrity.keyframe_checksum(scene, frame, uri, artifacts)
            return Keyframe(uri=uri, digest=paid.digest or digest, checksum=checksum)
        if isinstance(claim, Busy | Superseded):
            return claim
        following = recovery.choose_next_model(job, model, claim.call, registry().image_model)
        if following is not model:
            model = following
            continue
        tries += claim.call.counts_as_attempt and job.counts_toward_limit(claim.call.updated)
        cut_offs += claim.call.was_cut_off
        was_misfit |= MISFIT in claim.call.codes
        reason = claim.call.reason or reason
        remedy = _LOST if claim.call.state is CallState.LOST else _REFUSED
        if tries >= MAX_TRIES:
            break
    raise KeyframeRefused(f"{scene.id}: no {frame} picture in {tries} tries: {reason}", remedy=remedy)


def _judge_shape(
    answer: ImageResult | Declined, frame: KeyframeName, request: ImageRequest, may_redraw: MayRedraw
) -> Made | Declined:
    """Keep an image of about the frame's shape; another shape is declined once, then kept with a remark."""
    if isinstance(answer, Declined):
        return answer
    lost = planning.cropped_share(answer.drawn_px, request.frame_px)
    if lost <= planning.MAX_CROPPED_SHARE:
        return Made(answer.data, answer.usage)
    width, height = answer.drawn_px
    words = f"its {frame} picture came as {width}x{height}, so that {lost:.0%} of it is cropped"
    if may_redraw is not None and may_redraw():
        return Declined(words, (MISFIT,), answer.usage)
    return Made(answer.data, answer.usage, words)


def _can_pay_another(job_id: str, price_micros: int, jobs: JobStore) -> bool:
    """Whether the budget holds one more image. False when that cannot be read: the present one is paid."""
    try:
        calls = [read.value for read in jobs.list_calls(job_id)]
        return committed_micros(calls) + price_micros <= jobs.get_job(job_id).value.budget.limit_micros
    except PromptreelError:
        return False


def _prompt(job: Job, scene: Scene, frame: KeyframeName, model: ImageModel, *, continues: bool) -> FittedPrompt:
    """The request's words, cut to what is reserved for them. Raises: PromptTooLong."""
    prompt = prompts.keyframe_prompt(job.require_plan(), scene, frame, model, continues=continues)
    if prompt.original is not None:
        fields = {"job": job.id, "scene": scene.id, "original": prompt.original, "kept": prompt.text}
        log.warning("keyframe prompt cut to %d tokens", model.max_prompt_tokens, extra={"json_fields": fields})
    return prompt


def _digest(request: ImageRequest, before: Keyframe | None) -> str:
    """A digest of everything that the image is made from."""
    size = "x".join(map(str, request.frame_px))
    return identifiers.digest(
        request.model, request.prompt, request.size, size, str(request.seed), before.digest if before else ""
    )


def _cache_key(job: Job, request: ImageRequest, before: Keyframe | None) -> str | None:
    """None for an image that continues from one that was stored before checksums were."""
    continued = before.checksum if before else ""
    if continued is None:
        return None
    look = (request.aspect, request.size, "x".join(map(str, request.frame_px)), request.thinking_level)
    return call_requests.cache_key(job, request.seed, "image", request.model, request.prompt, *look, continued)


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


def _continues(scene: Scene, following: Scene) -> bool:
    """Whether the following scene begins with this scene's last keyframe: not drawn yet, or damaged with it."""
    if following.start is None:
        return True
    is_shared = scene.end is not None and scene.end.uri == following.start.uri
    return is_shared and "start" in following.redraw and following.rewording is None


def _give_up(cmd: DrawKeyframe, problem: Problem, services: Services) -> None:
    """Give the scene up, with the keyframes it had, because its new ones were refused as well."""

    def change(scene: Scene) -> Scene | None:
        if scene.take != cmd.take or not scene.redraw:
            return None
        return scene.to(SceneState.FILTERED, services.clock.now(), redraw=(), rewording=None, problem=problem)

    services.jobs.update_scene(cmd.job_id, cmd.scene, change)
