"""Webhooks: signed by the library standardwebhooks, posted through the guard of addresses, queued in Cloud Tasks."""

from contextlib import suppress
from datetime import datetime

from promptreel.adapters.google_errors import translate_google_errors
from promptreel.adapters.tasks import CloudTasks
from promptreel.adapters.web import PublicWeb
from promptreel.domain import identifiers
from promptreel.errors import VersionConflict
from promptreel.ports.pictures import Unfetchable
from promptreel.ports.webhooks import DeliveryTask, Sent, WebhookMessage

QUEUE = "webhooks"
DISPATCH_DEADLINE_S = 60  # deliver_webhook's own timeout; Cloud Tasks takes no less than 15 s


class StandardWebhooks:
    """A `WebhookSender`."""

    def __init__(self, web: PublicWeb) -> None:
        self._web = web

    def check(self, url: str) -> None:
        """Look at an address."""
        self._web.check(url)

    def send(self, message: WebhookMessage, now: datetime, timeout_s: float) -> Sent:
        """Sign with every secret, and post."""
        from standardwebhooks import Webhook  # noqa: PLC0415 - cold start: it imports a second HTTP client

        signatures = [Webhook(one.value).sign(message.id, now, message.body) for one in message.secrets]
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
        try:
            return Sent(self._web.post(message.url, message.body.encode(), headers, timeout_s))
        except Unfetchable as error:
            return Sent(None, str(error))


class CloudTasksDeliveries(CloudTasks):
    """A `DeliveryQueue`. A task's name is a hash of its dispatch, so the same dispatch is one task."""

    def __init__(self, queue: str, url: str, target: str, account: str) -> None:
        """``queue`` is its full name, ``url`` is empty for Google's own address."""
        super().__init__(url, target, account, DISPATCH_DEADLINE_S)
        self._queue = queue

    def enqueue(self, task: DeliveryTask) -> None:
        """Create the task unless its name was used before."""
        body = {"job_id": task.job_id, "delivery": task.delivery, "dispatch": task.dispatch}
        name = identifiers.digest(task.job_id, task.delivery, str(task.dispatch))
        # VersionConflict: this dispatch is in the queue already, or was.
        with suppress(VersionConflict), translate_google_errors("enqueue webhook"):
            self._create(self._queue, name, task.job_id, body, task.due)
