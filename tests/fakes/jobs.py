"""A `JobStore` in memory. It obeys the same contract suite as the Firestore adapter (tests/contract/ports)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from threading import Lock
from typing import Any

from promptreel.domain.active_jobs import ActiveJobs, active_jobs_id
from promptreel.domain.call import Call
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
from promptreel.ports.storage import ALWAYS, Change, Create, Delete, JobPlace, Period, Versioned
from promptreel.ports.system import Clock, Ids
from tests.fakes.system import FakeClock, FakeIds

Key = tuple[type[Any], str, str]
_KINDS: dict[str, type[Any]] = {
    "jobs": Job,
    "scenes": Scene,
    "sheets": Sheet,
    "calls": Call,
    "renders": Render,
    "rates": Rates,
    "active": ActiveJobs,
    "answers": StoredAnswer,
    "webhooks": Webhooks,
    "deliveries": Delivery,
    "send_slots": SendSlots,
}


class MemoryJobs(OptimisticJobStore):
    """Documents by kind, job and id; a version is a number that rises with every write."""

    def __init__(self, clock: Clock | None = None, ids: Ids | None = None) -> None:
        super().__init__(clock or FakeClock(), ids or FakeIds())
        self._documents: dict[Key, Versioned[Any]] = {}
        self._unreadable: dict[Key, UnreadableDocument] = {}
        self._writes = 0
        self._lock = Lock()

    def store(self, path: str, data: Any) -> None:
        """Lay in JSON as another version may have stored it at a Firestore path."""
        key = _key_of(path)
        self._writes += 1
        try:
            self._documents[key] = Versioned(key[0].from_json(data, path), self._writes)
            self._unreadable.pop(key, None)
        except UnreadableDocument as error:
            self._documents.pop(key, None)
            self._unreadable[key] = error

    def stored(self, path: str) -> dict[str, Any]:
        """The JSON at a Firestore path."""
        return self._documents[_key_of(path)].value.to_json()  # type: ignore[no-any-return]

    def get_job(self, job_id: str) -> Versioned[Job]:
        found = self._find((Job, "", job_id))
        if found is None:
            raise NotFound(f"There is no job {job_id}.")
        return found

    def list_jobs(
        self, owner: str | None, state: JobState | None, after: JobPlace | None, created: Period = ALWAYS
    ) -> Iterator[Job]:
        found = [job for job in self._all(Job) if owner in {None, job.owner} and state in {None, job.state}]
        found = [job for job in found if after is None or (job.created, job.id) < (after.created, after.id)]
        found = [job for job in found if created.start is None or job.created >= created.start]
        found = [job for job in found if created.end is None or job.created < created.end]
        return iter(sorted(found, key=lambda job: (job.created, job.id), reverse=True))

    def list_jobs_in_states(self, states: Iterable[JobState]) -> Iterator[Job]:
        wanted = set(states)
        return iter(sorted((job for job in self._all(Job) if job.state in wanted), key=lambda job: job.updated))

    def list_jobs_with_open_calls(self, now: datetime) -> Iterator[Job]:
        return self._due(now, lambda job: job.open_calls_since)

    def get_scene(self, job_id: str, scene_id: str) -> Versioned[Scene]:
        found = self._find((Scene, job_id, scene_id))
        if found is None:
            raise NotFound(f"Job {job_id} has no scene {scene_id}.")
        return found

    def list_scenes(self, job_id: str) -> Sequence[Versioned[Scene]]:
        return sorted(self._of(Scene, job_id), key=lambda read: read.value.display_order)

    def get_sheet(self, job_id: str, sheet_id: str) -> Versioned[Sheet]:
        found = self._find((Sheet, job_id, sheet_id))
        if found is None:
            raise NotFound(f"Job {job_id} has no sheet {sheet_id}.")
        return found

    def list_sheets(self, job_id: str) -> Sequence[Versioned[Sheet]]:
        return sorted(self._of(Sheet, job_id), key=lambda read: read.value.number)

    def get_call(self, job_id: str, call_id: str) -> Versioned[Call] | None:
        return self._find((Call, job_id, call_id))

    def list_calls(self, job_id: str) -> Sequence[Versioned[Call]]:
        found = self._of(Call, job_id)
        return sorted(found, key=lambda read: (read.value.created, read.value.purpose, read.value.attempt))

    def list_calls_in_states(self, states: Iterable[CallState]) -> Iterator[Versioned[Call]]:
        wanted = set(states)
        found = [read for (kind, _, _), read in self._documents.items() if kind is Call]
        return iter([read for read in found if read.value.state in wanted])

    def list_calls_with_key(self, cache_key: str) -> Sequence[Versioned[Call]]:
        calls = [read for (kind, _, _), read in self._documents.items() if kind is Call]
        found = [read for read in calls if read.value.cache_key == cache_key]
        return sorted(found, key=lambda read: read.value.updated, reverse=True)

    def get_render(self, digest: str) -> Versioned[Render] | None:
        return self._find((Render, "", digest))

    def get_rates(self, owner: str) -> Versioned[Rates] | None:
        return self._find((Rates, "", rates_id(owner)))

    def get_active_jobs(self, owner: str) -> Versioned[ActiveJobs] | None:
        return self._find((ActiveJobs, "", active_jobs_id(owner)))

    def get_answer(self, answer_id: str) -> Versioned[StoredAnswer] | None:
        return self._find((StoredAnswer, "", answer_id))

    def get_webhooks(self, owner: str) -> Versioned[Webhooks] | None:
        return self._find((Webhooks, "", webhooks_id(owner)))

    def get_delivery(self, job_id: str, delivery_id: str) -> Versioned[Delivery] | None:
        return self._find((Delivery, job_id, delivery_id))

    def list_deliveries(self, job_id: str) -> Sequence[Versioned[Delivery]]:
        return sorted(self._of(Delivery, job_id), key=lambda read: (read.value.created, read.value.id))

    def list_due_deliveries(self, due: datetime) -> Iterator[Versioned[Delivery]]:
        found = [read for (kind, _, _), read in self._documents.items() if kind is Delivery]
        overdue = [(read.value.due, read) for read in found if read.value.due and read.value.due <= due]
        return iter([read for _, read in sorted(overdue, key=lambda pair: pair[0])])

    def get_send_slots(self, model: str) -> Versioned[SendSlots] | None:
        return self._find((SendSlots, "", slots_id(model)))

    def delete_answers(self, job_id: str) -> None:
        with self._lock:
            for key, read in list(self._documents.items()):
                if isinstance(read.value, StoredAnswer) and read.value.job == job_id:
                    del self._documents[key]

    def list_expired_jobs(self, now: datetime) -> Iterator[Job]:
        return self._due(now, lambda job: job.expires)

    def delete_owned_documents(self, job_id: str, limit: int) -> int:
        with self._lock:
            owned = [key for key, read in self._documents.items() if _owner(key, read.value) == job_id][:limit]
            for key in owned:
                del self._documents[key]
        return len(owned)

    def write(self, *changes: Change) -> None:
        with self._lock:
            for change in changes:
                standing = self._documents.get(_key(change))
                if isinstance(change, Create):
                    if standing is not None:
                        raise VersionConflict(f"{change.value.id} exists")
                elif standing is None or standing.version != change.read.version:
                    raise VersionConflict(f"{change.value.id} is not as it was read")
            for change in changes:
                self._writes += 1
                if isinstance(change, Delete):
                    del self._documents[_key(change)]
                    continue
                stored = type(change.value).from_json(change.value.to_json(), change.value.id)
                self._documents[_key(change)] = Versioned(stored, self._writes)

    def _due(self, now: datetime, moment: Callable[[Job], datetime | None]) -> Iterator[Job]:
        found = [(at, job) for job in self._all(Job) if (at := moment(job)) is not None and at <= now]
        return iter([job for _, job in sorted(found, key=lambda pair: pair[0])])

    def _all(self, kind: type[Any]) -> list[Any]:
        return [read.value for (found, _, _), read in self._documents.items() if found is kind]

    def _find(self, key: Key) -> Versioned[Any] | None:
        if key in self._unreadable:
            raise self._unreadable[key]
        return self._documents.get(key)

    def _of(self, kind: type[Any], job_id: str) -> list[Versioned[Any]]:
        for key, error in self._unreadable.items():
            if key[:2] == (kind, job_id):
                raise error
        return [read for (found, job, _), read in self._documents.items() if found is kind and job == job_id]


def _key_of(path: str) -> Key:
    *above, kind, name = path.split("/")
    return _KINDS[kind], above[1] if above else "", name


def _key(change: Change) -> Key:
    kind = type(change.value)
    return (
        kind,
        "" if kind in {Job, Render, Rates, ActiveJobs, Webhooks, StoredAnswer, SendSlots} else change.job_id,
        change.value.id,
    )


def _owner(key: Key, value: Any) -> str | None:
    """The job that a scene, call, render or answer belongs to."""
    return value.job if isinstance(value, Render | StoredAnswer) else key[1] or None
