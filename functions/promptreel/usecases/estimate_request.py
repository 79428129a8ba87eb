"""Estimate the film of a request: free, no model is called, nothing is stored."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from promptreel.domain.call import Call, add_up, committed_micros
from promptreel.domain.estimate import STAGES, Estimate, Stage
from promptreel.domain.estimating import Progress, estimate_film, estimate_rest
from promptreel.domain.job import Job
from promptreel.domain.models import registry
from promptreel.domain.piece_costs import Basis, Drawing, Makers
from promptreel.domain.planning import FilmSpec, accept
from promptreel.domain.rates import Counts
from promptreel.domain.request import FilmRequest
from promptreel.domain.scene import Scene
from promptreel.domain.sheet import find_sheet_id
from promptreel.domain.upgrading import UpgradePlan
from promptreel.errors import UnreadableDocument
from promptreel.ports.storage import JobStore
from promptreel.services import Services
from promptreel.usecases.style_files import read_style_file

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class EstimatedRequest:
    """A request that is fit to be submitted, with every choice made, and its estimate."""

    request: FilmRequest
    spec: FilmSpec
    estimate: Estimate


def estimate_request(owner: str, payload: Any, at: datetime, services: Services) -> EstimatedRequest:
    """Check a request as a submission does, and estimate its film by what models and owner have shown.

    Raises: Invalid; BudgetExceeded with the amount needed.
    """
    request, spec = accept(read_style_file(payload, services.inbox), at, services.protocols)
    return EstimatedRequest(request, spec, estimate_film(request, spec, _basis(owner, at, services)))


def estimate_waiting_job(job: Job, scenes: Sequence[Scene], calls: Sequence[Call], services: Services) -> Estimate:
    """The estimate of a job that waits with its plan: what is paid is known, and so are its scenes.

    Raises: Invalid when a model of the plan has left the registry.
    """
    makers = _planned_makers(job, job.require_plan().video_model)
    plan = job.require_plan()
    stages = [(_stage_of(call), call) for call in calls]
    missing = {(stage, call.purpose) for stage, call in stages if call.kind == "image" and not call.is_finished}
    drawing = Drawing(
        keyframes=sum(stage == "keyframes" for stage, _ in missing),
        at_once=plan.continuity.mode == "sheet",
        sheets=sum(stage == "sheets" for stage, _ in missing),
        is_checked=plan.is_checked and job.check is None,
    )
    progress = Progress(
        spent_micros={
            stage: add_up(call for of_stage, call in stages if of_stage == stage).spent_micros for stage in STAGES
        },
        committed_micros=committed_micros(calls),
        drawing=drawing,
        durations_s=[scene.duration_s for scene in scenes if scene.clip is None],
    )
    basis = _basis(job.owner, services.clock.now(), services)
    return estimate_rest(job.request, makers, len(scenes), basis, progress)


def estimate_upgrade(film: Job, scenes: Sequence[Scene], planned: UpgradePlan, services: Services) -> Estimate:
    """The estimate of a finished film made again by a better model: only what is not taken over."""
    makers = _planned_makers(film, planned.upgrade.video.id)
    progress = Progress(
        spent_micros={},
        committed_micros=planned.needed_micros,
        drawing=Drawing(planned.keyframes),
        durations_s=[scene.duration_s for scene in scenes if scene.id in planned.upgrade.scenes],
    )
    basis = _basis(film.owner, services.clock.now(), services)
    return estimate_rest(planned.request, makers, len(scenes), basis, progress)


def _stage_of(call: Call) -> Stage:
    """The stage to which a call belongs. Keyframes that are drawn again count as keyframes."""
    if call.kind == "video" or call.purpose.startswith("rewrite/"):
        return "clips"
    if call.kind == "text":
        return "check" if call.purpose.startswith("check/") else "storyboard"
    return "keyframes" if find_sheet_id(call.purpose) is None else "sheets"


def _planned_makers(job: Job, video_model: str) -> Makers:
    """The models of a job's plan, with this one for its clips."""
    plan, known = job.require_plan(), registry()
    text, image = known.text_model(plan.text_model), known.image_model(plan.image_model)
    return Makers(text, image, known.video_model(video_model), plan.aspect)


def _basis(owner: str, at: datetime, services: Services) -> Basis:
    history = _history(owner, services.jobs)
    return Basis(at=at, history=history, keep_days=services.keep / DAY, pace=services.pace)


def _history(owner: str, jobs: JobStore) -> Counts:
    """The owner's attempts; none where another version has stored them in a way that this one cannot read."""
    with suppress(UnreadableDocument):
        rates = jobs.get_rates(owner)
        return rates.value.attempts if rates else ()
    return ()
