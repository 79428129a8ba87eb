"""Jobs in SQLite: what a killed stand-in still knows when it comes back. Rules live elsewhere: this file only keeps."""

from pathlib import Path
from typing import Any

from localcloud import database
from localcloud.scheduler import wire

_SCHEMA = "CREATE TABLE IF NOT EXISTS jobs (name TEXT PRIMARY KEY, message BLOB NOT NULL)"


class Store:
    def __init__(self, state_dir: Path | None) -> None:
        """Keep everything in `state_dir`, or for this process only without one."""
        self._db = database.open_database(state_dir, "scheduler", _SCHEMA)

    def close(self) -> None:
        self._db.close()

    def clear(self) -> None:
        self._db.execute("DELETE FROM jobs")

    def job(self, name: str) -> Any | None:
        row = self._db.execute("SELECT message FROM jobs WHERE name = ?", (name,)).fetchone()
        return None if row is None else wire.Job.FromString(row[0])

    def jobs(self) -> list[Any]:
        """By name."""
        rows = self._db.execute("SELECT message FROM jobs ORDER BY name")
        return [wire.Job.FromString(message) for (message,) in rows]

    def save(self, job: Any) -> None:
        self._db.execute("REPLACE INTO jobs VALUES (?, ?)", (job.name, job.SerializeToString()))

    def delete(self, name: str) -> None:
        self._db.execute("DELETE FROM jobs WHERE name = ?", (name,))
