"""What must survive the process: operations, the billing ledger, rules and profile, in one SQLite file.

Every change is committed before its effect is visible to a client, so SIGKILL at any line loses nothing.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

_SCHEMA = """
create table if not exists ledger (
    n integer primary key, at text not null, model text not null, method text not null, micros integer not null,
    storage_uri text, operation text, outcome text not null);
create table if not exists operations (
    name text primary key, ledger_n integer not null, due_at real not null, plan text not null, answer text);
create table if not exists blobs (digest text primary key, content blob not null);
create table if not exists attached (
    ledger_n integer not null, place integer not null, uri text not null, sha256 text not null);
create table if not exists settings (name text primary key, value text not null);
"""
LEDGER_COLUMNS = ("n", "at", "model", "method", "micros", "storage_uri", "operation", "outcome")


@dataclass(frozen=True, slots=True)
class Operation:
    """A clip being made. ``due_at`` is seconds since the epoch; ``answer`` is what polls say once it is there."""

    name: str
    ledger_n: int
    due_at: float
    plan: dict[str, Any]
    answer: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Attached:
    """A picture, clip or sound of a request: its address, empty where it was sent inline, and its digest."""

    uri: str
    sha256: str

    @classmethod
    def of(cls, uri: str, content: bytes) -> "Attached":
        return cls(uri, hashlib.sha256(content).hexdigest())


class Store:
    """One connection, used from the event loop's thread only."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.clips = folder / "clips"
        self.clips.mkdir(exist_ok=True)
        self._db = sqlite3.connect(folder / "vertex.sqlite", isolation_level=None)
        self._db.execute("pragma journal_mode = wal")
        # A commit then survives the end of the process, though not of the machine: enough for a stand-in.
        self._db.execute("pragma synchronous = normal")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def clear(self) -> None:
        for table in ("ledger", "operations", "blobs", "attached", "settings"):
            self._db.execute(f"delete from {table}")  # noqa: S608 - names from the line above
        for clip in self.clips.iterdir():
            clip.unlink()

    def bill(
        self,
        *,
        at: str,
        model: str,
        method: str,
        micros: int,
        storage_uri: str | None = None,
        attached: Sequence[Attached] = (),
    ) -> int:
        """Enter an accepted call, as answer_lost until `answered`; returns its number, counted from 1."""
        with self._together():
            row = self._db.execute(
                "insert into ledger (at, model, method, micros, storage_uri, outcome) "
                "values (?, ?, ?, ?, ?, 'answer_lost') returning n",
                (at, model, method, micros, storage_uri),
            ).fetchone()
            rows = [(row[0], place, each.uri, each.sha256) for place, each in enumerate(attached)]
            self._db.executemany("insert into attached values (?, ?, ?, ?)", rows)
        return int(row[0])

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Several changes, all or none; part of the transaction that is open, if one is."""
        if self._db.in_transaction:
            yield
            return
        with self._db:
            self._db.execute("begin")
            yield

    def attached(self) -> list[dict[str, Any]]:
        """What each accepted call showed, in its order, by ledger number; calls that showed nothing are left out."""
        rows = self._db.execute(
            "select n, model, method, uri, sha256 from attached join ledger on n = ledger_n order by n, place"
        )
        found: dict[int, dict[str, Any]] = {}
        for n, model, method, uri, sha256 in rows:
            call = found.setdefault(n, {"n": n, "model": model, "method": method, "attached": []})
            call["attached"].append(asdict(Attached(uri, sha256)))
        return list(found.values())

    def settle(self, n: int, outcome: str | None, micros: int | None = None) -> None:
        """Note how the call ended, and what it costs if that changed."""
        self._db.execute(
            "update ledger set outcome = coalesce(?, outcome), micros = coalesce(?, micros) where n = ?",
            (outcome, micros, n),
        )

    def answered(self, n: int) -> None:
        """The answer is on its way; a worse outcome already known stays."""
        self._db.execute("update ledger set outcome = 'delivered' where n = ? and outcome = 'answer_lost'", (n,))

    def ledger(self) -> list[dict[str, Any]]:
        rows = self._db.execute(f"select {', '.join(LEDGER_COLUMNS)} from ledger order by n")  # noqa: S608 - a constant
        return [dict(zip(LEDGER_COLUMNS, row, strict=True)) for row in rows]

    def accept(self, operation: Operation, **bill: Any) -> Operation:
        """Begin an operation and bill it (see `bill`), both or neither; it comes back with its ledger number."""
        with self._together():
            accepted = replace(operation, ledger_n=self.bill(**bill))
            self._db.execute("update ledger set operation = ? where n = ?", (accepted.name, accepted.ledger_n))
            self._db.execute(
                "insert into operations (name, ledger_n, due_at, plan) values (?, ?, ?, ?)",
                (accepted.name, accepted.ledger_n, accepted.due_at, json.dumps(accepted.plan)),
            )
        return accepted

    def finish(
        self, operation: Operation, answer: Mapping[str, Any], *, outcome: str | None = None, micros: int | None = None
    ) -> None:
        """Store what polls say from now on and, where given, how the call ended: both or neither."""
        with self._together():
            self._db.execute("update operations set answer = ? where name = ?", (json.dumps(answer), operation.name))
            self.settle(operation.ledger_n, outcome, micros)

    def amend(self, operation: Operation, **plan: Any) -> Operation:
        """Note something in an operation's plan; one that is being made goes on as it was begun."""
        amended = replace(operation, plan=operation.plan | plan)
        self._db.execute("update operations set plan = ? where name = ?", (json.dumps(amended.plan), amended.name))
        return amended

    def operation(self, name: str) -> Operation | None:
        return next(iter(self._operations("where name = ?", name)), None)

    def unfinished(self) -> list[Operation]:
        return self._operations("where answer is null")

    def _operations(self, where: str, *values: str) -> list[Operation]:
        rows = self._db.execute(
            f"select name, ledger_n, due_at, plan, answer from operations {where}",  # noqa: S608 - ours
            values,
        )
        return [Operation(r[0], r[1], r[2], json.loads(r[3]), json.loads(r[4]) if r[4] else None) for r in rows]

    def keep(self, content: bytes) -> str:
        """Store bytes under their digest, which is returned."""
        digest = hashlib.sha256(content).hexdigest()
        self._db.execute("insert or ignore into blobs values (?, ?)", (digest, content))
        return digest

    def blob(self, digest: str) -> bytes:
        return bytes(self._db.execute("select content from blobs where digest = ?", (digest,)).fetchone()[0])

    def save(self, name: str, value: Any) -> None:
        self._db.execute("insert or replace into settings values (?, ?)", (name, json.dumps(value)))

    def saved(self, name: str) -> Any:
        row = self._db.execute("select value from settings where name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None
