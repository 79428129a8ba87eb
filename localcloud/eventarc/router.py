"""Takes in reported changes, decides who is owed what, and delivers with backoff until it is acknowledged."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from localcloud.dispatching import Dispatching
from localcloud.eventarc.events import TYPES, CloudEvent, object_event
from localcloud.eventarc.faults import Faults
from localcloud.eventarc.outbox import Delivery, Outbox
from localcloud.eventarc.triggers import Config, Trigger
from localcloud.outgoing import Outcome

_log = logging.getLogger(__name__)

# Eventarc's default retention (its "Retry events" page, read 2026-11); what nobody took by then is dropped.
RETENTION_S = 24 * 3600.0

_MOST_UNDER_WAY = 50


class Delivers(Protocol):
    async def deliver(self, trigger: Trigger, event: CloudEvent) -> Outcome: ...


class Router(Dispatching):
    def __init__(
        self,
        config: Config,
        outbox: Outbox,
        courier: Delivers,
        faults: Faults,
        *,
        now_s: Callable[[], float],
    ) -> None:
        super().__init__()
        self._triggers = {trigger.name: trigger for trigger in config.triggers}
        self._backoff = config.backoff
        self._outbox = outbox
        self._courier = courier
        self._faults = faults
        self._now_s = now_s
        self._under_way: set[tuple[str, str]] = set()

    @property
    def buckets(self) -> set[str]:
        return {trigger.bucket for trigger in self._triggers.values()}

    def hear(self, attributes: Mapping[str, str], data: bytes) -> None:
        """A notification of the object store: attributes say what happened, data is the object resource.

        What is no notification is dropped: refusing it would make the publisher repeat it for ever.
        """
        event_type = TYPES.get(attributes.get("eventType", ""))
        try:
            if event_type is not None:
                self.accept(event_type, json.loads(data))
        except (ValueError, KeyError, TypeError) as exc:
            _log.warning("action=hear outcome=dropped trouble=%r", exc)

    def accept(self, event_type: str, resource: Mapping[str, Any]) -> None:
        """Owe the change to every trigger that wants it; when this returns, no crash can lose it."""
        event = object_event(event_type, resource)
        wanting = self._wanting(event_type, event)
        if wanting:
            self._outbox.accept(event, wanting, self._now_s(), reorder_delay_s=self._faults.reorder_delay_s())
            self.wake()

    def mark_processed(self, event_type: str, resource: Mapping[str, Any]) -> None:
        """Owe the change to nobody, although it may be reported yet: it is older than the triggers."""
        event = object_event(event_type, resource)
        self._outbox.mark_processed(event, self._wanting(event_type, event), self._now_s())

    def _wanting(self, event_type: str, event: CloudEvent) -> list[str]:
        return [trigger.name for trigger in self._triggers.values() if trigger.wants(event_type, event.bucket)]

    def send_due(self) -> float | None:
        for delivery in self._outbox.owed():
            if delivery.key in self._under_way or delivery.trigger not in self._triggers:
                continue
            if len(self._under_way) >= _MOST_UNDER_WAY:
                return None
            wait_s = delivery.due_s - self._now_s()
            if wait_s > 0:
                return wait_s
            if self._now_s() - delivery.accepted_s >= RETENTION_S:
                self._drop(delivery)
            else:
                self._send(delivery)
        return None

    def _drop(self, delivery: Delivery) -> None:
        self._outbox.settle(delivery)
        _log.warning(
            "action=deliver outcome=dropped trigger=%s event=%s attempts=%d",
            delivery.trigger, delivery.event.id, delivery.attempts,
        )  # fmt: skip

    def _send(self, delivery: Delivery) -> None:
        self._under_way.add(delivery.key)
        self._spawn(self._attempt(delivery))
        if self._faults.duplicates.must_repeat():  # its answer is lost: that is what makes it a duplicate
            self._spawn(self._courier.deliver(self._triggers[delivery.trigger], delivery.event))

    async def _attempt(self, delivery: Delivery) -> None:
        try:
            outcome = await self._courier.deliver(self._triggers[delivery.trigger], delivery.event)
            if outcome.acknowledged:
                self._outbox.settle(delivery)
            else:
                wait_s = self._backoff.wait_s(delivery.attempts + 1)
                self._outbox.postpone(delivery.failed(self._now_s() + wait_s))
                _log.warning(
                    "action=deliver trigger=%s event=%s attempt=%d status=%s trouble=%s wait_s=%.1f",
                    delivery.trigger, delivery.event.id, delivery.attempts + 1, outcome.status, outcome.trouble, wait_s,
                )  # fmt: skip
        finally:
            self._under_way.discard(delivery.key)
            self.wake()
