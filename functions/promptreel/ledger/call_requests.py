"""The request of every paid call, made in one place: what is planned, what is claimed and what is sent are the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from promptreel.domain import identifiers
from promptreel.domain.fitting import FittedPrompt
from promptreel.domain.job import Job, Plan
from promptreel.domain.models import ImageModel, registry
from promptreel.domain.planning import MAX_REFERENCES
from promptreel.domain.scene import Scene
from promptreel.domain.tariffs import Tariff, image_tariff, raise_output_limit
from promptreel.ledger.claims import CallRequest


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a call: its number from 1, digest of its inputs, time of its price, cache key, and prompt."""

    number: int
    digest: str | None
    at: datetime
    cache_key: str | None = None
    prompt: FittedPrompt | None = None


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


def keyframe_tariff(model: ImageModel, frame_px: tuple[int, int], location: str, cut_offs: int = 0) -> Tariff:
    """The price of every keyframe that this model draws, after so many answers that were cut off."""
    size = model.size_for(frame_px)
    limit = raise_output_limit(model.first_output_tokens(size), cut_offs, model.max_output_tokens)
    return image_tariff(model, size, MAX_REFERENCES, limit, location)


def text_or_keyframe(job: Job, tariff: Tariff, purpose: str, scene: Scene | None, attempt: Attempt) -> CallRequest:
    """The call for the storyboard, for the rewritten prompts of a scene, or for one of its keyframes."""
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
        take=scene.take if scene else 1,
        attempt=attempt.number,
        cache_key=attempt.cache_key,
        prompt=attempt.prompt,
        may_reuse=job.request.cache,
    )


def keyframes(job: Job, plan: Plan, scenes: Sequence[Scene], location: str, at: datetime) -> list[CallRequest]:
    """The calls for every keyframe of the plan that is not drawn yet, in its order."""
    model, first = registry().image_model(plan.image_model), Attempt(1, None, at)
    tariff = keyframe_tariff(model, plan.size_px, location)
    by_id = {scene.id: scene for scene in scenes}
    drawn = [(by_id[item.scene], item.frame) for wave in plan.waves for item in wave.items]
    return [
        text_or_keyframe(job, tariff, scene.keyframe_purpose(frame), scene, first)
        for scene, frame in drawn
        if scene.keyframe(frame) is None
    ]


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


def unmade_pieces(job: Job, plan: Plan, scenes: Sequence[Scene], location: str, at: datetime) -> list[CallRequest]:
    """The first attempt at every keyframe and every clip of a plan that is not made yet; all are reserved (rule 2)."""
    clips = (clip(job, plan, scene, None, at) for scene in scenes if scene.clip is None)
    return [*keyframes(job, plan, scenes, location, at), *clips]
