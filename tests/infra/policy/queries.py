"""The indexes that the code needs, read off the very queries that its Firestore adapter builds."""

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client, Query

from promptreel.adapters.firestore import FirestoreJobs
from promptreel.domain.states import CallState, JobState

NOW = datetime(2026, 1, 1, tzinfo=UTC)

# How each method that queries is called; a new one must be given its place here.
CALLS: dict[str, list[tuple[Any, ...]]] = {
    "jobs": [
        ("a@example.com", None, 5, None),
        ("a@example.com", JobState.PENDING, 5, NOW),
        (None, None, 5, None),
        (None, JobState.PENDING, 5, NOW),
    ],
    "jobs_in": [([JobState.PENDING],)],
    "jobs_with_open_calls": [(NOW,)],
    "scenes": [("job-1",)],
    "calls": [("job-1",)],
    "calls_in": [([CallState.SENT],)],
    "expired": [(NOW,)],
    "erase": [("job-1", 5)],
}


class _EmptyBatch:
    def delete(self, _: Any) -> None:
        raise AssertionError("nothing was found, so there is nothing to delete")

    def commit(self, **_: Any) -> None:
        """Nothing to send."""


class _Offline(Client):
    def batch(self) -> Any:
        return _EmptyBatch()


class _Asking(FirestoreJobs):
    """Keeps its queries to itself and finds nothing."""

    def __init__(self) -> None:
        super().__init__("promptreel-test", "(default)")
        self._client = _Offline(project="promptreel-test", credentials=AnonymousCredentials())
        self.asked: list[Any] = []

    def _stream(self, query: Any) -> list[Any]:
        self.asked.append(query)
        return []


def querying_methods() -> set[str]:
    """The adapter's public methods that send a query."""
    methods = inspect.getmembers(FirestoreJobs, inspect.isfunction)
    sends = ("self._stream(", "self._readable(")
    return {
        name for name, method in methods if name[0] != "_" and any(call in inspect.getsource(method) for call in sends)
    }


@cache
def needed() -> tuple[frozenset[Any], frozenset[Any]]:
    """Composite indexes as (collection, fields with order), and fields asked for across all parents."""
    store = _Asking()
    for name, calls in CALLS.items():
        for arguments in calls:
            found = getattr(store, name)(*arguments)
            if isinstance(found, Iterator):
                list(found)  # a page is queried when its first document is wanted
    indexes, groups = set(), set()
    for query in store.asked:
        if not isinstance(query, Query):
            continue  # a whole collection
        filtered = [one.field.field_path for one in query._field_filters]
        orders = tuple((one.field.field_path, one.direction.name) for one in query._orders)
        ordered = {name for name, _ in orders}
        fields = (*((name, "ASCENDING") for name in filtered if name not in ordered), *orders)
        if query._all_descendants:
            groups |= {(query._parent.id, name) for name in filtered}
        elif len(fields) > 1:
            indexes.add((query._parent.id, fields))
    return frozenset(indexes), frozenset(groups)
