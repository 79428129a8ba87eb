"""Runs the jobs on their timetable: one execution of a job at a time, retried by its rule, failures never fatal.

Rules from Job.schedule and RetryConfig of the v1 reference (read 2026-11): an execution that is due while the one
before is still under way begins as soon as that has ended, once, however many were due; and a failed execution is
retried until the next one is due. (The page "Retry jobs" says that retries may go on beyond that.)
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from localcloud.delivery import Call, Caller, Dispatching, Duplicates, Outcome, allowed_headers, rpc_code
from localcloud.resources import resource_id, seconds, set_seconds
from localcloud.scheduler import jobs
from localcloud.scheduler.jobs import USER_AGENT, retry_rule
from localcloud.scheduler.service import Store
from localcloud.scheduler.timetable import Timetable, zone_of

_OWN_PREFIX = "x-cloudscheduler"


class HttpDelivery:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def deliver(self, job: Any, scheduled_s: float) -> Outcome:
        """Call the job's target once and wait for the answer, never longer than its attempt deadline."""
        target = job.http_target
        return await self._caller.send(
            Call(
                method=jobs.HttpMethod(target.http_method).name,
                url=target.uri,
                headers=target_headers(job, scheduled_s),
                body=target.body,
                deadline_s=seconds(job.attempt_deadline),
                credentials=target,
            )
        )


def target_headers(job: Any, scheduled_s: float) -> dict[str, str]:
    """The job's own headers, less what the service reserves, plus what it adds to every attempt."""
    moment = datetime.fromtimestamp(int(scheduled_s), zone_of(job.time_zone))
    return allowed_headers(job.http_target.headers, _OWN_PREFIX) | {
        "User-Agent": USER_AGENT,
        "X-CloudScheduler": "true",
        "X-CloudScheduler-JobName": resource_id(job.name),
        "X-CloudScheduler-ScheduleTime": moment.isoformat().replace("+00:00", "Z"),
    }


_log = logging.getLogger(__name__)


class Delivers(Protocol):
    async def deliver(self, job: Any, scheduled_s: float) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of a job, with all its attempts."""

    scheduled_s: float  # epoch seconds
    begun_s: float
    failures: int = 0


class JobRunner(Dispatching):
    def __init__(
        self,
        store: Store,
        courier: Delivers,
        timetable: Timetable,
        duplicates: Duplicates,
        *,
        now_s: Callable[[], float],
    ) -> None:
        super().__init__()
        self._store = store
        self._courier = courier
        self._timetable = timetable
        self._duplicates = duplicates
        self._now_s = now_s
        self._under_way: set[str] = set()
        self._retrying: dict[str, Execution] = {}

    def changed(self, name: str) -> None:
        """The job is another now, or gone: what failed of it before is not retried."""
        self._retrying.pop(name, None)
        self.wake()

    def clear(self) -> None:
        """Drop what is under way: a late answer must not settle a new job of the same name."""
        self._drop_all()
        self._under_way.clear()
        self._retrying.clear()

    def send_due(self) -> float | None:
        waits_s = [self._wait_s(job) for job in self._store.jobs() if job.state == jobs.ENABLED]
        return min((wait_s for wait_s in waits_s if wait_s is not None), default=None)

    def force(self, name: str) -> Any:
        """Attempt an existing job once now, even if it is running or paused; its timetable stays. Raises: KeyError."""
        job = self._store.job(name)
        if job is None:
            raise KeyError(name)
        self._note_attempt(job)
        self._spawn(self._forced(job))
        return job

    def _wait_s(self, job: Any) -> float | None:
        """Seconds until the job is due, after it was begun if it is; None while it is under way."""
        if job.name in self._under_way:
            return None
        wait_s = seconds(job.schedule_time) - self._now_s()
        if wait_s > 0:
            return wait_s
        execution = self._retrying.pop(job.name, None) or Execution(seconds(job.schedule_time), self._now_s())
        self._note_attempt(job)
        self._under_way.add(job.name)
        self._spawn(self._attempt(job, execution))
        if self._duplicates.must_repeat():  # its answer is lost: that is what makes it a duplicate
            self._spawn(self._courier.deliver(job, execution.scheduled_s))
        return None

    def _note_attempt(self, job: Any) -> None:
        set_seconds(job.last_attempt_time, self._now_s())
        self._store.save(job)

    async def _attempt(self, job: Any, execution: Execution) -> None:
        try:
            outcome = await self._courier.deliver(job, execution.scheduled_s)
            self._settle(job.name, execution, outcome)
        finally:
            self._under_way.discard(job.name)
            self.wake()

    async def _forced(self, job: Any) -> None:
        outcome = await self._courier.deliver(job, self._now_s())
        kept = self._store.job(job.name)
        if kept is not None:
            self._note_outcome(kept, outcome)
            self._store.save(kept)

    def _settle(self, name: str, execution: Execution, outcome: Outcome) -> None:
        job = self._store.job(name)  # as it is now: it may have been changed meanwhile, or deleted
        if job is None:
            return
        self._note_outcome(job, outcome)
        now_s, failures = self._now_s(), execution.failures + 1
        rule = retry_rule(job)
        retry_s = now_s + rule.wait_s(failures)
        next_s = self._timetable.next_s(job, max(execution.scheduled_s, execution.begun_s))
        gives_up = rule.gives_up(failures, now_s - execution.begun_s)
        if outcome.acknowledged or gives_up or retry_s >= next_s:
            set_seconds(job.schedule_time, next_s)
        else:
            self._retrying[name] = replace(execution, failures=failures)
            set_seconds(job.schedule_time, retry_s)
        self._store.save(job)

    def _note_outcome(self, job: Any, outcome: Outcome) -> None:
        job.status.Clear()
        job.status.SetInParent()
        job.status.code = rpc_code(outcome)
        if not outcome.acknowledged:
            _log.warning(
                "action=run job=%s outcome=failed status=%s trouble=%r", job.name, outcome.status, outcome.trouble
            )
