"""Sending webhooks, as the use cases need it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class DeliveryTask:
    """One dispatch of deliver_webhook, not before ``due``."""

    job_id: str
    delivery: str
    dispatch: int
    due: datetime


class DeliveryQueue(Protocol):
    """The queue of webhooks."""

    def enqueue(self, task: DeliveryTask) -> None:
        """Add a task; adding it a second time changes nothing. Raises: Transient, Broken."""


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """A version of an owner's secret, and its value as the owner gets it: ``whsec_`` and base64."""

    version: str
    value: str


class SigningSecrets(Protocol):
    """The secrets with which messages to an owner are signed. ``name`` is a digest of the owner."""

    def add(self, name: str) -> SigningSecret:
        """Make a new random version, and the secret itself for an owner who has none. Raises: Transient, Broken."""

    def read(self, name: str, version: str) -> SigningSecret:
        """Read a version. Raises: NotFound, Transient, Broken (also for one that was destroyed)."""

    def destroy(self, name: str, version: str) -> None:
        """Destroy a version if there is one. Raises: Transient, Broken (also for one that was destroyed)."""


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """One message for one address. ``id`` is the same in each attempt."""

    id: str
    url: str
    body: str
    secrets: Sequence[SigningSecret]


@dataclass(frozen=True, slots=True)
class Sent:
    """The receiver's HTTP status, or why there was no answer."""

    status: int | None
    problem: str | None = None


class WebhookSender(Protocol):
    """Signs messages by Standard Webhooks and posts them to public https addresses, following no redirect."""

    def check(self, url: str) -> None:
        """Look at an address without connecting. Raises: Unfetchable."""

    def send(self, message: WebhookMessage, now: datetime, timeout_s: float) -> Sent:
        """Make one attempt. What goes wrong on the way to the receiver is part of the answer."""
