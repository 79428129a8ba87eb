"""Step boundaries, seen from outside: Firestore reports every new state of a document at once."""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client

from tests.chaos.history import History


class Boundaries:
    """Counts boundaries and lets one wait for the next; a boundary is named ``job STITCH``, and so on."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._last: dict[str, str] = {}
        self._change = threading.Condition()
        self.seen: Counter[str] = Counter()

    def wait(self, boundary: str, within_s: float, still: threading.Event) -> bool:
        """Whether the boundary came within this time; given up early when ``still`` is set."""
        deadline = time.monotonic() + within_s
        with self._change:
            before = self.seen[boundary]
            while self.seen[boundary] == before:
                if time.monotonic() > deadline or still.is_set():
                    return False
                self._change.wait(0.5)
        return True

    def reached(self, path: str, document: dict[str, Any]) -> None:
        """A document as it is now; only what is new about it counts."""
        boundary = name_of(path, document)
        if not boundary or self._last.get(path) == boundary:
            return
        self._last[path] = boundary
        with self._change:
            self.seen[boundary] += 1
            self._change.notify_all()
        whose = path.split("/")
        self._history.note("state", f"{boundary:18} {' '.join(whose[1::2])} {_details(document)}".rstrip())


def name_of(path: str, document: dict[str, Any]) -> str:
    """The boundary at which a document in this state is."""
    state, collection = document.get("state", ""), path.split("/")[-2]
    if collection == "calls":
        named = state == "SENT" and document.get("operation")
        return f"{document.get('kind')} {'named' if named else state}"
    return f"{collection.removesuffix('s')} {state}"


def _details(document: dict[str, Any]) -> str:
    """What distinguishes this event from others of its kind."""
    details = [f"{name}={document[name]}" for name in ("run", "purpose", "take", "attempt") if document.get(name)]
    error = document.get("error")
    if error:
        details.append(f"error={error.get('code')}: {error.get('message')}")
    if document.get("reason"):
        details.append(f"reason={document['reason']!r}"[:160])
    return " ".join(details)


@contextmanager
def connect(host: str, project: str) -> Iterator[Client]:
    """The database at this host, past the API."""
    with patch.dict(os.environ, {"FIRESTORE_EMULATOR_HOST": host}):  # the client takes it from nowhere else
        client = Client(project=project, credentials=AnonymousCredentials())
    try:
        yield client
    finally:
        client.close()


@contextmanager
def watched(host: str, project: str, history: History) -> Iterator[Boundaries]:
    """Boundaries of the database at this host, for as long as the context is open."""
    boundaries = Boundaries(history)

    def changed(_documents: Any, changes: Any, _read_time: Any) -> None:
        for change in changes:
            boundaries.reached(change.document.reference.path, change.document.to_dict() or {})

    with connect(host, project) as client:
        places = (
            client.collection("jobs"),
            client.collection("renders"),
            client.collection_group("scenes"),
            client.collection_group("calls"),
        )
        watches = [place.on_snapshot(changed) for place in places]
        try:
            yield boundaries
        finally:
            for watch in watches:
                watch.unsubscribe()
