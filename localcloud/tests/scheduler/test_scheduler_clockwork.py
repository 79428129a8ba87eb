"""Executions on a clock that the test moves: due, late, retried, paused, without waiting."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from localcloud.delivery import Duplicates, Outcome
from localcloud.resources import from_json, seconds, set_seconds
from localcloud.scheduler import jobs
from localcloud.scheduler.job_runner import JobRunner
from localcloud.scheduler.service import Service, Store
from localcloud.scheduler.timetable import Timetable

LOCATION = "projects/local/locations/here"
JOB = f"{LOCATION}/jobs/sweep"
NOON_S = 1_800_014_400.0  # 2027-01-15T12:00:00Z
MINUTE_S = 60.0


@dataclass
class FakeCourier:
    """Answers from a script (then 200); while the road is closed, attempts stay under way."""

    outcomes: list[Outcome] = field(default_factory=list)
    road: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[float] = field(default_factory=list)
    """The scheduled moment of each attempt, in seconds since noon."""

    async def deliver(self, job: Any, scheduled_s: float) -> Outcome:
        del job
        self.sent.append(scheduled_s - NOON_S)
        outcome = self.outcomes.pop(0) if self.outcomes else Outcome(200)
        await self.road.wait()
        return outcome


class Stage:
    """The whole stand-in without its sockets, at noon on a clock of its own."""

    def __init__(self) -> None:
        self.now_s = NOON_S
        self.store = Store(None)
        self.courier = FakeCourier()
        self.courier.road.set()
        self.duplicates = Duplicates()
        timetable = Timetable()
        self.clockwork = JobRunner(self.store, self.courier, timetable, self.duplicates, now_s=lambda: self.now_s)
        self.service = Service(self.store, timetable, now_s=lambda: self.now_s, changed=self.clockwork.changed)

    def job(self, **fields: Any) -> Any:
        document = {"name": JOB, "schedule": "*/5 * * * *", "httpTarget": {"uri": "http://127.0.0.1:1/"}, **fields}
        return self.service.create_job(LOCATION, from_json(document, jobs.Job))

    @property
    def due_s(self) -> float:
        """The job's schedule_time, in seconds since noon."""
        return seconds(self.service.job(JOB).schedule_time) - NOON_S

    async def at(self, since_noon_s: float) -> float | None:
        """Let the clock jump, run what is due and let it be answered; what the loop would then wait for."""
        self.now_s = NOON_S + since_noon_s
        self.clockwork.send_due()
        await self.settle()
        return self.clockwork.send_due()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


def played(play: Callable[[Stage], Awaitable[None]]) -> None:
    async def on_stage() -> None:
        await play(Stage())

    asyncio.run(on_stage())


def test_job_runs_at_each_of_its_moments_when_they_come() -> None:
    async def play(stage: Stage) -> None:
        stage.job()
        waits_s = [await stage.at(at_s) for at_s in (299, 300, 301, 599, 600.5)]

        assert stage.courier.sent == [300, 600]
        assert waits_s == [1, 300, 299, 1, 299.5]

    played(play)


def test_job_shows_what_its_target_said_when_answered() -> None:
    async def play(stage: Stage) -> None:
        stage.job()
        stage.courier.outcomes = [Outcome(500), Outcome(None, trouble="late", code=4), Outcome(302), Outcome(204)]
        codes = []
        for run in range(1, 5):
            await stage.at(run * 300)
            codes.append(stage.service.job(JOB).status.code)

        assert codes == [13, 4, 2, 0]
        assert stage.service.job(JOB).HasField("status")
        assert seconds(stage.service.job(JOB).last_attempt_time) == NOON_S + 1200

    played(play)


def test_failed_job_without_retries_runs_by_its_schedule_when_due_again() -> None:
    async def play(stage: Stage) -> None:
        stage.job()
        stage.courier.outcomes = [Outcome(500)]
        await stage.at(300)
        assert stage.due_s == 600
        await stage.at(600)

        assert stage.courier.sent == [300, 600]

    played(play)


def test_failed_job_with_retries_waits_double_until_the_count_is_used_up_when_it_goes_on_failing() -> None:
    async def play(stage: Stage) -> None:
        stage.job(retryConfig={"retryCount": 3})
        stage.courier.outcomes = [Outcome(503)] * 5
        dues_s = []
        for at_s in (300, 305, 315, 335):
            await stage.at(at_s)
            dues_s.append(stage.due_s)

        assert dues_s == [305, 315, 335, 600]
        assert stage.courier.sent == [300] * 4  # attempts of one execution say when that was scheduled

    played(play)


def test_next_execution_begins_with_all_its_retries_when_retried_job_succeeds() -> None:
    async def play(stage: Stage) -> None:
        stage.job(retryConfig={"retryCount": 1})
        stage.courier.outcomes = [Outcome(500), Outcome(200), Outcome(500)]
        dues_s = []
        for at_s in (300, 305, 600):
            await stage.at(at_s)
            dues_s.append(stage.due_s)

        assert dues_s == [305, 600, 605]

    played(play)


def test_both_limits_must_be_reached_when_job_with_a_retry_duration_goes_on_failing() -> None:
    async def play(stage: Stage) -> None:
        stage.job(retryConfig={"maxRetryDuration": "30s", "minBackoffDuration": "10s", "maxDoublings": 1})
        stage.courier.outcomes = [Outcome(500)] * 3
        dues_s = []
        for at_s in (300, 310, 330):
            await stage.at(at_s)
            dues_s.append(stage.due_s)

        assert dues_s == [310, 330, 600]

    played(play)


def test_next_execution_takes_the_place_of_a_retry_when_the_retry_would_come_after_it() -> None:
    async def play(stage: Stage) -> None:
        stage.job(retryConfig={"retryCount": 5, "minBackoffDuration": "301s"})
        stage.courier.outcomes = [Outcome(500)]
        await stage.at(300)

        assert stage.due_s == 600

    played(play)


def test_one_late_execution_follows_at_its_end_when_running_job_is_due_again_and_again() -> None:
    async def play(stage: Stage) -> None:
        stage.job()
        stage.courier.road.clear()
        waits_s = [await stage.at(at_s) for at_s in (300, 600, 900, 1200)]
        stage.courier.road.set()
        await stage.settle()
        await stage.at(1210)

        assert waits_s == [None] * 4
        assert stage.courier.sent == [300, 600]
        assert stage.due_s == 1500

    played(play)


def test_paused_job_waits_for_the_first_one_after_it_is_resumed_when_its_moment_comes() -> None:
    async def play(stage: Stage) -> None:
        stage.job()
        stage.service.pause_job(JOB)
        wait_s = await stage.at(300)
        stage.now_s = NOON_S + 700
        stage.service.resume_job(JOB)
        await stage.at(700)

        assert wait_s is None
        assert (stage.courier.sent, stage.due_s) == ([], 900)

    played(play)


def test_forced_job_is_attempted_at_once_and_its_timetable_stays_when_running_or_paused() -> None:
    async def play(stage: Stage) -> None:
        stage.job()
        stage.courier.road.clear()
        await stage.at(300)
        stage.clockwork.force(JOB)
        stage.service.pause_job(JOB)
        stage.clockwork.force(JOB)
        await stage.settle()

        assert stage.courier.sent == [300, 300, 300]
        assert stage.due_s == 600

    played(play)


def test_job_follows_its_new_schedule_when_changed_while_it_is_retried() -> None:
    async def play(stage: Stage) -> None:
        job = stage.job(retryConfig={"retryCount": 5})
        stage.courier.outcomes = [Outcome(500)]
        await stage.at(300)
        job.schedule = "0 * * * *"
        stage.service.update_job(job, ["schedule"])
        await stage.at(305)
        due_s = stage.due_s
        await stage.at(60 * MINUTE_S)

        assert due_s == 60 * MINUTE_S
        assert stage.courier.sent == [300, 60 * MINUTE_S]

    played(play)


def test_answer_brings_nothing_back_when_job_is_deleted_while_it_runs() -> None:
    async def play(stage: Stage) -> None:
        stage.job()
        stage.courier.road.clear()
        await stage.at(300)
        stage.service.delete_job(JOB)
        stage.courier.road.set()
        await stage.settle()

        assert stage.store.jobs() == []

    played(play)


def test_moment_that_passed_while_nobody_was_there_runs_once_late_when_started_again() -> None:
    async def play(stage: Stage) -> None:
        job = stage.job()
        set_seconds(job.schedule_time, NOON_S - 3600)
        stage.store.save(job)
        await stage.at(10)
        await stage.at(20)

        assert (stage.courier.sent, stage.due_s) == ([-3600], 300)

    played(play)


def test_job_is_delivered_twice_and_counted_when_duplicates_are_ordered() -> None:
    async def play(stage: Stage) -> None:
        stage.duplicates.order({"duplicate_rate": 1})
        stage.job()
        await stage.at(300)

        assert stage.courier.sent == [300, 300]
        assert stage.duplicates.report()["duplicated"] == 1

    played(play)
