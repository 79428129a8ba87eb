"""Queues, tasks, operations and blocked names in SQLite: what a killed stand-in still knows when it comes back.

Every method is one transaction, finished before the caller answers anybody. Rules live elsewhere: this file only keeps.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud import database
from localcloud.tasks import resources

_SCHEMA = """
CREATE TABLE IF NOT EXISTS queues (
    name TEXT PRIMARY KEY,
    message BLOB NOT NULL,
    tokens REAL,
    tokens_at_s REAL
);
CREATE TABLE IF NOT EXISTS tasks (
    name TEXT PRIMARY KEY,
    queue TEXT NOT NULL,
    due_s REAL NOT NULL,
    message BLOB NOT NULL,
    executions INTEGER NOT NULL DEFAULT 0,
    previous_status INTEGER
);
CREATE INDEX IF NOT EXISTS tasks_by_due ON tasks (queue, due_s);
CREATE TABLE IF NOT EXISTS operations (name TEXT PRIMARY KEY, message BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS blocked_names (name TEXT PRIMARY KEY, free_at_s REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class StoredTask:
    message: Any  # the Task as the API shows it, attempts included
    due_s: float
    executions: int = 0  # answers of the worker outside 5xx, as the header X-CloudTasks-TaskExecutionCount counts
    previous_status: int | None = None  # of the last attempt that was answered

    @property
    def name(self) -> str:
        return str(self.message.name)


class Store:
    def __init__(self, state_dir: Path | None) -> None:
        """Keep everything in `state_dir`, or for this process only without one."""
        self._db = database.open_database(state_dir, "tasks", _SCHEMA)

    def close(self) -> None:
        self._db.close()

    def clear(self) -> None:
        with database.transaction(self._db):
            for table in ("queues", "tasks", "operations", "blocked_names"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the line above

    # Queues

    def queue(self, name: str) -> Any | None:
        row = self._db.execute("SELECT message FROM queues WHERE name = ?", (name,)).fetchone()
        return None if row is None else resources.Queue.FromString(row[0])

    def queues(self, location: str = "") -> list[Any]:
        rows = self._db.execute("SELECT message FROM queues ORDER BY name")
        queues = [resources.Queue.FromString(message) for (message,) in rows]
        return [queue for queue in queues if queue.name.startswith(f"{location}/")] if location else queues

    def save_queue(self, queue: Any) -> None:
        self._db.execute(
            "INSERT INTO queues (name, message) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET message = excluded.message",
            (queue.name, queue.SerializeToString()),
        )

    def tokens(self, queue: str) -> tuple[float, float] | None:
        """What was left in the queue's bucket, and when; None before its first dispatch."""
        row = self._db.execute("SELECT tokens, tokens_at_s FROM queues WHERE name = ?", (queue,)).fetchone()
        return None if row is None or row[0] is None else (row[0], row[1])

    def save_tokens(self, queue: str, tokens: float, at_s: float) -> None:
        self._db.execute("UPDATE queues SET tokens = ?, tokens_at_s = ? WHERE name = ?", (tokens, at_s, queue))

    def delete_queue(self, name: str, *, blocked_until_s: float) -> None:
        with database.transaction(self._db):
            self._db.execute("DELETE FROM queues WHERE name = ?", (name,))
            self._db.execute("DELETE FROM tasks WHERE queue = ?", (name,))
            self._db.execute("REPLACE INTO blocked_names VALUES (?, ?)", (name, blocked_until_s))

    # Tasks

    def task(self, name: str) -> StoredTask | None:
        row = self._db.execute(
            "SELECT message, due_s, executions, previous_status FROM tasks WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else _stored(row)

    def tasks(self, queue: str, *, after: str = "", limit: int = -1) -> list[StoredTask]:
        """The queue's tasks by name, beginning behind `after`."""
        rows = self._db.execute(
            "SELECT message, due_s, executions, previous_status FROM tasks WHERE queue = ? AND name > ?"
            " ORDER BY name LIMIT ?",
            (queue, after, limit),
        )
        return [_stored(row) for row in rows]

    def by_due(self, queue: str) -> Iterator[tuple[str, float]]:
        """Names and due times of the queue's tasks, the earliest first; read lazily."""
        yield from self._db.execute("SELECT name, due_s FROM tasks WHERE queue = ? ORDER BY due_s, rowid", (queue,))

    def add_task(self, queue: str, task: StoredTask) -> None:
        self._db.execute(
            "INSERT INTO tasks (name, queue, due_s, message) VALUES (?, ?, ?, ?)",
            (task.name, queue, task.due_s, task.message.SerializeToString()),
        )

    def update_task(self, task: StoredTask) -> bool:
        """Replace a task that still exists; False if it was deleted meanwhile."""
        done = self._db.execute(
            "UPDATE tasks SET due_s = ?, message = ?, executions = ?, previous_status = ? WHERE name = ?",
            (task.due_s, task.message.SerializeToString(), task.executions, task.previous_status, task.name),
        )
        return done.rowcount == 1

    def delete_task(self, name: str, *, blocked_until_s: float) -> bool:
        """Remove a task and block its name; False, and nothing done, if there is no such task."""
        with database.transaction(self._db):
            if self._db.execute("DELETE FROM tasks WHERE name = ?", (name,)).rowcount == 0:
                return False
            self._db.execute("REPLACE INTO blocked_names VALUES (?, ?)", (name, blocked_until_s))
            return True

    def purge_queue(self, name: str, *, blocked_until_s: float) -> None:
        with database.transaction(self._db):
            self._db.execute(
                "REPLACE INTO blocked_names SELECT name, ? FROM tasks WHERE queue = ?", (blocked_until_s, name)
            )
            self._db.execute("DELETE FROM tasks WHERE queue = ?", (name,))

    # Operations

    def operation(self, name: str) -> Any | None:
        row = self._db.execute("SELECT message FROM operations WHERE name = ?", (name,)).fetchone()
        return None if row is None else resources.Operation.FromString(row[0])

    def save_operation(self, operation: Any) -> None:
        self._db.execute("INSERT INTO operations VALUES (?, ?)", (operation.name, operation.SerializeToString()))

    # Blocked names

    def is_blocked(self, name: str, now_s: float) -> bool:
        self._db.execute("DELETE FROM blocked_names WHERE free_at_s <= ?", (now_s,))
        return self._db.execute("SELECT 1 FROM blocked_names WHERE name = ?", (name,)).fetchone() is not None


def _stored(row: tuple[bytes, float, int, int | None]) -> StoredTask:
    message, due_s, executions, previous_status = row
    return StoredTask(resources.Task.FromString(message), due_s, executions, previous_status)
