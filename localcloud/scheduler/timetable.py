"""When a job is due: its schedule in its time zone, or a local override of the period. Pure; no I/O.

The dialect is unix-cron with five fields as "Cron job format and time zone" describes it (read 2026-11): names are the
first three letters in capitals, and there is no L, W or #. Around a change of clocks the moments are those of Debian's
cron: one that falls into the gap comes right after it, and none comes twice. App Engine's English-like schedules
("every 24 hours"), which Google still takes and advises against, are refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from localcloud.resources import resource_id
from localcloud.serving import ApiError

_VALUE = r"(?:\d{1,2}|[A-Z]{3})"
_PART = rf"(?:\*|{_VALUE}(?:-{_VALUE})?)(?:/\d{{1,2}})?"
_CRON = re.compile(rf"(?:{_PART}(?:,{_PART})*)(?:\s+{_PART}(?:,{_PART})*){{4}}")

_INVALID = "Schedule or time zone is invalid."


@dataclass(frozen=True, slots=True)
class Timetable:
    periods_s: Mapping[str, float] = field(default_factory=dict)
    """By job id: jobs that run so often here, whatever their schedule says."""

    def next_s(self, job: Any, after_s: float) -> float:
        """The job's first moment strictly after `after_s`, both in epoch seconds. Raises: ApiError 400."""
        period_s = self.periods_s.get(resource_id(job.name))
        scheduled_s = next_moment(job.schedule, job.time_zone, after_s).timestamp()
        return scheduled_s if period_s is None else after_s + period_s


def next_moment(schedule: str, time_zone: str, after_s: float) -> datetime:
    """The schedule's first moment strictly after `after_s`, in its own time zone. Raises: ApiError 400."""
    zone = zone_of(time_zone)
    if not _CRON.fullmatch(schedule.strip()):
        raise ApiError(400, _INVALID)
    try:
        return next(CronSim(schedule.strip(), datetime.fromtimestamp(after_s, zone)))
    except (CronSimError, StopIteration) as exc:
        raise ApiError(400, _INVALID) from exc


def zone_of(name: str) -> tzinfo:
    """The time zone of that name in the tz database; UTC in any spelling, and without a name. Raises: ApiError 400."""
    if name.upper() in {"", "UTC"}:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as exc:
        raise ApiError(400, _INVALID) from exc
