"""Webhooks as fakes: the queue, the secrets and the receivers."""

import base64
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from promptreel.errors import NotFound
from promptreel.ports.pictures import Unfetchable
from promptreel.ports.webhooks import DeliveryTask, Sent, SigningSecret, WebhookMessage


class MemoryDeliveries:
    """Tasks by identity; a test delivers them."""

    def __init__(self) -> None:
        self.tasks: dict[tuple[str, str, int], DeliveryTask] = {}
        self.failure: Exception | None = None

    def enqueue(self, task: DeliveryTask) -> None:
        if self.failure is not None:
            raise self.failure
        self.tasks.setdefault((task.job_id, task.delivery, task.dispatch), task)


class MemorySecrets:
    """Versions by the secret's name; a destroyed one is None."""

    def __init__(self) -> None:
        self.versions: dict[str, list[str | None]] = {}

    def add(self, name: str) -> SigningSecret:
        versions = self.versions.setdefault(name, [])
        versions.append(f"whsec_{base64.b64encode(f'{name}-{len(versions) + 1}-0123456789'.encode()).decode()}")
        return self.read(name, str(len(versions)))

    def read(self, name: str, version: str) -> SigningSecret:
        versions = self.versions.get(name, [])
        value = versions[int(version) - 1] if int(version) <= len(versions) else None
        if value is None:
            raise NotFound(f"There is no version {version} of {name}.")
        return SigningSecret(version, value)

    def destroy(self, name: str, version: str) -> None:
        self.versions[name][int(version) - 1] = None


class FakeReceivers:
    """Receivers by address, and every message that came; an unknown address is not on the Internet."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[], Sent]] = {}
        self.messages: list[WebhookMessage] = []

    def check(self, url: str) -> None:
        if url not in self.answers:
            raise Unfetchable(f"{urlsplit(url).hostname} is not on the public Internet")

    def send(self, message: WebhookMessage, now: datetime, timeout_s: float) -> Sent:
        self.messages.append(message)
        return self.answers[message.url]() if message.url in self.answers else Sent(None, "it cannot be reached")
