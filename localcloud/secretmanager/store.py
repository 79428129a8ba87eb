"""Secrets and their versions, kept in SQLite so that a killed stand-in still knows them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from localcloud import database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, message TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS versions (
    secret TEXT NOT NULL, number INTEGER NOT NULL, data BLOB, created TEXT NOT NULL, PRIMARY KEY (secret, number)
);
"""


@dataclass(frozen=True, slots=True)
class Secret:
    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Version:
    secret: str
    number: int
    data: bytes | None  # None when it is destroyed
    created: str

    @property
    def name(self) -> str:
        return f"{self.secret}/versions/{self.number}"


class Store:
    def __init__(self, state_dir: Path | None) -> None:
        """Keep everything in `state_dir`, or for this process only without one."""
        self._db = database.open_database(state_dir, "secretmanager", _SCHEMA)

    def create(self, secret: Secret) -> bool:
        """Store a secret unless its name is taken; tell whether it was stored."""
        insert = "INSERT INTO secrets (name, message) VALUES (?, ?) ON CONFLICT DO NOTHING"
        return self._db.execute(insert, (secret.name, secret.message)).rowcount == 1

    def add_version(self, secret: str, data: bytes, now_s: float) -> Version | None:
        """Store the next version; None without such a secret."""
        with database.transaction(self._db):
            if self._db.execute("SELECT 1 FROM secrets WHERE name = ?", (secret,)).fetchone() is None:
                return None
            (latest,) = self._db.execute("SELECT max(number) FROM versions WHERE secret = ?", (secret,)).fetchone()
            created = datetime.fromtimestamp(now_s, UTC).isoformat().replace("+00:00", "Z")
            version = Version(secret, (latest or 0) + 1, data, created)
            self._db.execute(
                "INSERT INTO versions (secret, number, data, created) VALUES (?, ?, ?, ?)",
                (version.secret, version.number, version.data, version.created),
            )
        return version

    def version(self, secret: str, number: str) -> Version | None:
        """A version by its number, or ``latest``."""
        latest = "SELECT max(number) FROM versions WHERE secret = :secret"
        wanted = f"({latest})" if number == "latest" else ":number"
        row = self._db.execute(
            f"SELECT secret, number, data, created FROM versions WHERE secret = :secret AND number = {wanted}",  # noqa: S608 - constants
            {"secret": secret, "number": number},
        ).fetchone()
        return None if row is None else Version(*row)

    def destroy(self, version: Version) -> None:
        self._db.execute(
            "UPDATE versions SET data = NULL WHERE secret = ? AND number = ?", (version.secret, version.number)
        )
