"""The documents of a `JobStore` as JSON, past the code under test."""

from typing import Any, Protocol

from promptreel.adapters.firestore import FirestoreJobs
from promptreel.ports.storage import JobStore
from tests.fakes.jobs import MemoryJobs


class RawDocuments(Protocol):
    """What lies at a path of the layout."""

    def store(self, path: str, data: dict[str, Any]) -> None: ...
    def read(self, path: str) -> dict[str, Any]: ...


class FirestoreDocuments:
    """Through Google's own client."""

    def __init__(self, jobs: FirestoreJobs) -> None:
        self._client = jobs._db

    def store(self, path: str, data: dict[str, Any]) -> None:
        self._client.document(path).set(data)

    def read(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self._client.document(path).get().to_dict() or {}
        return found


class MemoryDocuments:
    """Of the fake."""

    def __init__(self, jobs: JobStore) -> None:
        assert isinstance(jobs, MemoryJobs)
        self._jobs = jobs

    def store(self, path: str, data: dict[str, Any]) -> None:
        self._jobs.store(path, data)

    def read(self, path: str) -> dict[str, Any]:
        return self._jobs.stored(path)
