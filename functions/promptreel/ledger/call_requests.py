"""The request of every paid call, made in one place: what is planned, what is claimed and what is sent are the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from promptreel.domain import identifiers
from promptreel.domain.fitting import FittedPrompt
from promptreel.domain.job import Job, Plan
from promptreel.domain.models import ImageModel, registry
from promptreel.domain.picture_inputs import PictureSources, list_inputs, list_sheet_inputs
from promptreel.domain.scene import KeyframeName, Scene
from promptreel.domain.sheet import SHEET_PX, Sheet
from promptreel.domain.sheet_planning import list_shown
from promptreel.domain.tariffs import Tariff, drawing_tariff
from promptreel.ledger.claims import CallRequest


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a call: its number from 1, digest of its inputs, time of its price, cache key, and prompt.

    ``take`` is that of what it makes, where this is no part of a scene.
    """

    number: int
    digest: str | None
    at: datetime
    cache_key: str | None = None
    prompt: FittedPrompt | None = None
    take: int = 1


def seed(job: Job, *parts: str) -> int:
    """The seed of one call: the job's own, or one that follows from its id, and another for every attempt."""
    base = str(job.request.seed) if job.request.seed is not None else job.seed_base
    return int(identifiers.digest(base, *parts)[:7], 16)


def cache_key(job: Job, seed_of_call: int, *content: str) -> str:
    """The key that equal calls of one owner have in common, in any job.

    ``content`` are model, prompt, parameters and the checksums of images, never addresses: those differ from job to
    job. So does a seed that follows from the job's id: only one that the request names is part of the key.
    """
    named = str(seed_of_call) if job.request.seed is not None else ""
    return identifiers.digest(job.owner, named, *content)


def text_or_picture(job: Job, tariff: Tariff, purpose: str, scene: Scene | None, attempt: Attempt) -> CallRequest:
    """The call for a text of the film, for the rewritten prompts of a scene, for a keyframe or for a sheet."""
    return CallRequest(
        job_id=job.id,
        run=job.run,
        kind="image" if isinstance(tariff.model, ImageModel) else "text",
        model=tariff.model.id,
        purpose=purpose,
        digest=attempt.digest,
        price_micros=tariff.reserved_micros(attempt.at),
        timeout_s=tariff.model.timeout_s,
        scene=scene.id if scene else None,
        take=scene.take if scene else attempt.take,
        attempt=attempt.number,
        cache_key=attempt.cache_key,
        prompt=attempt.prompt,
        may_reuse=job.request.cache,
    )


def keyframe_tariff(sources: PictureSources, scene: Scene, frame: KeyframeName, location: str) -> Tariff:
    """The price of the first attempt at a keyframe, by the pictures that it is drawn from."""
    plan, model = sources.plan, registry().image_model(sources.plan.image_model)
    pictures = len(list_inputs(sources, scene, frame, model).sent)
    return drawing_tariff(model, plan.size_px, pictures, location=location)


def keyframes(
    job: Job, sources: PictureSources, scenes: Sequence[Scene], location: str, at: datetime
) -> list[CallRequest]:
    """The calls for every keyframe of the plan that is not drawn yet, in its order."""
    plan, first = sources.plan, Attempt(1, None, at)
    by_id = {scene.id: scene for scene in scenes}
    drawn = [(by_id[item.scene], item.frame) for wave in plan.waves for item in wave.items]

    def request(scene: Scene, frame: KeyframeName) -> CallRequest:
        tariff = keyframe_tariff(sources, scene, frame, location)
        return text_or_picture(job, tariff, scene.keyframe_purpose(frame), scene, first)

    return [request(scene, frame) for scene, frame in drawn if scene.keyframe(frame) is None]


def clip(job: Job, plan: Plan, scene: Scene, digest: str | None, at: datetime) -> CallRequest:
    """The call for the clip of a scene's current take and attempt."""
    model = plan.video_of(scene)
    call = scene.clip_call_id(job.id)
    return CallRequest(
        job_id=job.id,
        run=job.run,
        kind="video",
        model=model.id,
        purpose=scene.clip_purpose,
        digest=digest,
        price_micros=model.max_micros(scene.duration_s, plan.resolution, at, audio=job.has_sound(scene)),
        timeout_s=model.timeout_s,
        window_s=model.longest_latency_s,
        scene=scene.id,
        take=scene.take,
        attempt=scene.attempt,
        attempt_of_scene=True,
        prefix=f"jobs/{job.id}/clips/{scene.id}/{call}/",
        may_reuse=job.request.cache,
    )


def sheets(
    job: Job, sources: PictureSources, scenes: Sequence[Scene], location: str, at: datetime
) -> list[CallRequest]:
    """The calls for every sheet that some scene shows and that is not drawn yet; none where the film is a chain."""
    if sources.plan.continuity.mode == "chain":
        return []
    model = registry().image_model(sources.plan.image_model)

    def request(sheet: Sheet) -> CallRequest:
        pictures = len(list_sheet_inputs(sources.references, sheet, model).sent)
        tariff = drawing_tariff(model, SHEET_PX, pictures, location=location)
        return text_or_picture(job, tariff, sheet.purpose, None, Attempt(1, None, at, take=sheet.take))

    return [request(sheet) for sheet in list_shown(sources.sheets, scenes) if sheet.is_awaited]


def unmade_pieces(
    job: Job, sources: PictureSources, scenes: Sequence[Scene], location: str, at: datetime
) -> list[CallRequest]:
    """The first attempt at every sheet, keyframe and clip of a plan that is not made yet; all are reserved (rule 2)."""
    clips = (clip(job, sources.plan, scene, None, at) for scene in scenes if scene.clip is None)
    drawn = (pieces(job, sources, scenes, location, at) for pieces in (sheets, keyframes))
    return [*(request for requests in drawn for request in requests), *clips]
