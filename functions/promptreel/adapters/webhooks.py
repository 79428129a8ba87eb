"""Webhooks: signed by the library standardwebhooks, posted through the guard of addresses, queued in Cloud Tasks."""

import json
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from promptreel.adapters.google_errors import translate_google_errors
from promptreel.adapters.web import PublicWeb
from promptreel.domain import identifiers
from promptreel.errors import VersionConflict
from promptreel.ports.pictures import Unfetchable
from promptreel.ports.webhooks import DeliveryTask, Sent, WebhookMessage

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksClient

QUEUE = "webhooks"
TIMEOUT_S = 20.0
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


class CloudTasksDeliveries:
    """A `DeliveryQueue`. A task's name is a hash of its dispatch, so the same dispatch is one task."""

    def __init__(self, queue: str, url: str, target: str, account: str) -> None:
        """``queue`` is its full name, ``url`` is empty for Google's own address."""
        self._queue = queue
        self._url = url
        self._target = target
        self._account = account

    def enqueue(self, task: DeliveryTask) -> None:
        """Create the task unless its name was used before."""
        from google.cloud import tasks_v2  # noqa: PLC0415 - cold start

        body = {"job_id": task.job_id, "delivery": task.delivery, "dispatch": task.dispatch}
        name = identifiers.digest(task.job_id, task.delivery, str(task.dispatch))
        wanted = tasks_v2.Task(
            name=f"{self._queue}/tasks/{name}",
            schedule_time=task.due,
            dispatch_deadline=timedelta(seconds=DISPATCH_DEADLINE_S),
            http_request=tasks_v2.HttpRequest(
                url=self._target,
                http_method=tasks_v2.HttpMethod.POST,
                headers={"Content-Type": "application/json", "traceparent": identifiers.traceparent(task.job_id)},
                body=json.dumps(body).encode(),
                oidc_token=tasks_v2.OidcToken(service_account_email=self._account, audience=self._target),
            ),
        )
        # VersionConflict: this dispatch is in the queue already, or was.
        with suppress(VersionConflict), translate_google_errors("enqueue webhook"):
            self._client.create_task(parent=self._queue, task=wanted, timeout=TIMEOUT_S)

    @cached_property
    def _client(self) -> "CloudTasksClient":
        from google.cloud.tasks_v2 import CloudTasksClient  # noqa: PLC0415 - cold start

        options = {"api_endpoint": self._url} if self._url else None
        return CloudTasksClient(transport="rest", client_options=options)
