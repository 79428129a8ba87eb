"""The operations of Cloud Scheduler v1 on the store: everything a client may ask for, apart from how it is spelled.

Running is not here: each change is announced through `changed`, with the job's name.
"""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

from localcloud.messages import set_seconds
from localcloud.names import parent_of
from localcloud.scheduler import admission, names, wire
from localcloud.scheduler.store import Store
from localcloud.scheduler.timetable import Timetable
from localcloud.serving import ApiError

LARGEST_PAGE = 500


class Service:
    def __init__(
        self, store: Store, timetable: Timetable, *, now_s: Callable[[], float], changed: Callable[[str], None]
    ) -> None:
        self._store = store
        self._timetable = timetable
        self._now_s = now_s
        self._changed = changed

    def create_job(self, location: str, job: Any) -> Any:
        names.location_name(location)
        name = names.job_name(job.name or f"{location}/jobs/{uuid4().int % 10**19:019d}")
        if parent_of(name) != location:
            raise ApiError(400, f"Job name '{name}' is not in the parent '{location}'.")
        if self._store.job(name) is not None:
            raise ApiError(409, f"Job {name} already exists.")
        return self._changed_by_user(admission.new_job(job, name))

    def update_job(self, job: Any, mask: Iterable[str]) -> Any:
        return self._changed_by_user(admission.updated_job(self.job(job.name), job, mask))

    def job(self, name: str) -> Any:
        job = self._store.job(names.job_name(name))
        if job is None:
            raise ApiError(404, "Job not found.")
        return job

    def jobs_page(self, request: Any) -> Any:
        """The answer to a ListJobsRequest; a page's token is the last name of the page before."""
        location, size = names.location_name(request.parent), min(request.page_size or LARGEST_PAGE, LARGEST_PAGE)
        left = [job for job in self._store.jobs() if parent_of(job.name) == location and job.name > request.page_token]
        token = left[size - 1].name if len(left) > size else ""
        return wire.ListJobsResponse(jobs=left[:size], next_page_token=token)

    def delete_job(self, name: str) -> None:
        self.job(name)
        self._store.delete(name)
        self._changed(name)

    def pause_job(self, name: str) -> Any:
        return self._switched(name, wire.ENABLED, wire.PAUSED)

    def resume_job(self, name: str) -> Any:
        return self._switched(name, wire.PAUSED, wire.ENABLED)

    def locations(self, project: str) -> list[str]:
        """The locations in use: this stand-in has no list of its own and serves any location."""
        return sorted({parent_of(job.name) for job in self._store.jobs() if job.name.startswith(f"{project}/")})

    def _switched(self, name: str, before: int, after: int) -> Any:
        job = self.job(name)
        if job.state != before:
            wanted = wire.Job.State.Name(before)
            raise ApiError(400, f"Job.state must be {wanted} for this request.", "FAILED_PRECONDITION")
        job.state = after
        return self._planned(job)

    def _changed_by_user(self, job: Any) -> Any:
        set_seconds(job.user_update_time, int(self._now_s()))
        return self._planned(job)

    def _planned(self, job: Any) -> Any:
        set_seconds(job.schedule_time, self._timetable.next_s(job, self._now_s()))
        self._store.save(job)
        self._changed(job.name)
        return job
