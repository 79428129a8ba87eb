"""Clips between the two frames and the film: dispatch one, and find out what has become of its call."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from promptreel.domain.job import Job
from promptreel.domain.ledger import Call
from promptreel.domain.scene import Clip, Scene
from promptreel.domain.states import CallState, SceneState
from promptreel.errors import PromptreelError, Transient
from promptreel.ports import (
    ArtifactStore,
    ClipQueue,
    ClipTask,
    Clock,
    Delivered,
    Ended,
    Filmer,
    FilmingState,
    Ids,
    JobStore,
    Replace,
)
from promptreel.protocol import intact
from promptreel.protocol.ledger import Ledger
from promptreel.protocol.races import until_won

log = logging.getLogger(__name__)

REDISPATCH_AFTER_S = 120.0
POLLS_S = 45.0  # for all polls of one look together, in real seconds


def is_overdue(scene: Scene, now: datetime, pace: float) -> bool:
    """Whether the scene's task has had time enough: it is taken to be lost."""
    return scene.queued_at is None or now - scene.queued_at > timedelta(seconds=REDISPATCH_AFTER_S * pace)


def dispatch(job: Job, scene_id: str, *, jobs: JobStore, queue: ClipQueue, clock: Clock, ids: Ids, pace: float) -> None:
    """Put the scene's clip into the queue if nothing is on its way. Repeating is harmless.

    The scene is written first: a task that was never made is made again under the same name, or, once the queue has
    had time enough, under the next one.
    """

    def attempt() -> Scene | None:
        read = jobs.scene(job.id, scene_id)
        scene, now = read.value, clock.now()
        if scene.state is SceneState.DRAWN:
            queued = scene.to(SceneState.QUEUED, now, dispatch=scene.dispatch + 1, queued_at=now)
        elif scene.is_live and is_overdue(scene, now, pace):
            queued = scene.evolve(dispatch=scene.dispatch + 1, queued_at=now, updated=now)
        else:
            return scene if scene.is_live else None
        jobs.write(Replace(job.id, read, queued))
        return queued

    scene = until_won(attempt, clock, ids)
    if scene is not None:
        task = ClipTask(job.id, job.run, scene.id, scene.take, scene.attempt, scene.dispatch)
        queue.put(task, high=job.request.priority == "high")


def clip(call: Call, artifacts: ArtifactStore) -> Clip:
    """The clip that a paid call delivered. Raises: NotIntact when it has been removed since."""
    uri = call.artifact or ""
    checksum = intact.checksum(f"{call.scene}: its clip, paid with {call.id},", uri, artifacts)
    return Clip(uri=uri, call=call.id, checksum=checksum)


@dataclass(frozen=True, slots=True)
class Polled:
    """What the provider said of operations, by name, in a look that began at ``began``."""

    began: datetime
    states: Mapping[str, FilmingState | PromptreelError]


def poll(calls: Iterable[Call], *, filmer: Filmer, clock: Clock) -> Polled:
    """Ask the provider for the operations of these calls, all at once."""
    began = clock.now()
    return Polled(began, filmer.poll_all([call.operation for call in calls if call.operation], POLLS_S))


def resolve(
    call: Call,
    *,
    ledger: Ledger,
    filmer: Filmer,
    artifacts: ArtifactStore,
    clock: Clock,
    polled: Polled | None = None,
) -> Call:
    """Look once at what became of a clip's call and record it. Any worker may do this, as often as it likes.

    ``polled`` is what the provider has said already; without it the provider is asked.
    """
    try:
        return _look(call, polled, ledger=ledger, filmer=filmer, artifacts=artifacts, clock=clock)
    except Transient as error:  # a look that failed says nothing; one scene's bad luck must not stop the others
        log.warning("look at clip failed", extra={"json_fields": {"call": call.id, "error": str(error)}})
        return call


def _look(
    call: Call, polled: Polled | None, *, ledger: Ledger, filmer: Filmer, artifacts: ArtifactStore, clock: Clock
) -> Call:
    if call.state not in {CallState.RESERVED, CallState.SENT, CallState.UNCERTAIN, CallState.LOST}:
        return call
    if not call.operation:
        if call.state in {CallState.RESERVED, CallState.SENT}:
            return ledger.expire(call)
        return _look_in_bucket(call, ledger=ledger, artifacts=artifacts, clock=clock)
    polled = polled or poll([call], filmer=filmer, clock=clock)
    seen = polled.states.get(call.operation)
    if seen is None or isinstance(seen, PromptreelError):
        # Refused, forgotten, broken or not answered in time: the clip may lie in the bucket all the same.
        error = str(seen or "no answer in time")
        log.warning("poll failed", extra={"json_fields": {"call": call.id, "error": error}})
        return _look_in_bucket(call, ledger=ledger, artifacts=artifacts, clock=clock)
    if isinstance(seen, Delivered):
        return ledger.settle(call, cost_micros=call.reserved_micros, artifact=seen.uri)
    if isinstance(seen, Ended):
        return ledger.release(call, seen.reason, seen.codes)
    return ledger.give_up(call, polled.began, "The operation did not end within its longest latency.")


def _look_in_bucket(call: Call, *, ledger: Ledger, artifacts: ArtifactStore, clock: Clock) -> Call:
    """Polling cannot help: only this call could have written below its prefix, so what is there is its output."""
    looked_at = clock.now()
    for stored in artifacts.list(call.prefix):
        if stored.uri.endswith(".mp4"):
            if call.operation:  # its answer came; the operation cannot be polled
                return ledger.settle(call, cost_micros=call.reserved_micros, artifact=stored.uri)
            return ledger.adopt(call, stored.uri)
    return ledger.give_up(call, looked_at, "No output appeared within the adoption window.")
