"""What is billed: one line for each accepted prediction, at nothing until it is known how the prediction ended.

A success costs the seconds of its clip. A failure costs nothing, nor does what ended before it started. A prediction
that is canceled while it runs costs all of it: the service charges for it and does not say how much, so the stand-in
takes the dearest reading (https://replicate.com/changelog/2025-10-16-prediction-deadlines).
"""

import sqlite3
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS ledger (
    n INTEGER PRIMARY KEY, at TEXT NOT NULL, model TEXT NOT NULL, method TEXT NOT NULL, micros INTEGER NOT NULL,
    operation TEXT NOT NULL, outcome TEXT NOT NULL);
"""
COLUMNS = ("n", "at", "model", "method", "micros", "operation", "outcome")


class Ledger:
    """The lines, oldest first; `operation` is the prediction's id, amounts are integer micro-dollars."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def enter(self, *, at: str, model: str, method: str, operation: str) -> int:
        """A line for an accepted prediction, as answer_lost until `answered`; its number, counted from 1."""
        row = self._db.execute(
            "INSERT INTO ledger (at, model, method, micros, operation, outcome) "
            "VALUES (?, ?, ?, 0, ?, 'answer_lost') RETURNING n",
            (at, model, method, operation),
        ).fetchone()
        return int(row[0])

    def answered(self, n: int) -> None:
        """The answer is on its way; a worse outcome already known stays."""
        self._db.execute("UPDATE ledger SET outcome = 'delivered' WHERE n = ? AND outcome = 'answer_lost'", (n,))

    def settle(self, n: int, micros: int, outcome: str | None = None) -> None:
        """What it costs after all and, unless it succeeded, how it ended."""
        self._db.execute(
            "UPDATE ledger SET micros = ?, outcome = coalesce(?, outcome) WHERE n = ?", (micros, outcome, n)
        )

    def lines(self) -> list[dict[str, Any]]:
        rows = self._db.execute(f"SELECT {', '.join(COLUMNS)} FROM ledger ORDER BY n")  # noqa: S608 - a constant
        return [dict(zip(COLUMNS, row, strict=True)) for row in rows]

    def spent_micros(self) -> int:
        return int(self._db.execute("SELECT coalesce(sum(micros), 0) FROM ledger").fetchone()[0])

    def clear(self) -> None:
        self._db.execute("DELETE FROM ledger")
