"""The operations of Cloud Scheduler v1 on its SQLite store, apart from their spelling.

Running is not here: each change is announced through `changed`, with the job's name.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

from localcloud import database
from localcloud.resources import parent_of, set_seconds
from localcloud.scheduler import jobs
from localcloud.scheduler.timetable import Timetable
from localcloud.serving import ApiError

_SCHEMA = "CREATE TABLE IF NOT EXISTS jobs (name TEXT PRIMARY KEY, message BLOB NOT NULL)"


class Store:
    def __init__(self, state_dir: Path | None) -> None:
        """Keep everything in `state_dir`, or for this process only without one."""
        self._db = database.open_database(state_dir, "scheduler", _SCHEMA)

    def close(self) -> None:
        self._db.close()

    def clear(self) -> None:
        self._db.execute("DELETE FROM jobs")

    def job(self, name: str) -> Any | None:
        row = self._db.execute("SELECT message FROM jobs WHERE name = ?", (name,)).fetchone()
        return None if row is None else jobs.Job.FromString(row[0])

    def jobs(self) -> list[Any]:
        """By name."""
        rows = self._db.execute("SELECT message FROM jobs ORDER BY name")
        return [jobs.Job.FromString(message) for (message,) in rows]

    def save(self, job: Any) -> None:
        self._db.execute("REPLACE INTO jobs VALUES (?, ?)", (job.name, job.SerializeToString()))

    def delete(self, name: str) -> None:
        self._db.execute("DELETE FROM jobs WHERE name = ?", (name,))


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
        jobs.location_name(location)
        name = jobs.job_name(job.name or f"{location}/jobs/{uuid4().int % 10**19:019d}")
        if parent_of(name) != location:
            raise ApiError(400, f"Job name '{name}' is not in the parent '{location}'.")
        if self._store.job(name) is not None:
            raise ApiError(409, f"Job {name} already exists.")
        return self._changed_by_user(jobs.new_job(job, name))

    def update_job(self, job: Any, mask: Iterable[str]) -> Any:
        return self._changed_by_user(jobs.updated_job(self.job(job.name), job, mask))

    def job(self, name: str) -> Any:
        job = self._store.job(jobs.job_name(name))
        if job is None:
            raise ApiError(404, "Job not found.")
        return job

    def jobs_page(self, request: Any) -> Any:
        """The answer to a ListJobsRequest; a page's token is the last name of the page before."""
        location, size = jobs.location_name(request.parent), min(request.page_size or LARGEST_PAGE, LARGEST_PAGE)
        left = [job for job in self._store.jobs() if parent_of(job.name) == location and job.name > request.page_token]
        token = left[size - 1].name if len(left) > size else ""
        return jobs.ListJobsResponse(jobs=left[:size], next_page_token=token)

    def delete_job(self, name: str) -> None:
        self.job(name)
        self._store.delete(name)
        self._changed(name)

    def pause_job(self, name: str) -> Any:
        return self._switched(name, jobs.ENABLED, jobs.PAUSED)

    def resume_job(self, name: str) -> Any:
        return self._switched(name, jobs.PAUSED, jobs.ENABLED)

    def locations(self, project: str) -> list[str]:
        """The locations in use: this stand-in has no list of its own and serves any location."""
        return sorted({parent_of(job.name) for job in self._store.jobs() if job.name.startswith(f"{project}/")})

    def _switched(self, name: str, before: int, after: int) -> Any:
        job = self.job(name)
        if job.state != before:
            wanted = jobs.Job.State.Name(before)
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
