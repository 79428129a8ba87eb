"""One attempt of one job as an HTTP call. Knows nothing of schedules or retries."""

from datetime import datetime
from typing import Any

from localcloud.messages import seconds
from localcloud.names import resource_id
from localcloud.outgoing import Call, Caller, Outcome, allowed_headers
from localcloud.scheduler import wire
from localcloud.scheduler.admission import USER_AGENT
from localcloud.scheduler.timetable import zone_of

_OWN_PREFIX = "x-cloudscheduler"


class HttpDelivery:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def deliver(self, job: Any, scheduled_s: float) -> Outcome:
        """Call the job's target once and wait for the answer, never longer than its attempt deadline."""
        target = job.http_target
        return await self._caller.send(
            Call(
                method=wire.HttpMethod(target.http_method).name,
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
