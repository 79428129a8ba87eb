"""When a schedule is due: Google's dialect of cron, time zones and their changes of clocks."""

from datetime import UTC, datetime

import pytest
from google.cloud import scheduler_v1
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.scheduler.timetable import Timetable, next_moment
from localcloud.serving import ApiError


def moments(schedule: str, after: str, count: int, zone: str = "UTC") -> list[str]:
    """The next moments, in the schedule's own time zone."""
    found, at_s = [], datetime.fromisoformat(after).timestamp()
    for _ in range(count):
        moment = next_moment(schedule, zone, at_s)
        at_s = moment.timestamp()
        found.append(moment.isoformat(timespec="minutes"))
    return found


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("*/5 * * * *", "2026-11-21T12:05+00:00"),
        ("0 9 * * MON-FRI", "2026-11-23T09:00+00:00"),  # the 21st is a Saturday
        ("0 9 * * 7", "2026-11-22T09:00+00:00"),
        ("0 9 * * 0", "2026-11-22T09:00+00:00"),
        ("30 8,18 * * *", "2026-11-21T18:30+00:00"),
        ("0 0 1 JAN *", "2027-01-01T00:00+00:00"),
        ("0 0 1 * SUN", "2026-11-22T00:00+00:00"),  # day of the month or of the week, where both are named
        ("5-59/20 * * * *", "2026-11-21T12:05+00:00"),
        ("0 0 29 2 *", "2028-02-29T00:00+00:00"),
    ],
)
def test_schedule_is_due_at_its_first_moment_after_now_when_read(schedule: str, due: str) -> None:
    assert moments(schedule, "2026-11-21T12:00:00+00:00", 1) == [due]


@pytest.mark.parametrize(
    "schedule",
    [
        *("", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "0 0 32 * *", "*/0 * * * *", "0 0 * XYZ *"),
        *("0 0 L * *", "0 0 15W * *", "0 0 * * MON#2", "0 0 * * 5L", "0 9 * * mon", "0 0 30 2 *"),
        *("every 5 minutes", "@daily"),
    ],
)
def test_schedule_outside_the_dialect_is_refused_when_asked(schedule: str) -> None:
    with pytest.raises(ApiError, match="Schedule or time zone is invalid"):
        next_moment(schedule, "UTC", 0)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../etc/passwd", "/etc/localtime", "Europe", "x\0"])
def test_unknown_time_zone_is_refused_when_asked(zone: str) -> None:
    with pytest.raises(ApiError, match="Schedule or time zone is invalid"):
        next_moment("0 0 * * *", zone, 0)


@pytest.mark.parametrize("zone", ["", "utc", "UTC", "Etc/UTC"])
def test_utc_is_understood_when_spelled_in_any_way(zone: str) -> None:
    assert next_moment("0 4 * * *", zone, 0).timestamp() == 4 * 3600


def test_daily_job_comes_once_after_the_gap_when_the_clocks_go_forward() -> None:
    """In Berlin, 29 March 2026 has no 02:30."""
    assert moments("30 2 * * *", "2026-03-28T12:00:00+00:00", 2, "Europe/Berlin") == [
        "2026-03-29T03:00+02:00",
        "2026-03-30T02:30+02:00",
    ]


def test_daily_job_comes_once_when_the_clocks_go_back() -> None:
    """In Berlin, 25 October 2026 has 02:30 twice."""
    assert moments("30 2 * * *", "2026-10-24T12:00:00+00:00", 2, "Europe/Berlin") == [
        "2026-10-25T02:30+02:00",
        "2026-10-26T02:30+01:00",
    ]


@settings(deadline=None)  # a busy machine is no reason to fail
@given(st.sampled_from([1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30]), st.integers(0, 2_000_000_000))
def test_schedule_is_due_at_the_first_tick_when_read_at_any_moment(minutes: int, now_s: int) -> None:
    due_s = next_moment(f"*/{minutes} * * * *", "UTC", now_s).timestamp()

    assert due_s % (minutes * 60) == 0
    assert now_s < due_s <= now_s + minutes * 60


def test_job_follows_its_local_period_and_still_needs_a_valid_schedule_when_one_is_given() -> None:
    timetable = Timetable({"sweep": 5.0})
    sweep = scheduler_v1.Job.pb()(name="projects/p/locations/l/jobs/sweep", schedule="*/5 * * * *")
    other = scheduler_v1.Job.pb()(name="projects/p/locations/l/jobs/other", schedule="*/5 * * * *")
    at_s = datetime(2026, 11, 21, 12, 1, tzinfo=UTC).timestamp()

    assert timetable.next_s(sweep, at_s) == at_s + 5
    assert timetable.next_s(other, at_s) == at_s + 4 * 60
    sweep.schedule = "soon"
    with pytest.raises(ApiError):
        timetable.next_s(sweep, at_s)
