"""How the stand-ins keep what a killed process must still know: one SQLite file for each. No schema may enter here."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def open_database(state_dir: Path | None, name: str, schema: str) -> sqlite3.Connection:
    """The database `name` in `state_dir`, or one for this process only without a folder; every statement commits."""
    if state_dir is not None:
        state_dir.mkdir(parents=True, exist_ok=True)
    where = ":memory:" if state_dir is None else str(state_dir / f"{name}.sqlite3")
    # One thread at a time uses it, but not always the thread that opened it.
    connection = sqlite3.connect(where, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # survives a killed process; a power cut is not promised
    connection.executescript(schema)
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Several statements, all or none."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:  # commits, or rolls back on an exception
        yield
