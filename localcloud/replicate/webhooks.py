"""Webhooks: which events are sent, how they are signed, and their delivery, at least once.

The service repeats only the webhook of an end, with a growing wait that reaches about a minute; it follows no redirect.
Source: https://replicate.com/docs/topics/webhooks/receive-webhook and /verify-webhook, read 2026-11. The exact waits
are not documented.
"""

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from typing import Any

from localcloud.delivery import Call, Caller, Dispatching, Outcome
from localcloud.identity import Identity
from localcloud.replicate import faults
from localcloud.replicate.site import Site
from localcloud.replicate.store import OwedWebhook, Prediction, new_id

DEFAULT_EVENTS = ("output", "completed")
_WAITS_S = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # after each failed attempt; then the webhook is given up
_ATTEMPT_S = 10.0
_log = logging.getLogger(__name__)


def secret(key: bytes) -> str:
    """The signing secret as the API shows it."""
    return f"whsec_{base64.b64encode(key).decode()}"


def signature(key: bytes, message_id: str, timestamp: int, body: str) -> str:
    signed = hmac.new(key, f"{message_id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


class Webhooks(Dispatching):
    """Owes a webhook for every event that a prediction asks for, until it is acknowledged or given up."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self._site = site
        self._identity = Identity(None)
        self._caller = Caller(self._identity)
        self._under_way: set[int] = set()

    async def close(self) -> None:
        await self._caller.close()
        await self._identity.close()

    def announce(self, prediction: Prediction, event: str, body: Mapping[str, Any]) -> None:
        """Owe the webhook of this event, if the prediction asks for it and no fault drops it."""
        if not prediction.webhook or event not in prediction.events:
            return
        hits = self._site.strike(prediction.model, event, faults.WEBHOOK)
        if "webhook_dropped" in hits:
            return
        message_id, now_s, text = f"msg_{new_id()}", self._site.now(), json.dumps(body)
        for _ in range(2 if "webhook_duplicated" in hits else 1):
            self._site.store.owe(message_id, prediction.webhook, text, is_terminal=event == "completed", due_s=now_s)
        self.wake()

    def forget(self) -> None:
        """Drop what is under way: the store has been cleared."""
        self._drop_all()
        self._under_way.clear()

    def send_due(self) -> float | None:
        for webhook in self._site.store.owed():
            if webhook.n in self._under_way:
                continue
            wait_s = webhook.due_s - self._site.now()
            if wait_s > 0:
                return wait_s
            self._under_way.add(webhook.n)
            self._spawn(self._attempt(webhook))
        return None

    async def _attempt(self, webhook: OwedWebhook) -> None:
        try:
            self._settle(webhook, await self._caller.send(self._call(webhook)))
        finally:
            self._under_way.discard(webhook.n)
            self.wake()

    def _call(self, webhook: OwedWebhook) -> Call:
        timestamp = int(self._site.now())
        signed = signature(self._site.store.webhook_key(), webhook.message_id, timestamp, webhook.body)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Replicate/1.0",
            "webhook-id": webhook.message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signed,
        }
        return Call("POST", webhook.url, headers, webhook.body.encode(), _ATTEMPT_S, follow_redirects=False)

    def _settle(self, webhook: OwedWebhook, outcome: Outcome) -> None:
        if outcome.acknowledged:
            self._site.store.settle_webhook(webhook.n)
            return
        gives_up = not webhook.is_terminal or webhook.attempts >= len(_WAITS_S)
        if gives_up:
            self._site.store.settle_webhook(webhook.n)
        else:
            wait_s = _WAITS_S[webhook.attempts] * self._site.profile.time_scale
            self._site.store.postpone(webhook.n, self._site.now() + wait_s)
        _log.warning(
            "action=webhook outcome=%s attempt=%d status=%s trouble=%s",
            "given_up" if gives_up else "failed", webhook.attempts + 1, outcome.status, outcome.trouble,
        )  # fmt: skip
