"""Webhooks: where an owner wants to be told of events, and every event that is to be delivered there.

An event is due as soon as its `Delivery` is stored, in the same batch as the change that it reports (docs/adr/0030).
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict, Unpack, get_args

from promptreel.domain import identifiers
from promptreel.domain.document import Document, OptionalText, Part, UtcDatetime
from promptreel.domain.job import Job
from promptreel.domain.scene import Scene
from promptreel.domain.states import JobState, SceneState

EventType = Literal["job.awaiting_approval", "job.complete", "job.failed", "job.cancelled", "scene.done"]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
TEST_EVENT = "webhook.test"

MAX_ENDPOINTS = 5
MAX_URL_CHARS = 2000
OVERLAP_S = 86_400.0  # after a rotation, messages are signed with the secret before it as well
MAX_EARLIER = 4  # secrets that sign besides the current one: rotations in a day
# After each failed attempt; the schedule that Standard Webhooks gives as an example: about three days.
WAITS_S = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)

_OF_JOB_STATES: dict[JobState, EventType] = {
    JobState.AWAITING_APPROVAL: "job.awaiting_approval",
    JobState.COMPLETE: "job.complete",
    JobState.FAILED: "job.failed",
    JobState.CANCELLED: "job.cancelled",
}


class Endpoint(Part):
    """One address of an owner, and the events that are sent there. ``disabled`` says why nothing is sent any more."""

    id: str
    url: str
    events: tuple[str, ...]  # of EVENT_TYPES, and those of newer versions
    disabled: OptionalText = None
    created: UtcDatetime


class EarlierSecret(Part):
    """A version of the secret that was replaced, and signs as well until then."""

    version: str
    until: UtcDatetime


class WebhooksChanges(TypedDict, total=False):
    """The fields of an owner's webhooks that a write may change."""

    endpoints: tuple[Endpoint, ...]
    secret: str
    earlier: tuple[EarlierSecret, ...]
    updated: datetime


class Webhooks(Document):
    """``webhooks/{digest of the owner}``: endpoints, and the versions of the owner's signing secret.

    The secret itself is in Secret Manager alone. There is no name: the digest of the owner is the id.
    """

    id: str
    endpoints: tuple[Endpoint, ...] = ()
    secret: str  # the version that signs
    earlier: tuple[EarlierSecret, ...] = ()
    created: UtcDatetime
    updated: UtcDatetime

    def evolve(self, **changes: Unpack[WebhooksChanges]) -> "Webhooks":
        """The webhooks with these fields changed."""
        return self._copy_with(changes)

    def find(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint of this id."""
        return next((one for one in self.endpoints if one.id == endpoint_id), None)

    def with_endpoint(self, endpoint: Endpoint, now: datetime) -> "Webhooks":
        """The webhooks with this endpoint, in the place of the one of the same id."""
        others = [one for one in self.endpoints if one.id != endpoint.id]
        return self.evolve(endpoints=(*others, endpoint), updated=now)

    def signing_versions(self, now: datetime) -> tuple[str, ...]:
        """The versions of the secret that sign a message sent now, the current one first."""
        return (self.secret, *(one.version for one in self.earlier if now < one.until))

    def with_secret(self, version: str, until: datetime, now: datetime) -> "Webhooks":
        """The webhooks with a new secret; the one that it replaces signs until then as well."""
        valid = [one for one in self.earlier if now < one.until]
        earlier = (EarlierSecret(version=self.secret, until=until), *valid)
        return self.evolve(secret=version, earlier=earlier, updated=now)


class DeliveryAttempt(Part):
    """One attempt: the receiver's HTTP status, or the problem without an answer."""

    at: UtcDatetime
    status: int | None = None
    problem: OptionalText = None
    duration_ms: int


class DeliveryChanges(TypedDict, total=False):
    """The fields of a delivery that a write may change."""

    state: Literal["pending", "delivered", "failed", "dropped"]
    dispatch: int
    due: datetime | None
    attempts: tuple[DeliveryAttempt, ...]
    updated: datetime


class Delivery(Document):
    """``jobs/{job}/deliveries/{delivery}``: one event for one endpoint, and every attempt to deliver it.

    ``body`` is what is sent, byte for byte the same in each attempt. ``dropped``: its endpoint was removed.
    """

    id: str
    job: str
    event: str  # the receiver sees it as webhook-id; one event has the same at each endpoint
    type: str
    scene: str | None = None
    endpoint: str
    body: str
    state: Literal["pending", "delivered", "failed", "dropped"] = "pending"
    dispatch: int = 1  # names the task; a task of an older dispatch sends nothing
    due: UtcDatetime | None  # of the next attempt; None when there is none
    attempts: tuple[DeliveryAttempt, ...] = ()
    created: UtcDatetime
    updated: UtcDatetime

    def evolve(self, **changes: Unpack[DeliveryChanges]) -> "Delivery":
        """The delivery with these fields changed."""
        return self._copy_with(changes)

    def end(self, state: Literal["delivered", "failed", "dropped"], now: datetime) -> "Delivery":
        """The delivery, which nobody attempts any more."""
        return self.evolve(state=state, due=None, updated=now)

    def after(self, attempt: DeliveryAttempt, now: datetime, pace: float) -> "Delivery":
        """The delivery after an attempt: delivered, failed for good, or due again."""
        tried = self.evolve(attempts=(*self.attempts, attempt))
        if is_accepted(attempt.status):
            return tried.end("delivered", now)
        if attempt.status == _GONE or len(tried.attempts) > len(WAITS_S):
            return tried.end("failed", now)
        due = now + timedelta(seconds=WAITS_S[len(self.attempts)] * pace)
        return tried.evolve(dispatch=self.dispatch + 1, due=due, updated=now)


_GONE = 410
_SUCCESS = range(200, 300)


def is_accepted(status: int | None) -> bool:
    """Whether a receiver's answer says that it has the event."""
    return status in _SUCCESS


def is_gone(status: int | None) -> bool:
    """Whether a receiver's answer says that nothing should be sent there any more."""
    return status == _GONE


def webhooks_id(owner: str) -> str:
    """The id of an owner's webhooks, and a part of the name of the owner's secret."""
    return identifiers.digest("webhooks", owner)


def endpoint_id(owner: str, url: str) -> str:
    """The id of an endpoint: the same address of an owner is the same endpoint."""
    return f"hook-{identifiers.digest(owner, url)}"


def deliveries_of_job(job: Job, webhooks: Webhooks | None, now: datetime) -> list[Delivery]:
    """The deliveries that become due because the job has just entered its state."""
    kind = _OF_JOB_STATES.get(job.state)
    if kind is None or webhooks is None:
        return []
    data: dict[str, Any] = {"job": job.id, "state": job.state.value, "run": job.run}
    if job.is_waiting and job.gate is not None:
        data["gate"] = job.gate.stage
    if job.state is JobState.FAILED and job.error is not None:
        data["error"] = job.error.model_dump(mode="json", include={"code", "message", "remedy"})
    event = f"evt-{identifiers.digest(job.id, kind, str(job.run), now.isoformat())}"
    return list(_for_endpoints(webhooks, event, kind, data, now))


def deliveries_of_scene(job: Job, scene: Scene, webhooks: Webhooks | None, now: datetime) -> list[Delivery]:
    """The deliveries that become due because the scene's clip has just been taken."""
    if scene.state is not SceneState.DONE or webhooks is None:
        return []
    data = {"job": job.id, "state": job.state.value, "run": job.run, "scene": scene.id, "take": scene.take}
    parts = (job.id, "scene.done", scene.id, str(scene.take), str(job.run), now.isoformat())
    return list(_for_endpoints(webhooks, f"evt-{identifiers.digest(*parts)}", "scene.done", data, now))


def make_body(kind: str, data: dict[str, Any], now: datetime) -> str:
    """The body of a message: the type, when it happened, and the data, as Standard Webhooks recommends."""
    timestamp = now.isoformat().replace("+00:00", "Z")
    return json.dumps({"type": kind, "timestamp": timestamp, "data": data}, ensure_ascii=False, separators=(",", ":"))


def _for_endpoints(
    webhooks: Webhooks, event: str, kind: EventType, data: dict[str, Any], now: datetime
) -> Iterator[Delivery]:
    """One delivery for each endpoint that takes this event."""
    for endpoint in webhooks.endpoints:
        if kind in endpoint.events and endpoint.disabled is None:
            yield Delivery(
                id=f"dlv-{identifiers.digest(event, endpoint.id)}",
                job=data["job"],
                event=event,
                type=kind,
                scene=data.get("scene"),
                endpoint=endpoint.id,
                body=make_body(kind, data, now),
                due=now,
                created=now,
                updated=now,
            )
