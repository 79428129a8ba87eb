"""deliver_webhook: one attempt to deliver one event, called by the queue of webhooks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from promptreel.domain.job import Job
from promptreel.domain.webhooks import Delivery, DeliveryAttempt, Endpoint, Webhooks, is_gone
from promptreel.errors import NotFound
from promptreel.logging.events import log_event
from promptreel.ports.storage import Replace
from promptreel.ports.webhooks import SigningSecret, WebhookMessage
from promptreel.services import Services
from promptreel.usecases import webhook_outbox

TIMEOUT_S = 15.0  # real seconds: the receiver's time is not paced
_GONE_REASON = "the receiver answered 410 Gone"


@dataclass(frozen=True, slots=True)
class DeliverWebhook:
    """The delivery, and the dispatch that this task is of."""

    job_id: str
    delivery: str
    dispatch: int


@dataclass(frozen=True, slots=True)
class WebhookDelivered:
    """What became of the delivery. ``waiting``: another task makes the next attempt."""

    state: Literal["delivered", "waiting", "failed", "dropped", "superseded"]
    status: int | None = None


def deliver_webhook(cmd: DeliverWebhook, services: Services) -> WebhookDelivered:
    """Send an event once and write down what came of it; the task of the next attempt is a new one.

    A repeated call sends nothing once the attempt is written. A process that dies between sending and writing sends
    the event twice: with the same id, by which the receiver tells.

    Raises: Transient when nothing could be read or written; the queue repeats the task.
    """
    jobs, clock = services.jobs, services.clock
    read = jobs.get_delivery(cmd.job_id, cmd.delivery)
    if read is None or read.value.state != "pending" or read.value.dispatch != cmd.dispatch:
        return WebhookDelivered("superseded")
    delivery = read.value
    job = _find_job(cmd.job_id, clock.now(), services)
    found = jobs.get_webhooks(job.owner) if job else None
    endpoint = found.value.find(delivery.endpoint) if found else None
    if job is None or found is None or endpoint is None or endpoint.disabled is not None:
        ended = _update(delivery, delivery.end("dropped", clock.now()), services)
        return WebhookDelivered("dropped" if ended else "superseded")
    attempt = send(delivery, endpoint, found.value, services)
    after = delivery.after(attempt, clock.now(), services.pace)
    if is_gone(attempt.status):
        _disable(job.owner, endpoint.id, services)
    if not _update(delivery, after, services):
        return WebhookDelivered("superseded", attempt.status)
    state = "waiting" if after.state == "pending" else after.state
    log_event(
        "webhook_attempt",
        job_id=delivery.job,
        event_type=delivery.type,
        outcome=state,
        attempt=len(after.attempts),
        status=attempt.status,
        duration_ms=attempt.duration_ms,
    )
    webhook_outbox.enqueue(after, services)
    return WebhookDelivered(state, attempt.status)


def send(delivery: Delivery, endpoint: Endpoint, webhooks: Webhooks, services: Services) -> DeliveryAttempt:
    """Send a delivery to its endpoint, signed with every valid secret. Raises: Transient, Broken."""
    began = services.clock.now()
    message = WebhookMessage(delivery.event, endpoint.url, delivery.body, read_secrets(webhooks, began, services))
    sent = services.webhooks.send(message, began, TIMEOUT_S)
    duration_ms = round((services.clock.now() - began).total_seconds() * 1000)
    return DeliveryAttempt(at=began, status=sent.status, problem=sent.problem, duration_ms=duration_ms)


def read_secrets(webhooks: Webhooks, now: datetime, services: Services) -> list[SigningSecret]:
    """The secrets that sign now. Raises: PromptreelError when a rotation has destroyed one since; read again."""
    return [services.secrets.read(webhooks.id, version) for version in webhooks.signing_versions(now)]


def _find_job(job_id: str, now: datetime, services: Services) -> Job | None:
    """The job; None once it is deleted."""
    try:
        job = services.jobs.get_job(job_id).value
    except NotFound:
        return None
    return None if job.is_hidden(now) else job


def _update(seen: Delivery, after: Delivery, services: Services) -> bool:
    """Write the delivery unless another dispatch has replaced it, or it was deleted; tell whether it was written."""

    def change(delivery: Delivery) -> Delivery | None:
        return after if delivery.state == "pending" and delivery.dispatch == seen.dispatch else None

    try:
        return services.jobs.update_delivery(seen.job, seen.id, change).is_written
    except NotFound:
        return False


def _disable(owner: str, endpoint_id: str, services: Services) -> None:
    """Send nothing more to an endpoint whose receiver says that it is gone."""
    jobs = services.jobs

    def attempt() -> None:
        read, now = jobs.get_webhooks(owner), services.clock.now()
        endpoint = read.value.find(endpoint_id) if read else None
        if read is not None and endpoint is not None and endpoint.disabled is None:
            disabled = endpoint.evolve(disabled=_GONE_REASON)
            jobs.write(Replace("", read, read.value.with_endpoint(disabled, now)))

    jobs.retry_on_conflict(attempt)
