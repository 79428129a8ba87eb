"""The routes of webhooks: an owner's endpoints, their secret, and what became of a job's events."""

from collections.abc import Callable
from typing import Any, Literal, Protocol

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field

from promptreel.domain.job import Job
from promptreel.domain.webhooks import Delivery, Endpoint, is_accepted
from promptreel.http import idempotency
from promptreel.http.responses import format_time
from promptreel.services import Services
from promptreel.usecases import manage_webhooks

View = Callable[..., ResponseReturnValue]


class GetJob(Protocol):
    """The look-up of a job that the caller may see."""

    def __call__(self, services: Services, job_id: str) -> Job:
        """Raises: NotFound."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class Webhook(_Part):
    """An address of the caller, and the events that are sent there."""

    id: str
    url: str
    events: tuple[str, ...]
    disabled: str | None = Field(description="Why nothing is sent there any more.")
    created: str

    @classmethod
    def of(cls, endpoint: Endpoint) -> "Webhook":
        """The webhook of an endpoint."""
        fields = endpoint.model_dump(include={"id", "url", "events"})
        return cls(**fields, disabled=endpoint.disabled, created=format_time(endpoint.created))


class RegisteredWebhook(Webhook):
    """A webhook that was just registered; the first one comes with the secret."""

    secret: str | None = Field(description="`whsec_…`, shown once: for the caller's first webhook.")


class WebhookList(_Part):
    """Every webhook of the caller."""

    webhooks: tuple[Webhook, ...]


class RotatedSecret(_Part):
    """The new secret of the caller. Until then, messages carry a signature of the one before as well."""

    secret: str
    previous_until: str


class WebhookTest(_Part):
    """How the receiver answered one event of type `webhook.test`."""

    delivered: bool
    status: int | None = Field(description="The receiver's HTTP status; null without an answer.")
    problem: str | None


class DeliveryAttempt(_Part):
    """One attempt to deliver an event."""

    at: str
    status: int | None
    problem: str | None
    duration_ms: int


class WebhookDelivery(_Part):
    """One event of a job for one webhook."""

    id: str
    event: str = Field(description="What the receiver sees as `webhook-id`.")
    type: str
    scene: str | None
    webhook: str
    state: Literal["pending", "delivered", "failed", "dropped"]
    next_attempt: str | None
    attempts: tuple[DeliveryAttempt, ...]
    created: str

    @classmethod
    def of(cls, delivery: Delivery) -> "WebhookDelivery":
        """The delivery as its owner sees it."""
        attempts = tuple(
            DeliveryAttempt(at=format_time(one.at), status=one.status, problem=one.problem, duration_ms=one.duration_ms)
            for one in delivery.attempts
        )
        return cls(
            **delivery.model_dump(include={"id", "event", "type", "scene", "state"}),
            webhook=delivery.endpoint,
            next_attempt=format_time(delivery.due) if delivery.due else None,
            attempts=attempts,
            created=format_time(delivery.created),
        )


class DeliveryList(_Part):
    """The delivery log of a job, oldest first."""

    deliveries: tuple[WebhookDelivery, ...]


def list_routes(read_body: Callable[[], Any], get_job: GetJob) -> tuple[tuple[str, str, View], ...]:
    """Method, path and view of each route."""

    def register_webhook(services: Services) -> tuple[Response, int]:
        """Register an https address for events. The same address is the same webhook, with the events named last."""
        owner = _identify(services)
        idempotency.keep_no_answer()  # it may hold the secret, which is in no document
        registered = manage_webhooks.register(owner, read_body(), services)
        webhook = Webhook.of(registered.endpoint)
        return _answer(RegisteredWebhook(**dict(webhook), secret=registered.secret)), 201

    def list_webhooks(services: Services) -> Response:
        """List the caller's webhooks."""
        endpoints = manage_webhooks.list_endpoints(_identify(services), services)
        return _answer(WebhookList(webhooks=tuple(map(Webhook.of, endpoints))))

    def delete_webhook(services: Services, webhook_id: str) -> tuple[Response, int]:
        """Remove a webhook: nothing more is sent there, and what waits for it is dropped."""
        manage_webhooks.remove(_identify(services), webhook_id, services)
        return Response(status=204), 204

    def send_test_webhook(services: Services, webhook_id: str) -> Response:
        """Send one event of type `webhook.test` now, once, and say how the receiver answered."""
        sent = manage_webhooks.send_test(_identify(services), webhook_id, services)
        return _answer(WebhookTest(delivered=is_accepted(sent.status), status=sent.status, problem=sent.problem))

    def rotate_webhook_secret(services: Services) -> Response:
        """Make a new signing secret for all webhooks of the caller; for a day the one before signs as well."""
        owner = _identify(services)
        idempotency.keep_no_answer()
        rotated = manage_webhooks.rotate(owner, services)
        until = format_time(rotated.previous_until)
        return _answer(RotatedSecret(secret=rotated.secret, previous_until=until))

    def list_deliveries(services: Services, job_id: str) -> Response:
        """List the events of a job that were or are to be delivered, and every attempt."""
        job = get_job(services, job_id)
        deliveries = services.jobs.list_deliveries(job.id)
        return _answer(DeliveryList(deliveries=tuple(WebhookDelivery.of(read.value) for read in deliveries)))

    return (
        ("POST", "/v1/webhooks", register_webhook),
        ("GET", "/v1/webhooks", list_webhooks),
        ("POST", "/v1/webhooks:rotate", rotate_webhook_secret),
        ("DELETE", "/v1/webhooks/<webhook_id>", delete_webhook),
        ("POST", "/v1/webhooks/<webhook_id>:test", send_test_webhook),
        ("GET", "/v1/jobs/<job_id>/deliveries", list_deliveries),
    )


def _identify(services: Services) -> str:
    return services.identity.identify_caller(request.headers.get)


def _answer(document: BaseModel) -> Response:
    return jsonify(document.model_dump(mode="json"))
