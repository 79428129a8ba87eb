"""Optimistic locking: read, decide, write; when another writer was first, read again.

Preconditions instead of transactions: sixty claims at once on one job take seconds this way and never end with
client transactions (measured on the emulator).
"""

from collections.abc import Callable
from typing import TypeVar

from promptreel.domain.call import Call
from promptreel.domain.job import Job
from promptreel.domain.render import Render
from promptreel.domain.scene import Scene
from promptreel.domain.sheet import Sheet
from promptreel.domain.webhooks import Delivery
from promptreel.errors import NotFound, Transient, VersionConflict
from promptreel.ports.storage import D, JobStore, Replace, Update, Versioned
from promptreel.ports.system import Clock, Ids

T = TypeVar("T")

MAX_TRIES = 14
FIRST_WAIT_S = 0.03
LONGEST_WAIT_S = 1.0


class OptimisticJobStore(JobStore):
    """The conditional updates of every `JobStore`, made of its reads and `write`."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids

    def retry_on_conflict(self, attempt: Callable[[], T], retry_on: type[Transient] = VersionConflict) -> T:
        """Run a batch by the port's `retry_on_conflict`; ``retry_on`` are the errors that are tried again."""
        for number in range(MAX_TRIES - 1):
            try:
                return attempt()
            except retry_on:
                wait_s = min(FIRST_WAIT_S * 2**number, LONGEST_WAIT_S)
                self._clock.sleep(wait_s * (0.5 + self._ids.jitter()))
        return attempt()

    def update_job(self, job_id: str, change: Callable[[Job], Job | None]) -> Update[Job]:
        """Change a job by the port's `update_job`."""
        return self._update(job_id, lambda: self.get_job(job_id), change)

    def update_scene(self, job_id: str, scene_id: str, change: Callable[[Scene], Scene | None]) -> Update[Scene]:
        """Change a scene by the port's `update_scene`."""
        return self._update(job_id, lambda: self.get_scene(job_id, scene_id), change)

    def update_sheet(self, job_id: str, sheet_id: str, change: Callable[[Sheet], Sheet | None]) -> Update[Sheet]:
        """Change a sheet by the port's `update_sheet`."""
        return self._update(job_id, lambda: self.get_sheet(job_id, sheet_id), change)

    def update_call(self, job_id: str, call_id: str, change: Callable[[Call], Call | None]) -> Update[Call]:
        """Change a call by the port's `update_call`."""
        return self._update(job_id, lambda: _require(self.get_call(job_id, call_id), call_id), change, Transient)

    def update_render(self, job_id: str, digest: str, change: Callable[[Render], Render | None]) -> Update[Render]:
        """Change a render by the port's `update_render`."""
        return self._update(job_id, lambda: _require(self.get_render(digest), digest), change)

    def update_delivery(
        self, job_id: str, delivery_id: str, change: Callable[[Delivery], Delivery | None]
    ) -> Update[Delivery]:
        """Change a delivery by the port's `update_delivery`."""
        return self._update(job_id, lambda: _require(self.get_delivery(job_id, delivery_id), delivery_id), change)

    def _update(
        self,
        job_id: str,
        read: Callable[[], Versioned[D]],
        change: Callable[[D], D | None],
        retry_on: type[Transient] = VersionConflict,
    ) -> Update[D]:
        def attempt() -> Update[D]:
            found = read()
            changed = change(found.value)
            if changed is None:
                return Update(found.value, found.value)
            self.write(Replace(job_id, found, changed))
            return Update(found.value, changed)

        return self.retry_on_conflict(attempt, retry_on)


def _require(found: Versioned[D] | None, document_id: str) -> Versioned[D]:
    if found is None:
        raise NotFound(f"There is no document {document_id}.")
    return found
