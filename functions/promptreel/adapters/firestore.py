"""Jobs, scenes, sheets and calls in Firestore: batches with update-time preconditions, never client transactions.

Layout: ``jobs/{job}``, ``jobs/{job}/scenes/{scene}``, ``jobs/{job}/sheets/{sheet}``, ``jobs/{job}/calls/{call}``,
``jobs/{job}/deliveries/{delivery}``, ``renders/{digest}``, ``rates/{digest of an owner}``,
``active/{digest of an owner}``, ``webhooks/{digest of an owner}``, ``answers/{digest of a caller and a key}``,
``send_slots/{digest of a model}``.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from promptreel.adapters.google_errors import translate_google_errors
from promptreel.adapters.system import SystemClock, SystemIds
from promptreel.domain.active_jobs import ActiveJobs, active_jobs_id
from promptreel.domain.call import Call
from promptreel.domain.document import Document
from promptreel.domain.job import Job
from promptreel.domain.rates import Rates, rates_id
from promptreel.domain.render import Render
from promptreel.domain.scene import Scene
from promptreel.domain.send_slots import SendSlots, slots_id
from promptreel.domain.sheet import Sheet
from promptreel.domain.states import CallState, JobState
from promptreel.domain.stored_answer import StoredAnswer
from promptreel.domain.webhooks import Delivery, Webhooks, webhooks_id
from promptreel.errors import NotFound, UnreadableDocument, VersionConflict
from promptreel.ledger.optimistic_locking import OptimisticJobStore
from promptreel.ports.storage import ALWAYS, Change, Create, D, Delete, JobPlace, Period, Replace, Versioned

if TYPE_CHECKING:
    from google.cloud.firestore import Client

log = logging.getLogger(__name__)

TIMEOUT_S = 20.0
PAGE = 200
_TOP_LEVEL: dict[type[Document], str] = {
    Job: "jobs",
    Render: "renders",
    Rates: "rates",
    ActiveJobs: "active",
    StoredAnswer: "answers",
    SendSlots: "send_slots",
    Webhooks: "webhooks",
}
_BELOW_JOB: dict[type[Document], str] = {
    Scene: "scenes",
    Sheet: "sheets",
    Call: "calls",
    Delivery: "deliveries",
}
LIST_PAGE = 60  # the API lists 50 jobs at a time and looks for one more


class FirestoreJobs(OptimisticJobStore):
    """A `JobStore` over one database."""

    def __init__(self, project: str, database: str) -> None:
        super().__init__(SystemClock(), SystemIds())
        self._project = project
        self._database = database

    def get_job(self, job_id: str) -> Versioned[Job]:
        """Read a job."""
        found = self._read(Job, "jobs", job_id)
        if found is None:
            raise NotFound(f"There is no job {job_id}.")
        return found

    def list_jobs(
        self, owner: str | None, state: JobState | None, after: JobPlace | None, created: Period = ALWAYS
    ) -> Iterator[Job]:
        """List jobs, newest first."""
        query = self._db.collection("jobs").order_by("created", direction="DESCENDING")
        if owner is not None:
            query = query.where(filter=_filter("owner", "==", owner))
        if state is not None:
            query = query.where(filter=_filter("state", "==", state.value))
        if created.start is not None:
            query = query.where(filter=_filter("created", ">=", _format_time(created.start)))
        if created.end is not None:
            query = query.where(filter=_filter("created", "<", _format_time(created.end)))
        if after is not None:
            query = query.order_by("__name__", direction="DESCENDING")  # as every query of this order, where it shows
            query = query.start_after({"created": _format_time(after.created), "__name__": after.id})
        return self._iterate_jobs(query, LIST_PAGE)

    def list_jobs_in_states(self, states: Iterable[JobState]) -> Iterator[Job]:
        """List jobs in these states, oldest change first."""
        query = self._db.collection("jobs").where(filter=_filter("state", "in", [state.value for state in states]))
        return self._iterate_jobs(query.order_by("updated"), PAGE)

    def list_jobs_with_open_calls(self, now: datetime) -> Iterator[Job]:
        """List ended jobs that may have unfinished calls."""
        return self._iterate_due_jobs("open_calls_since", now)

    def get_scene(self, job_id: str, scene_id: str) -> Versioned[Scene]:
        """Read a scene."""
        found = self._read(Scene, "jobs", job_id, "scenes", scene_id)
        if found is None:
            raise NotFound(f"Job {job_id} has no scene {scene_id}.")
        return found

    def list_scenes(self, job_id: str) -> Sequence[Versioned[Scene]]:
        """List the scenes of a job in display order."""
        scenes = [_parse(Scene, found) for found in self._stream(self._db.collection("jobs", job_id, "scenes"))]
        return sorted(scenes, key=lambda read: read.value.display_order)

    def get_sheet(self, job_id: str, sheet_id: str) -> Versioned[Sheet]:
        """Read a sheet."""
        found = self._read(Sheet, "jobs", job_id, "sheets", sheet_id)
        if found is None:
            raise NotFound(f"Job {job_id} has no sheet {sheet_id}.")
        return found

    def list_sheets(self, job_id: str) -> Sequence[Versioned[Sheet]]:
        """List the sheets of a job by their numbers."""
        sheets = [_parse(Sheet, found) for found in self._stream(self._db.collection("jobs", job_id, "sheets"))]
        return sorted(sheets, key=lambda read: read.value.number)

    def get_call(self, job_id: str, call_id: str) -> Versioned[Call] | None:
        """Read a call; None when there is none."""
        return self._read(Call, "jobs", job_id, "calls", call_id)

    def list_calls(self, job_id: str) -> Sequence[Versioned[Call]]:
        """List the calls of a job, oldest first."""
        calls = [_parse(Call, found) for found in self._stream(self._db.collection("jobs", job_id, "calls"))]
        return sorted(calls, key=lambda read: (read.value.created, read.value.purpose, read.value.attempt))

    def list_calls_in_states(self, states: Iterable[CallState]) -> Iterator[Versioned[Call]]:
        """List calls of all jobs in these states."""
        in_states = _filter("state", "in", [state.value for state in states])
        return self._iterate_readable(Call, self._db.collection_group("calls").where(filter=in_states), PAGE)

    def list_calls_with_key(self, cache_key: str) -> Sequence[Versioned[Call]]:
        """List the calls of all jobs with this cache key, the latest change first."""
        # Sorted here: they are few, and an order in the query would need an index of growing time stamps.
        query = self._db.collection_group("calls").where(filter=_filter("cache_key", "==", cache_key))
        calls = self._iterate_readable(Call, query, PAGE)
        return sorted(calls, key=lambda read: read.value.updated, reverse=True)

    def get_render(self, digest: str) -> Versioned[Render] | None:
        """Read a render; None when there is none."""
        return self._read(Render, "renders", digest)

    def get_rates(self, owner: str) -> Versioned[Rates] | None:
        """Read an owner's rates; None when there are none."""
        return self._read(Rates, "rates", rates_id(owner))

    def get_active_jobs(self, owner: str) -> Versioned[ActiveJobs] | None:
        """Read which jobs of an owner are unfinished; None before there was one."""
        return self._read(ActiveJobs, "active", active_jobs_id(owner))

    def get_answer(self, answer_id: str) -> Versioned[StoredAnswer] | None:
        """Read the request and answer of an Idempotency-Key; None for a new key."""
        return self._read(StoredAnswer, "answers", answer_id)

    def get_webhooks(self, owner: str) -> Versioned[Webhooks] | None:
        """Read an owner's webhooks; None when there are none."""
        return self._read(Webhooks, "webhooks", webhooks_id(owner))

    def get_delivery(self, job_id: str, delivery_id: str) -> Versioned[Delivery] | None:
        """Read a delivery; None when there is none."""
        return self._read(Delivery, "jobs", job_id, "deliveries", delivery_id)

    def list_deliveries(self, job_id: str) -> Sequence[Versioned[Delivery]]:
        """List the deliveries of a job, oldest first."""
        query = self._db.collection("jobs", job_id, "deliveries")
        found = [_parse(Delivery, snapshot) for snapshot in self._stream(query)]
        return sorted(found, key=lambda read: (read.value.created, read.value.id))

    def list_due_deliveries(self, due: datetime) -> Iterator[Versioned[Delivery]]:
        """List deliveries of all jobs that were due by then."""
        query = self._db.collection_group("deliveries").where(filter=_filter("due", "<=", _format_time(due)))
        return self._iterate_readable(Delivery, query.order_by("due"), PAGE)

    def get_send_slots(self, model: str) -> Versioned[SendSlots] | None:
        """Read a model's send slots; None when there are none."""
        return self._read(SendSlots, "send_slots", slots_id(model))

    def delete_answers(self, job_id: str) -> None:
        """Delete every answer about this job, a batch at a time."""
        query = self._db.collection("answers").where(filter=_filter("job", "==", job_id)).limit(PAGE)
        while found := self._stream(query):
            batch = self._db.batch()
            for snapshot in found:
                batch.delete(snapshot.reference)
            with translate_google_errors("delete answers"):
                batch.commit(timeout=TIMEOUT_S)

    def list_expired_jobs(self, now: datetime) -> Iterator[Job]:
        """List jobs whose expiry has come."""
        return self._iterate_due_jobs("expires", now)

    def delete_owned_documents(self, job_id: str, limit: int) -> int:
        """Delete up to ``limit`` of a job's scenes, sheets, calls, deliveries, renders and answers."""
        below: list[Any] = [self._db.collection("jobs", job_id, kind) for kind in _BELOW_JOB.values()]
        beside = [
            self._db.collection(kind).where(filter=_filter("job", "==", job_id)) for kind in ("renders", "answers")
        ]
        batch = self._db.batch()
        found = chain.from_iterable(self._stream(query.limit(limit)) for query in (*below, *beside))
        for owned in islice(found, limit):
            batch.delete(owned.reference)
        with translate_google_errors("delete documents"):
            return len(batch.commit(timeout=TIMEOUT_S))

    def write(self, *changes: Change) -> None:
        """Write all changes in one batch, or none."""
        batch = self._db.batch()
        for change in changes:
            reference = self._reference(change)
            if isinstance(change, Create):
                batch.create(reference, _to_fields(change.value))
                continue
            option = self._db.write_option(last_update_time=change.read.version)
            if isinstance(change, Delete):
                batch.delete(reference, option=option)
            else:
                batch.update(reference, _dropped_fields(change) | _to_fields(change.value), option=option)
        try:
            with translate_google_errors("write"):
                batch.commit(timeout=TIMEOUT_S)
        except NotFound as error:  # a document to update was deleted meanwhile
            raise VersionConflict("A document was deleted after it was read.") from error

    def _reference(self, change: Change) -> Any:
        value = change.value
        if isinstance(value, Job | Render | Rates | SendSlots | ActiveJobs | Webhooks | StoredAnswer):
            return self._db.document(_TOP_LEVEL[type(value)], value.id)
        return self._db.document("jobs", change.job_id, _BELOW_JOB[type(value)], value.id)

    def _read(self, kind: type[D], *path: str) -> Versioned[D] | None:
        with translate_google_errors(f"read {kind.__name__.lower()}"):
            snapshot = self._db.document(*path).get(timeout=TIMEOUT_S)
        return _parse(kind, snapshot) if snapshot.exists else None

    def _iterate_due_jobs(self, field: str, now: datetime) -> Iterator[Job]:
        query = self._db.collection("jobs").where(filter=_filter(field, "<=", _format_time(now))).order_by(field)
        return self._iterate_jobs(query, PAGE)

    def _iterate_jobs(self, query: Any, page_size: int) -> Iterator[Job]:
        return (read.value for read in self._iterate_readable(Job, query, page_size))

    def _iterate_readable(self, kind: type[D], query: Any, page_size: int) -> Iterator[Versioned[D]]:
        """Yield the documents that this version can read, in pages of this size; log the others and leave them out."""
        while True:
            page = self._stream(query.limit(page_size))
            for snapshot in page:
                try:
                    yield _parse(kind, snapshot)
                except UnreadableDocument as error:
                    fields = {"document": error.path, "error": error.message}
                    log.error("document_unreadable", extra={"json_fields": fields})  # noqa: TRY400 - the cause quotes values
            if len(page) < page_size:
                return
            query = query.start_after(page[-1])

    def _stream(self, query: Any) -> list[Any]:
        with translate_google_errors("query"):
            return list(query.stream(timeout=TIMEOUT_S))

    @cached_property
    def _db(self) -> "Client":
        from google.cloud.firestore import Client  # noqa: PLC0415 - cold start

        return Client(project=self._project, database=self._database)


def _parse(kind: type[D], snapshot: Any) -> Versioned[D]:
    return Versioned(kind.from_json(snapshot.to_dict(), snapshot.reference.path), snapshot.update_time)


def _filter(field: str, operator: str, value: str | list[str]) -> Any:
    from google.cloud.firestore_v1.base_query import FieldFilter  # noqa: PLC0415 - cold start

    return FieldFilter(field, operator, value)


def _to_fields(value: Document) -> dict[str, Any]:
    """The field of a TTL policy must be a timestamp."""
    of_policy: dict[str, Any] = {}
    if isinstance(value, Job):
        of_policy = {"forget": value.forget}
    elif isinstance(value, StoredAnswer):
        of_policy = {"expires": value.expires}
    return value.to_json() | of_policy


def _dropped_fields(change: Replace[Any]) -> dict[str, Any]:
    """Return deletions of unknown fields that the new value has dropped: an update alone would keep them."""
    from google.cloud.firestore import DELETE_FIELD  # noqa: PLC0415 - cold start

    return dict.fromkeys((change.read.value.model_extra or {}).keys() - (change.value.model_extra or {}), DELETE_FIELD)


def _format_time(moment: datetime) -> str:
    """As the documents store it."""
    return moment.isoformat().replace("+00:00", "Z")
