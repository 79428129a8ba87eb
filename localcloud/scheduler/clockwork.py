"""Runs the jobs on their timetable: one run of a job at a time, failures logged and never fatal."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from localcloud.identity import Identity
from localcloud.scheduler.jobs import Job

_log = logging.getLogger(__name__)

# The default attempt deadline of an HTTP job (Cloud Scheduler reference, read 2026-11).
_ATTEMPT_DEADLINE_S = 180.0


@dataclass(slots=True)
class Record:
    """What happened to a job since the start."""

    runs: int = 0  # begun
    overlaps: int = 0  # not begun, because the run before was still under way
    last_status: int | None = None  # None before the first answer, and after a run without one
    running: bool = False


class Clockwork:
    def __init__(
        self,
        jobs: Iterable[Job],
        identity: Identity,
        *,
        now_s: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self.jobs = {job.name: job for job in jobs}
        self.records = {name: Record() for name in self.jobs}
        self._identity = identity
        self._now_s = now_s
        self._sleep = sleep
        self._client = httpx.AsyncClient(trust_env=False, timeout=None)  # noqa: S113 - see _call()

    async def run(self) -> None:
        """Keep every job's timetable until cancelled."""
        async with asyncio.TaskGroup() as group:
            for job in self.jobs.values():
                group.create_task(self._keep(job, group))

    async def close(self) -> None:
        await self._client.aclose()

    async def fire(self, job: Job, due_s: float) -> bool:
        """Call the job's target once, now; False, and no call, while its last run is still under way."""
        record = self.records[job.name]
        if record.running:
            record.overlaps += 1
            _log.warning("action=run job=%s outcome=overlap", job.name)
            return False
        record.running, record.last_status = True, None
        record.runs += 1
        try:
            record.last_status = await self._call(job, due_s)
        except Exception as exc:  # noqa: BLE001 - a job's trouble must never stop the timetable
            _log.warning("action=run job=%s outcome=no_answer trouble=%r", job.name, exc)
        finally:
            record.running = False
        if record.last_status is not None and not httpx.codes.is_success(record.last_status):
            _log.warning("action=run job=%s outcome=failed status=%d", job.name, record.last_status)
        return True

    async def _keep(self, job: Job, group: asyncio.TaskGroup) -> None:
        first_s = due_s = self._now_s() + job.every_s
        while True:
            await self._sleep(due_s - self._now_s())
            group.create_task(self.fire(job, due_s))
            due_s = job.due_after(max(self._now_s(), due_s), first_s)

    async def _call(self, job: Job, due_s: float) -> int:
        token = await self._identity.id_token(job.audience, job.account) if job.account else None
        headers = {
            "User-Agent": "Google-Cloud-Scheduler",
            "X-CloudScheduler": "true",
            "X-CloudScheduler-JobName": job.name,
            "X-CloudScheduler-ScheduleTime": datetime.fromtimestamp(due_s, UTC).isoformat().replace("+00:00", "Z"),
        } | ({"Authorization": f"Bearer {token}"} if token else {})
        async with asyncio.timeout(_ATTEMPT_DEADLINE_S):
            answer = await self._client.post(job.url, json={}, headers=headers)
        return answer.status_code
