"""How a request becomes a job, the same by HTTPS, by ``gcloud workflows run`` and in an uploaded file."""

import json
from typing import Any

from promptreel.domain import identifiers
from promptreel.domain.job import Budget, Job
from promptreel.domain.request import FilmRequest
from promptreel.errors import Conflict, NotFound
from promptreel.logging.events import log_event
from promptreel.ports.storage import Create, Replace, UploadedFile
from promptreel.services import Services
from promptreel.usecases.admission import owner_lock, take_place
from promptreel.usecases.estimate_request import estimate_request
from promptreel.usecases.own_frames import KeptFrames, keep_frames, want_frames
from promptreel.usecases.style_files import keep_stored_style
from promptreel.usecases.take_in_pictures import (
    KeptReferences,
    announce_pictures,
    keep_references,
    take_in_pictures,
    want_references,
)


def accept_request(
    job_id: str, owner: str, payload: Any, services: Services, upload: UploadedFile | None = None
) -> Job:
    """Check a request and store its job, with its estimate, what was read from its prompt and what cannot be met.

    Idempotent: the same request returns the stored job, even if only its tombstone is left. ``upload`` names the file
    that held it.

    Raises: Invalid; BudgetExceeded with the amount needed; Conflict when the id belongs to another request; TooMany
    when the owner has too many unfinished jobs.
    """
    now = services.clock.now()
    payload = keep_stored_style(job_id, payload, services.jobs)
    estimated = estimate_request(owner, payload, now, services)
    request, spec = estimated.request, estimated.spec
    kept, frames = _take_in(job_id, owner, request, services)
    for model in (spec.text, spec.image, spec.video):
        if model.ends_soon(now):
            log_event("model_ends_soon", model=model.id, ends=str(model.retires_not_before))
    # Without defaults, so that a field which a later version brings does not make an old request another one.
    content = json.dumps(request.model_dump(mode="json", exclude_defaults=True), sort_keys=True)
    job = Job(
        id=job_id,
        owner=owner,
        origin=identifiers.digest(owner, content),
        request=request,
        budget=Budget(limit_micros=request.limit_micros),
        inferred=spec.inferred,
        warnings=(*spec.warnings, *kept.warnings, *frames.warnings, *(upload.warnings if upload else ())),
        estimate=estimated.estimate,
        references=kept.references,
        frames=frames.frames,
        upload=upload.name if upload else None,
        upload_generation=upload.generation if upload else None,
        expires=now + services.keep,
        created=now,
        updated=now,
    )
    return store_new(job, services)


def _take_in(job_id: str, owner: str, request: FilmRequest, services: Services) -> tuple[KeptReferences, KeptFrames]:
    """Check all of a request's pictures, then store them; nothing of a request whose job is stored. Raises: Invalid."""
    if is_stored(job_id, services):
        return KeptReferences(), KeptFrames()
    wanted = [*want_references(request.references), *want_frames(request.frames)]
    if wanted:
        take_place(owner, job_id, services)  # refuses before anything is fetched; the place is taken with the job
    pictures, count = take_in_pictures(wanted, owner, services), len(request.references)
    if pictures:
        announce_pictures(job_id, services)
    kept = keep_references(job_id, request.references, pictures[:count], services)
    return kept, keep_frames(job_id, request.frames, pictures[count:], services)


def is_stored(job_id: str, services: Services) -> bool:
    """Whether a job of this id is stored: its pictures were taken in when it was."""
    try:
        return not services.jobs.get_job(job_id).value.tombstone_has_expired(services.clock.now())
    except NotFound:
        return False


def store_new(job: Job, services: Services) -> Job:
    """Store a job under its id, with one of its owner's places, unless the same request has stored it.

    Raises: Conflict when the id belongs to another request; TooMany when the owner's places are taken.
    """

    def attempt() -> Job:
        with owner_lock(job.owner):
            return _store_new(job, services)

    return services.jobs.retry_on_conflict(attempt)


def _store_new(job: Job, services: Services) -> Job:
    jobs = services.jobs
    try:
        read = jobs.get_job(job.id)
    except NotFound:
        jobs.write(Create(job.id, job), take_place(job.owner, job.id, services))
        return job
    stored = read.value
    if stored.tombstone_has_expired(job.created):
        jobs.write(Replace(job.id, read, job), take_place(job.owner, job.id, services))
        return job
    # An older version wrote another origin.
    is_same = (stored.owner, stored.request, stored.upgrade) == (job.owner, job.request, job.upgrade)
    if stored.origin != job.origin and not is_same:
        raise Conflict(
            "This Idempotency-Key already stands for another request.",
            code="idempotency_key_reused",
            remedy="Send the first request again, or use a new key for a new film.",
        )
    return stored
