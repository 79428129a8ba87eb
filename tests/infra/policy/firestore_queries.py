"""The indexes that the code needs, derived from the queries that its Firestore adapter builds."""

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client, Query

from promptreel.adapters.firestore import FirestoreJobs
from promptreel.domain.states import CallState, JobState
from promptreel.ports.storage import JobPlace, Period

NOW = datetime(2026, 1, 1, tzinfo=UTC)

# Example calls of each method that queries; a new method must be added.
CALLS: dict[str, list[tuple[Any, ...]]] = {
    "list_jobs": [
        ("a@example.com", None, None),
        ("a@example.com", JobState.PENDING, None, Period(NOW, NOW)),
        (None, None, None),
        (None, JobState.PENDING, None, Period(NOW, NOW)),
        (None, None, None, Period(NOW, NOW)),
        *[
            (owner, state, JobPlace(NOW, "job-1"), period)
            for owner in ("a@example.com", None)
            for state in (JobState.PENDING, None)
            for period in (Period(), Period(NOW, NOW))
        ],
    ],
    "list_jobs_in_states": [([JobState.PENDING],)],
    "list_jobs_with_open_calls": [(NOW,)],
    "list_scenes": [("job-1",)],
    "list_sheets": [("job-1",)],
    "list_calls": [("job-1",)],
    "list_calls_in_states": [([CallState.SENT],)],
    "list_calls_with_key": [("key",)],
    "list_deliveries": [("job-1",)],
    "list_due_deliveries": [(NOW,)],
    "list_expired_jobs": [(NOW,)],
    "delete_owned_documents": [("job-1", 5)],
    "delete_answers": [("job-1",)],
}

# The methods that read and write documents by their path, without a query.
BY_PATH = {
    "get_job",
    "get_scene",
    "get_sheet",
    "get_call",
    "get_render",
    "get_rates",
    "get_active_jobs",
    "get_answer",
    "get_send_slots",
    "get_webhooks",
    "get_delivery",
    "write",
}


class _EmptyBatch:
    def delete(self, _: Any) -> None:
        raise AssertionError("nothing was found, so there is nothing to delete")

    def commit(self, **_: Any) -> list[Any]:
        """There is nothing to commit."""
        return []


class _Offline(Client):
    def batch(self) -> Any:
        return _EmptyBatch()


class _RecordingJobs(FirestoreJobs):
    """Records its queries and returns no documents."""

    def __init__(self) -> None:
        super().__init__("promptreel-test", "(default)")
        self._db = _Offline(project="promptreel-test", credentials=AnonymousCredentials())
        self.queries: list[Any] = []

    def _stream(self, query: Any) -> list[Any]:
        self.queries.append(query)
        return []


def methods() -> set[str]:
    """The adapter's own public methods; those of its base class read and write by path."""
    return {name for name, member in vars(FirestoreJobs).items() if inspect.isfunction(member) and name[0] != "_"}


@cache
def needed_indexes() -> tuple[frozenset[Any], frozenset[Any]]:
    """Composite indexes as (collection, fields with order), and fields queried across all parents."""
    store = _RecordingJobs()
    for name, calls in CALLS.items():
        for arguments in calls:
            found = getattr(store, name)(*arguments)
            if isinstance(found, Iterator):
                list(found)  # the query runs when the first document is read
    indexes, groups = set(), set()
    for query in store.queries:
        if not isinstance(query, Query):
            continue  # a whole collection
        filtered = [one.field.field_path for one in query._field_filters]
        orders = tuple((one.field.field_path, one.direction.name) for one in query._orders)
        if len(orders) > 1 and orders[-1] == ("__name__", orders[-2][1]):
            orders = orders[:-1]  # every index ends with the name, in the direction of its last field
        ordered = {name for name, _ in orders}
        fields = (*((name, "ASCENDING") for name in filtered if name not in ordered), *orders)
        if query._all_descendants:
            groups |= {(query._parent.id, name) for name in filtered}
        elif len(fields) > 1:
            indexes.add((query._parent.id, fields))
    return frozenset(indexes), frozenset(groups)
