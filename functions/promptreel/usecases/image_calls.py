"""Request a picture from the image model: attempt by attempt, with the model's successor, until one can be kept.

Every attempt is a paid call, claimed before it is sent and stored; a repeated step returns the stored picture and makes
no paid call.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from promptreel.domain import identifiers, planning, recovery
from promptreel.domain.call import committed_micros
from promptreel.domain.fitting import FittedPrompt
from promptreel.domain.job import Job
from promptreel.domain.models import Aspect, ImageModel, registry
from promptreel.domain.picture_inputs import PictureInput, PictureInputs, left_out_warnings
from promptreel.domain.remedies import MAX_TRIES
from promptreel.domain.scene import Scene
from promptreel.domain.states import CallState
from promptreel.domain.tariffs import drawing_tariff
from promptreel.errors import Broken, PromptreelError
from promptreel.ledger import call_requests
from promptreel.ledger.claims import Busy, Paid, Superseded
from promptreel.ledger.paid_calls import MAX_ATTEMPTS, Made, Order, pay
from promptreel.ports.models import Declined, ImageRequest, ImageResult
from promptreel.ports.storage import JobStore
from promptreel.services import Services

log = logging.getLogger(__name__)

MISFIT = "misfit"  # code of a picture that was paid and has another shape: it is drawn once more
MayRedraw = Callable[[], bool] | None


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is to be drawn; everything else that a call needs follows from it."""

    purpose: str
    what: str
    """Of the picture, in a message: ``scene-01: its end picture``."""
    path: str
    """Of the stored picture, up to its digest."""
    list_pictures: Callable[[ImageModel], PictureInputs]
    """What it is drawn from, as many pictures as this model takes."""
    compose: Callable[[ImageModel, tuple[PictureInput, ...]], FittedPrompt]
    """Its prompt. Raises: PromptTooLong."""
    aspect: Aspect
    frame_px: tuple[int, int]
    scene: Scene | None = None
    take: int = 1
    damaged: frozenset[str] = frozenset()
    """Addresses of pictures that were paid, stored, and damaged since: another attempt replaces them."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Where the picture is stored, and the digest of what it was made from."""

    uri: str
    digest: str


@dataclass(frozen=True, slots=True)
class NotDrawn:
    """After how many attempts the model gave no picture, why, and whether the last answer was lost."""

    tries: int
    reason: str
    was_lost: bool


def draw(job: Job, drawing: Drawing, services: Services, until: datetime) -> Drawn | NotDrawn | Busy | Superseded:
    """Make attempts until a picture can be kept; `Busy` when `until` comes first.

    Raises: QuotaExhausted; Transient; BudgetExceeded; Misconfigured; PromptTooLong.
    """
    artifacts, clock, plan = services.artifacts, services.clock, job.require_plan()
    tries, cut_offs, was_misfit, was_lost, reason = 0, 0, False, False, ""
    model = registry().image_model(plan.image_model)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        pictures = drawing.list_pictures(model)
        count, location = len(pictures.sent), services.images.location
        tariff = drawing_tariff(model, drawing.frame_px, count, cut_offs, location)
        prompt = _compose(job, drawing, model, pictures.sent)
        request = ImageRequest(
            model=model.id,
            prompt=prompt.text,
            references=tuple(_require_uri(drawing, one) for one in pictures.sent),
            aspect=drawing.aspect,
            size=model.size_for(drawing.frame_px),
            frame_px=drawing.frame_px,
            seed=call_requests.seed(job, drawing.purpose, str(drawing.take), str(attempt)),
            max_output_tokens=tariff.output_limit,
            thinking_level=model.thinking_level,
        )
        digest, key = _digest(request, pictures.sent), _cache_key(job, request, pictures.sent)
        this_attempt = call_requests.Attempt(attempt, digest, clock.now(), key, prompt, drawing.take)
        call = call_requests.text_or_picture(job, tariff, drawing.purpose, drawing.scene, this_attempt)
        may_redraw = None if was_misfit else partial(_can_pay_another, job.id, call.price_micros, services.jobs)
        post = _Post(services, drawing, request, may_redraw, " ".join(_limits_passed(job, drawing, model, pictures)))
        path = f"{drawing.path}-{digest}.png"
        order = Order(call, path, "image/png", tariff, until, services.images.connect)
        claim = pay(order, post, services.ledger, artifacts, clock)
        if isinstance(claim, Paid):
            if claim.call.artifact in drawing.damaged:
                continue
            paid = claim.call  # perhaps made from an earlier version of the prompt's template
            return Drawn(paid.artifact or artifacts.uri(path), paid.digest or digest)
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
        was_lost = claim.call.state is CallState.LOST
        if tries >= MAX_TRIES:
            break
    return NotDrawn(tries, reason, was_lost)


@dataclass(frozen=True, slots=True)
class _Post:
    """Sends one request. A picture of another shape is declined once, then kept with a remark.

    Bars are cut off first: what they leave must do.
    """

    services: Services
    drawing: Drawing
    request: ImageRequest
    may_redraw: MayRedraw
    remark: str
    """What is to be said of the picture in any case."""

    def __call__(self, left_s: float) -> Made | Declined:
        answer = self.services.images.generate_image(self.request, left_s)
        return answer if isinstance(answer, Declined) else self._judge_shape(answer)

    def _judge_shape(self, answer: ImageResult) -> Made | Declined:
        lost = planning.lost_share(answer.drawn_px, answer.content_px, self.request.frame_px)
        drawn, content = ("x".join(map(str, px)) for px in (answer.drawn_px, answer.content_px))
        words = f"{self.drawing.what.partition(': ')[2]} came as {drawn}"
        if lost <= planning.MAX_CROPPED_SHARE:
            if self._is_enlarged(answer):
                return Made(
                    answer.data, answer.usage, self._remark(f"{words}, less than was asked for: it is enlarged")
                )
            return Made(answer.data, answer.usage, self.remark)
        bars = "" if content == drawn else f" with bars around {content}, which are cut off"
        words = f"{words}{bars}, so that {lost:.0%} of it is cropped"
        if self.may_redraw is not None and self.may_redraw():
            return Declined(words, (MISFIT,), answer.usage)
        return Made(answer.data, answer.usage, self._remark(words))

    def _remark(self, words: str) -> str:
        return f"{words}. {self.remark}" if self.remark else words

    def _is_enlarged(self, answer: ImageResult) -> bool:
        """Whether the picture is smaller than the frame, although the size that was asked for covers it."""
        frame_px, model = self.request.frame_px, registry().image_model(self.request.model)
        share = min(answer.drawn_px[side] / frame_px[side] for side in (0, 1))
        return share < 1 - planning.MAX_CROPPED_SHARE and model.covers(self.request.size, frame_px)


def _require_uri(drawing: Drawing, picture: PictureInput) -> str:
    """Raises: Broken when a picture is to be sent that does not exist yet."""
    if picture.uri is None:
        raise Broken(f"{drawing.what} is drawn from {picture.name or 'the one before'}, which is not drawn yet.")
    return picture.uri


def _limits_passed(job: Job, drawing: Drawing, model: ImageModel, pictures: PictureInputs) -> list[str]:
    """What a successor of the plan's model leaves out; what the plan's own model does is said when it is planned."""
    if model.id == job.require_plan().image_model:
        return []
    return left_out_warnings(pictures, drawing.what.partition(": ")[2], model)


def _can_pay_another(job_id: str, price_micros: int, jobs: JobStore) -> bool:
    """Whether the budget holds one more picture. False when that cannot be read: the present one is paid."""
    try:
        calls = [read.value for read in jobs.list_calls(job_id)]
        return committed_micros(calls) + price_micros <= jobs.get_job(job_id).value.budget.limit_micros
    except PromptreelError:
        return False


def _compose(job: Job, drawing: Drawing, model: ImageModel, pictures: tuple[PictureInput, ...]) -> FittedPrompt:
    """The request's words, cut to what is reserved for them. Raises: PromptTooLong."""
    prompt = drawing.compose(model, pictures)
    if prompt.original is not None:
        scene = {"scene": drawing.scene.id} if drawing.scene else {}
        fields = {"job": job.id, **scene, "original": prompt.original, "kept": prompt.text}
        log.warning("keyframe prompt cut to %d tokens", model.max_prompt_tokens, extra={"json_fields": fields})
    return prompt


def _digest(request: ImageRequest, pictures: tuple[PictureInput, ...]) -> str:
    """A digest of everything that the picture is made from."""
    size = "x".join(map(str, request.frame_px))
    seen = ",".join(one.identity for one in pictures)
    return identifiers.digest(request.model, request.prompt, request.size, size, str(request.seed), seen)


def _cache_key(job: Job, request: ImageRequest, pictures: tuple[PictureInput, ...]) -> str | None:
    """None for a picture that is made from one that was stored before checksums were."""
    checksums = [one.checksum for one in pictures]
    if None in checksums:
        return None
    look = (request.aspect, request.size, "x".join(map(str, request.frame_px)), request.thinking_level)
    seen = ",".join(filter(None, checksums))
    return call_requests.cache_key(job, request.seed, "image", request.model, request.prompt, *look, seen)
