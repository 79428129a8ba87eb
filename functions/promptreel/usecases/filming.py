"""Clips between their keyframes and the film: dispatch one, and find out what became of its call."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from promptreel.domain import recovery
from promptreel.domain.call import Call, committed_micros
from promptreel.domain.call_rules import Receipt
from promptreel.domain.document import Problem
from promptreel.domain.job import Job
from promptreel.domain.models import registry
from promptreel.domain.scene import Clip, Scene
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.errors import NotFound, PromptreelError, Transient
from promptreel.ports.models import LostSubmit, Operation, OperationState, Running, Succeeded
from promptreel.ports.orchestration import ClipTask
from promptreel.ports.storage import ArtifactStore, JobStore, Replace
from promptreel.ports.system import Clock
from promptreel.services import Services
from promptreel.usecases import artifact_integrity

log = logging.getLogger(__name__)

MISSING_CLIP_S = 600.0  # how long a paid clip may be missing from the bucket: it may be written late
LOOK_FOR_TASK_AFTER_S = 120.0
POLLS_S = 45.0  # for all polls of one look together, in real seconds


def is_overdue(scene: Scene, now: datetime, pace: float) -> bool:
    """Whether it is time to look for the scene's task: it was made, or seen in the queue, long ago."""
    return scene.queued_at is None or now - scene.queued_at > timedelta(seconds=LOOK_FOR_TASK_AFTER_S * pace)


def dispatch(job: Job, scene_id: str, services: Services) -> None:
    """Put the clip of a drawn or queued scene into the queue. Repeating is harmless: it is the same task.

    The scene is written first: a task that was never made is made by the next call, under the same name.
    """

    def change(scene: Scene) -> Scene | None:
        now = services.clock.now()
        if scene.state is not SceneState.DRAWN:
            return None
        return scene.to(SceneState.QUEUED, now, dispatch=scene.dispatch + 1, queued_at=now)

    scene = services.jobs.update_scene(job.id, scene_id, change).after
    if scene.is_live:
        services.queue.enqueue(_task(job, scene), high=job.request.priority == "high")


def redispatch(job: Job, scene: Scene, services: Services) -> None:
    """Make a new task for a scene whose task is done or was never made; one that still waits is left alone.

    Without the look, a queue that is slower than its tasks' patience would fill with copies and never recover.
    """
    try:
        waits = services.queue.contains(_task(job, scene), high=job.request.priority == "high")
    except Transient as error:  # it says nothing; the next poll looks
        log.warning("look for clip task failed", extra={"json_fields": {"scene_id": scene.id, "error": str(error)}})
        return

    def change(seen: Scene) -> Scene | None:
        if not seen.is_live or seen.dispatch != scene.dispatch:
            return None
        now = services.clock.now()
        return seen.evolve(dispatch=seen.dispatch + (not waits), queued_at=now, updated=now)

    update = services.jobs.update_scene(job.id, scene.id, change)
    if update.is_written and not waits:
        services.queue.enqueue(_task(job, update.after), high=job.request.priority == "high")


def _task(job: Job, scene: Scene) -> ClipTask:
    return ClipTask(job.id, job.run, scene.id, scene.take, scene.attempt, scene.dispatch)


def clip(call: Call, artifacts: ArtifactStore) -> Clip | None:
    """The clip that a paid call delivered; None while the bucket does not have it."""
    try:
        return Clip(uri=call.artifact or "", call=call.id, checksum=artifacts.read_checksum(call.artifact or ""))
    except NotFound:
        return None


def may_come(scene: Scene, call: Call, now: datetime, pace: float) -> bool:
    """Whether a paid clip that the bucket does not have may still appear there; nothing is paid until then."""
    return now - max(call.updated, scene.updated) < timedelta(seconds=MISSING_CLIP_S * pace)


def fault(scene: Scene, call: Call, found: Clip | None) -> Problem | None:
    """Why ``found``, what the bucket has, cannot be taken for the clip that ``call`` paid for; None if it can."""
    known = scene.clip if scene.clip is not None and scene.clip.call == call.id else None
    if found is None:
        code, words = "clip_missing", "is missing from the bucket"
    elif known is not None and known.checksum not in {None, found.checksum}:
        code, words = "clip_changed", "is no longer what was stored"
    else:
        return None
    message = f"{scene.id}: its clip, paid with {call.id}, {words}: {call.artifact}"
    return Problem(code=code, message=message, remedy=artifact_integrity.CLIP_REMEDY, step="poll_clips", scene=scene.id)


def refilmable(job: Job, scenes: Sequence[Scene], calls: Sequence[Call]) -> frozenset[str]:
    """The scenes whose clip the budget would pay a second time, the first ones first."""
    prices = {call.id: call.reserved_micros for call in calls}
    left_micros = job.budget.limit_micros - committed_micros(list(calls))
    found = set()
    for scene in scenes:
        price_micros = prices.get(scene.clip.call) if scene.clip else None
        if price_micros is not None and price_micros <= left_micros and recovery.may_refilm(job, scene):
            left_micros -= price_micros
            found.add(scene.id)
    return frozenset(found)


def reject_clips(job_id: str, run: int, problems: Mapping[str, Problem], jobs: JobStore, clock: Clock) -> None:
    """Take clips that cannot be used out of a film about to be cut; the job returns to filming.

    ``problems`` names the scenes. `recovery.reject_clip` decides what becomes of each. Idempotent: a job that is not
    being stitched any more, and a scene whose clip was rejected already, are left as they are.
    """

    def attempt() -> None:
        read = jobs.get_job(job_id)  # before the calls: a refused batch is retried from here (budget)
        job, now = read.value, clock.now()
        if job.run != run or job.state is not JobState.STITCH:
            return
        calls = [found.value for found in jobs.list_calls(job_id)]
        rejected = [found for found in jobs.list_scenes(job_id) if found.value.id in problems and found.value.clip]
        affordable = refilmable(job, [found.value for found in rejected], calls)
        changes: list[Replace[Job] | Replace[Scene]] = [Replace(job_id, read, job.to(JobState.VIDEO_GEN, now))]
        for found in rejected:
            scene = found.value
            if scene.clip is not None and scene.state is SceneState.DONE:
                problem, paid_by = problems[scene.id], scene.clip.call
                is_refilmed = scene.id in affordable and recovery.may_refilm_after(job, scene, paid_by, problem)
                changed = recovery.reject_clip(scene, paid_by, problem, now, is_refilmed=is_refilmed)
                changes.append(Replace(job_id, found, changed))
        jobs.write(*changes)

    jobs.retry_on_conflict(attempt)


@dataclass(frozen=True, slots=True)
class Polled:
    """What the provider said of operations, by name, in a look that began at ``began``."""

    began: datetime
    states: Mapping[str, OperationState | PromptreelError]


def poll(calls: Iterable[Call], services: Services) -> Polled:
    """Ask the provider for the operations of these calls, all at once."""
    began, uri = services.clock.now(), services.artifacts.uri
    operations = [Operation(call.model, call.operation, uri(call.prefix or "")) for call in calls if call.operation]
    return Polled(began, services.video.poll_all(operations, POLLS_S))


def resolve(call: Call, services: Services, polled: Polled | None = None) -> Call:
    """Look once at what became of a clip's call and record it. Any worker may do this, as often as it likes.

    ``polled`` is what the provider has said already; without it the provider is polled.
    """
    try:
        return _look(call, services, polled)
    except Transient as error:  # a look that failed says nothing; one scene's bad luck must not stop the others
        log.warning("look at clip failed", extra={"json_fields": {"call": call.id, "error": str(error)}})
        return call


def _look(call: Call, services: Services, polled: Polled | None) -> Call:
    ledger = services.ledger
    if call.state not in {CallState.RESERVED, CallState.SENT, CallState.UNCERTAIN, CallState.LOST}:
        return call
    if not call.operation:
        if call.state in {CallState.RESERVED, CallState.SENT}:
            return ledger.expire(call)
        call, polled = _name_operation(call, services), None
    if not call.operation:
        return _look_in_bucket(call, services)
    polled = polled or poll([call], services)
    seen = polled.states.get(call.operation)
    if seen is None or isinstance(seen, PromptreelError):
        # Refused, forgotten, broken or not answered in time: the clip may lie in the bucket all the same.
        error = str(seen or "no answer in time")
        log.warning("poll failed", extra={"json_fields": {"call": call.id, "error": error}})
        return _look_in_bucket(call, services)
    if isinstance(seen, Running):
        return ledger.give_up(call, polled.began, "The operation did not end within its longest latency.")
    model = registry().video_model(call.model)
    cost_micros = model.cost_micros(seen.usage, call.sent_at or call.created, call.reserved_micros)
    if isinstance(seen, Succeeded):
        return ledger.settle(call, Receipt(cost_micros, seen.uri, seen.usage))
    if seen.usage is not None:  # answered in words, and billed
        return ledger.settle(call, Receipt(cost_micros, None, seen.usage, seen.reason, seen.codes))
    return ledger.release(call, seen.reason, seen.codes)


def _name_operation(call: Call, services: Services) -> Call:
    """Store the name of an operation whose submit was not answered, where its provider lists it."""
    if call.sent_at is None:
        return call
    lost = LostSubmit(call.model, services.artifacts.uri(call.prefix or ""), call.sent_at)
    try:
        found = services.video.find(lost)
    except Transient as error:  # as a poll that failed: it must not keep the call open for ever
        log.warning("find lost submit failed", extra={"json_fields": {"call": call.id, "error": str(error)}})
        return call
    return services.ledger.name_operation(call, found.name) if found else call


def _look_in_bucket(call: Call, services: Services) -> Call:
    """Polling cannot help: only this call could have written below its prefix, so what is there is its output."""
    looked_at, ledger = services.clock.now(), services.ledger
    for stored in services.artifacts.list(call.prefix) if call.prefix else ():
        if stored.uri.endswith(".mp4"):
            if call.operation:  # its answer came; the operation cannot be polled
                return ledger.settle(call, Receipt(call.reserved_micros, stored.uri))
            return ledger.adopt(call, stored.uri)
    return ledger.give_up(call, looked_at, "No output appeared within the adoption window.")
