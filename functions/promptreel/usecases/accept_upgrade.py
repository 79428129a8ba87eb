"""How a finished film becomes a job that makes it again by a better model. What it takes over is not paid again."""

import json
from typing import Any

from promptreel.domain import identifiers
from promptreel.domain.job import Budget, Job
from promptreel.domain.models import registry
from promptreel.domain.request import parse_upgrade
from promptreel.domain.states import JobState
from promptreel.domain.upgrading import plan_upgrade
from promptreel.errors import Conflict
from promptreel.logging.events import log_event
from promptreel.services import Services
from promptreel.usecases.accept_request import is_stored, store_new
from promptreel.usecases.estimate_request import estimate_upgrade
from promptreel.usecases.own_frames import copy_frames
from promptreel.usecases.take_in_pictures import copy_references


def accept_upgrade(job_id: str, film: Job, payload: Any, services: Services) -> Job:
    """Check what an upgrade asks for and store its job, which belongs to the film's owner.

    Idempotent: the same request returns the stored job. The film is read, never written.

    Raises: Invalid; BudgetExceeded with the amount needed; Conflict for a job without a finished film, and when the id
    belongs to another request.
    """
    asked, now = parse_upgrade(payload), services.clock.now()
    if film.state is not JobState.COMPLETE or film.plan is None:
        raise Conflict(
            f"The job is {film.state}; only a finished film can be upgraded.",
            code="job_not_complete",
            remedy="Wait until it is COMPLETE, or resume it.",
        )
    scenes = sorted((read.value for read in services.jobs.list_scenes(film.id)), key=lambda one: one.sequence)
    planned = plan_upgrade(film, scenes, asked, now, services.protocols)
    model = registry().video_model(planned.upgrade.video.id)
    if model.ends_soon(now):
        log_event("model_ends_soon", model=model.id, ends=str(model.retires_not_before))
    is_repeated = is_stored(job_id, services)
    content = json.dumps(asked.model_dump(mode="json", exclude_defaults=True), sort_keys=True)
    job = Job(
        id=job_id,
        owner=film.owner,
        origin=identifiers.digest(film.owner, film.id, content),
        request=planned.request,
        budget=Budget(limit_micros=planned.request.limit_micros),
        upgrade=planned.upgrade,
        warnings=planned.warnings,
        estimate=estimate_upgrade(film, scenes, planned, services),
        references=() if is_repeated else copy_references(job_id, film, services),
        frames=() if is_repeated else copy_frames(job_id, film, services),
        expires=now + services.keep,
        created=now,
        updated=now,
    )
    return store_new(job, services)
