"""Which trigger gets which change, and its delivery with backoff until the destination acknowledges it.

Faults on request: an event is delivered twice, or a later one first.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import httpx

from localcloud.delivery import Dispatching, Draw, Duplicates, Outcome, read_rate
from localcloud.eventarc.events import TYPES, CloudEvent, binary_mode, object_event, structured_mode
from localcloud.eventarc.outbox import Delivery, Outbox
from localcloud.eventarc.triggers import Config, Service, Trigger, Workflow
from localcloud.identity import Identity
from localcloud.serving import ApiError

DEFAULT_HOLD_S = 1.0
LONGEST_HOLD_S = 600.0


class Faults:
    def __init__(self) -> None:
        self.duplicates = Duplicates()
        self.clear()

    def clear(self) -> None:
        self.duplicates.clear()
        self._reorder = Draw()
        self._hold_s = DEFAULT_HOLD_S

    def order(self, settings: Mapping[str, Any]) -> None:
        """Replace the order: ``{"duplicate_rate", "reorder_rate": 0..1, "hold_s", "seed"}``; counts start again.

        An event drawn for reordering is held back for ``hold_s``, so that those reported meanwhile overtake it.

        Raises: ApiError.
        """
        rate, hold_s = read_rate(settings, "reorder_rate"), settings.get("hold_s", DEFAULT_HOLD_S)
        if isinstance(hold_s, bool) or not isinstance(hold_s, int | float) or not 0 < hold_s <= LONGEST_HOLD_S:
            raise ApiError(400, f"hold_s is a number of seconds up to {LONGEST_HOLD_S:g}, got {hold_s!r}.")
        self.duplicates.order({key: value for key, value in settings.items() if key not in {"reorder_rate", "hold_s"}})
        self._reorder, self._hold_s = Draw(rate, settings.get("seed", 0)), float(hold_s)

    def reorder_delay_s(self) -> float:
        """For how long the event at hand is kept from being delivered; usually 0."""
        return self._hold_s if self._reorder.triggers() else 0.0

    def report(self) -> dict[str, Any]:
        reordering = {"reorder_rate": self._reorder.rate, "hold_s": self._hold_s, "reordered": self._reorder.happened}
        return self.duplicates.report() | reordering


# An event must be acknowledged within ten minutes.
_ACK_DEADLINE_S = 600.0
_USER_AGENT = "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)"


class HttpDelivery:
    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._client = httpx.AsyncClient(trust_env=False, timeout=None)  # noqa: S113 - see deliver()

    async def close(self) -> None:
        await self._client.aclose()

    async def deliver(self, trigger: Trigger, event: CloudEvent) -> Outcome:
        try:
            async with asyncio.timeout(_ACK_DEADLINE_S):
                headers, body = await self._spelled(trigger, event)
                answer = await self._client.post(
                    trigger.destination.url, content=body, headers={"User-Agent": _USER_AGENT, **headers}
                )
        except Exception as exc:  # noqa: BLE001 - whatever goes wrong on the way is an attempt without an answer
            return Outcome(None, trouble=repr(exc))
        return Outcome(answer.status_code)

    async def _spelled(self, trigger: Trigger, event: CloudEvent) -> tuple[dict[str, str], bytes]:
        match trigger.destination:
            case Service(audience=audience):
                headers, body = binary_mode(event)
                token = await self._identity.id_token(audience, trigger.account) if trigger.account else None
            case Workflow():
                headers = {"Content-Type": "application/json"}
                body = json.dumps({"argument": json.dumps(structured_mode(event))}).encode()
                token = await self._identity.access_token(trigger.account) if trigger.account else None
        return {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}, body


_log = logging.getLogger(__name__)

# Eventarc's default retention (its "Retry events" page, read 2026-11); an event not acknowledged by then is dropped.
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
        """Deliver the change to no trigger, although it may still be notified: it is older than the triggers."""
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
