"""Deliveries that are owed, in SQLite: an event that was accepted survives a killed process until it is delivered.

Also remembers which objects were seen, so that changes made while the stand-in was down are found by the next start.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from localcloud import database
from localcloud.eventarc.events import CloudEvent

_SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
    trigger TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    accepted_s REAL NOT NULL,
    due_s REAL NOT NULL,
    delivered INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (trigger, event_id)
);
CREATE INDEX IF NOT EXISTS deliveries_owed ON deliveries (delivered, due_s);
CREATE TABLE IF NOT EXISTS seen_objects (
    bucket TEXT NOT NULL,
    name TEXT NOT NULL,
    generation TEXT NOT NULL,
    PRIMARY KEY (bucket, name)
);
CREATE TABLE IF NOT EXISTS watched_buckets (bucket TEXT PRIMARY KEY);
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    trigger: str
    event: CloudEvent
    attempts: int  # made so far
    accepted_s: float  # epoch seconds
    due_s: float

    @property
    def key(self) -> tuple[str, str]:
        return self.trigger, self.event.id

    def failed(self, due_s: float) -> Self:
        return replace(self, attempts=self.attempts + 1, due_s=due_s)


class Outbox:
    def __init__(self, state_dir: Path | None) -> None:
        """Keep everything in `state_dir`, or for this process only without one."""
        self._db = database.open_database(state_dir, "eventarc", _SCHEMA)

    def close(self) -> None:
        self._db.close()

    def clear(self) -> None:
        """Forget what is owed and delivered; what was seen stays, or the next start would deliver it again."""
        self._db.execute("DELETE FROM deliveries")

    def accept(self, event: CloudEvent, triggers: Iterable[str], now_s: float, *, reorder_delay_s: float = 0.0) -> None:
        """Owe the event to each trigger, once, however often it is reported; not due before it was held back."""
        with database.transaction(self._db):
            self._see(event.data)
            for trigger in triggers:
                self._db.execute(
                    "INSERT OR IGNORE INTO deliveries (trigger, event_id, event, attempts, accepted_s, due_s)"
                    " VALUES (?, ?, ?, 0, ?, ?)",
                    (trigger, event.id, json.dumps(asdict(event)), now_s, now_s + reorder_delay_s),
                )

    def mark_processed(self, event: CloudEvent, triggers: Iterable[str], now_s: float) -> None:
        """Mark the event as delivered before it is reported."""
        for trigger in triggers:
            self._db.execute(
                "INSERT OR IGNORE INTO deliveries (trigger, event_id, event, attempts, accepted_s, due_s, delivered)"
                " VALUES (?, ?, ?, 0, ?, ?, 1)",
                (trigger, event.id, json.dumps(asdict(event)), now_s, now_s),
            )

    def owed(self) -> list[Delivery]:
        """Everything not delivered yet, the earliest due first."""
        rows = self._db.execute(
            "SELECT trigger, event, attempts, accepted_s, due_s FROM deliveries WHERE delivered = 0"
            " ORDER BY due_s, rowid"
        )
        return [
            Delivery(trigger, CloudEvent(**json.loads(event)), attempts, accepted_s, due_s)
            for trigger, event, attempts, accepted_s, due_s in rows
        ]

    def postpone(self, delivery: Delivery) -> None:
        self._db.execute(
            "UPDATE deliveries SET attempts = ?, due_s = ? WHERE trigger = ? AND event_id = ?",
            (delivery.attempts, delivery.due_s, *delivery.key),
        )

    def settle(self, delivery: Delivery) -> None:
        """Delivered, or dropped: kept as a mark only, so that a second report of the change owes nothing."""
        self._db.execute("UPDATE deliveries SET delivered = 1 WHERE trigger = ? AND event_id = ?", delivery.key)

    # What was seen

    def is_watched(self, bucket: str) -> bool:
        """Whether an earlier look at the bucket was completed."""
        return self._db.execute("SELECT 1 FROM watched_buckets WHERE bucket = ?", (bucket,)).fetchone() is not None

    def watch(self, bucket: str, resources: Iterable[dict[str, Any]]) -> None:
        """Remember the bucket's present content as already processed."""
        with database.transaction(self._db):
            self._db.execute("INSERT OR IGNORE INTO watched_buckets VALUES (?)", (bucket,))
            for resource in resources:
                self._see(resource)

    def has_seen(self, resource: dict[str, Any]) -> bool:
        row = self._db.execute(
            "SELECT generation FROM seen_objects WHERE bucket = ? AND name = ?", (resource["bucket"], resource["name"])
        ).fetchone()
        return row is not None and int(row[0]) >= int(resource["generation"])

    def _see(self, resource: Any) -> None:
        if not self.has_seen(resource):
            self._db.execute(
                "REPLACE INTO seen_objects VALUES (?, ?, ?)",
                (resource["bucket"], resource["name"], str(resource["generation"])),
            )
