"""What must survive the process: predictions, webhooks that are owed, the ledger and the orders, in one SQLite file.

Every change is committed before a client can see its effect. Rendered clips are files in a folder beside it.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from localcloud.database import open_database, transaction
from localcloud.replicate import ledger
from localcloud.vertex.store import Attached

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS predictions (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, created_s REAL NOT NULL, ended INTEGER NOT NULL,
    expires_s REAL, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS webhooks (
    n INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL, url TEXT NOT NULL, body TEXT NOT NULL,
    is_terminal INTEGER NOT NULL, attempts INTEGER NOT NULL, due_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS attached (ledger_n INTEGER PRIMARY KEY, model TEXT NOT NULL, pictures TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
{ledger.SCHEMA}
"""
ENDED = frozenset({"succeeded", "failed", "canceled", "aborted"})
_ID_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_ID_LENGTH = 26
_SECRET_BYTES = 24


@dataclass(frozen=True, slots=True)
class Prediction:
    """All that is known of one prediction. Moments are seconds since the epoch; ``micros`` is its price."""

    id: str
    model: str
    input: dict[str, Any]
    created_s: float
    starts_s: float
    due_s: float
    micros: int
    ledger_n: int = 0
    deadline_s: float | None = None
    webhook: str | None = None
    events: tuple[str, ...] = ()
    faults: dict[str, Any] = field(default_factory=dict)
    status: str = "starting"
    started_s: float | None = None
    completed_s: float | None = None
    output_url: str | None = None
    seconds: int = 0
    error: str | None = None
    logs: str = ""
    expires_s: float | None = None
    data_removed: bool = False

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class OwedWebhook:
    n: int
    message_id: str
    url: str
    body: str
    is_terminal: bool
    attempts: int
    due_s: float


def new_id() -> str:
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))


class Store:
    """One connection, used from the event loop's thread only."""

    def __init__(self, state_dir: Path | None, clips: Path) -> None:
        clips.mkdir(parents=True, exist_ok=True)
        self.clips = clips
        self._db = open_database(state_dir, "replicate", _SCHEMA)
        self.ledger = ledger.Ledger(self._db)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def together(self) -> Iterator[sqlite3.Connection]:
        """Several changes, all or none."""
        with transaction(self._db):
            yield self._db

    def clear(self) -> None:
        """Forget everything but the signing secret, which belongs to the account."""
        with self.together():
            self.ledger.clear()
            self._db.execute("DELETE FROM predictions")
            self._db.execute("DELETE FROM webhooks")
            self._db.execute("DELETE FROM attached")
            self._db.execute("DELETE FROM settings WHERE name != 'webhook_secret'")
        for clip in self.clips.iterdir():
            clip.unlink()

    # Predictions.

    def add(self, prediction: Prediction) -> None:
        self._db.execute(
            "INSERT INTO predictions (id, created_s, ended, expires_s, document) VALUES (?, ?, 0, NULL, ?)",
            (prediction.id, prediction.created_s, json.dumps(asdict(prediction))),
        )

    def update(self, prediction: Prediction) -> None:
        self._db.execute(
            "UPDATE predictions SET ended = ?, expires_s = ?, document = ? WHERE id = ?",
            (
                prediction.has_ended,
                None if prediction.data_removed else prediction.expires_s,
                json.dumps(asdict(prediction)),
                prediction.id,
            ),
        )

    def prediction(self, prediction_id: str) -> Prediction | None:
        row = self._db.execute("SELECT document FROM predictions WHERE id = ?", (prediction_id,)).fetchone()
        return _prediction(row[0]) if row else None

    def unfinished(self) -> list[Prediction]:
        return [_prediction(row[0]) for row in self._db.execute("SELECT document FROM predictions WHERE NOT ended")]

    def expired(self, now_s: float) -> list[Prediction]:
        """Those whose data is to be removed."""
        rows = self._db.execute("SELECT document FROM predictions WHERE expires_s <= ?", (now_s,))
        return [_prediction(row[0]) for row in rows]

    def listed(
        self, *, before_n: int | None, after_n: int | None, window: tuple[float, float], count: int
    ) -> list[tuple[int, Prediction]]:
        """Up to `count` predictions of the window with their numbers, newest first.

        Those older than `before_n`; or with `after_n` the nearest newer ones.
        """
        order = "ASC" if after_n is not None else "DESC"
        rows = self._db.execute(
            f"SELECT n, document FROM predictions WHERE n < ? AND n > ? AND created_s >= ? AND created_s < ?"  # noqa: S608
            f" ORDER BY n {order} LIMIT ?",
            (before_n or 1 << 62, after_n or 0, *window, count),
        ).fetchall()
        return sorted(((n, _prediction(document)) for n, document in rows), key=lambda row: -row[0])

    # What predictions fetched.

    def attach(self, prediction: Prediction, pictures: Sequence[Attached]) -> None:
        """Keep what the prediction was given to see, in its order; a later run replaces it."""
        listed = json.dumps([asdict(each) for each in pictures])
        self._db.execute(
            "INSERT OR REPLACE INTO attached VALUES (?, ?, ?)", (prediction.ledger_n, prediction.model, listed)
        )

    def attached(self) -> list[dict[str, Any]]:
        """What each prediction was given to see, by ledger number."""
        rows = self._db.execute("SELECT ledger_n, model, pictures FROM attached ORDER BY ledger_n")
        return [{"n": n, "model": model, "attached": json.loads(pictures)} for n, model, pictures in rows]

    # Webhooks.

    def owe(self, message_id: str, url: str, body: str, *, is_terminal: bool, due_s: float) -> None:
        self._db.execute(
            "INSERT INTO webhooks (message_id, url, body, is_terminal, attempts, due_s) VALUES (?, ?, ?, ?, 0, ?)",
            (message_id, url, body, is_terminal, due_s),
        )

    def owed(self) -> list[OwedWebhook]:
        """Webhooks that are to be sent, the most urgent first."""
        rows = self._db.execute(
            "SELECT n, message_id, url, body, is_terminal, attempts, due_s FROM webhooks ORDER BY due_s, n"
        )
        return [OwedWebhook(*row) for row in rows]

    def postpone(self, n: int, due_s: float) -> None:
        self._db.execute("UPDATE webhooks SET attempts = attempts + 1, due_s = ? WHERE n = ?", (due_s, n))

    def settle_webhook(self, n: int) -> None:
        self._db.execute("DELETE FROM webhooks WHERE n = ?", (n,))

    # Orders and secrets.

    def save(self, name: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, json.dumps(value)))

    def saved(self, name: str) -> Any:
        row = self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def webhook_key(self) -> bytes:
        """The key that signs webhooks; made once."""
        if (saved := self.saved("webhook_secret")) is None:
            saved = secrets.token_bytes(_SECRET_BYTES).hex()
            self.save("webhook_secret", saved)
        return bytes.fromhex(saved)


def _prediction(document: str) -> Prediction:
    data = json.loads(document)
    return Prediction(**{**data, "events": tuple(data["events"])})
