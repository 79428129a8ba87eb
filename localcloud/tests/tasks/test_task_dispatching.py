"""The dispatcher on a clock that the test moves: who goes when, without waiting."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localcloud.delivery import Caller, Duplicates, Outcome
from localcloud.identity import Identity
from localcloud.resources import from_json, set_seconds, to_json
from localcloud.serving import ApiError
from localcloud.tasks import resources
from localcloud.tasks.dispatcher import Dispatcher, HttpDelivery, worker_headers
from localcloud.tasks.service import Service
from localcloud.tasks.store import Store, StoredTask
from localcloud.tests.harness import Worker, listening

LOCATION = "projects/local/locations/here"
QUEUE = f"{LOCATION}/queues/clips"


@dataclass
class FakeCourier:
    """Answers from a script (then 200); while the road is closed, deliveries stay under way."""

    outcomes: list[Outcome] = field(default_factory=list)
    road: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[StoredTask] = field(default_factory=list)

    async def deliver(self, task: StoredTask) -> Outcome:
        self.sent.append(task)
        outcome = self.outcomes.pop(0) if self.outcomes else Outcome(200)
        await self.road.wait()
        return outcome

    @property
    def names(self) -> list[str]:
        return [task.name.rsplit("/", 1)[1] for task in self.sent]


class Stage:
    """The whole stand-in without its sockets, at 12:00 on a clock of its own."""

    def __init__(self, state_dir: Path | None = None) -> None:
        self.now_s = 1_800_000_000.0
        self.store = Store(state_dir)
        self.courier = FakeCourier()
        self.courier.road.set()
        self.duplicates = Duplicates()
        self.dispatcher = Dispatcher(self.store, self.courier, self.duplicates, now_s=lambda: self.now_s)
        self.service = Service(self.store, now_s=lambda: self.now_s, wake=self.dispatcher.wake)

    def queue(self, **settings: Any) -> None:
        self.service.create_queue(LOCATION, from_json({"name": QUEUE, **settings}, resources.Queue))

    def task(self, name: str = "", **fields: Any) -> Any:
        document = {"httpRequest": {"url": "http://127.0.0.1:1/"}, **fields}
        if name:
            document["name"] = f"{QUEUE}/tasks/{name}"
        return self.service.create_task(QUEUE, from_json(document, resources.Task))

    async def launch(self) -> float | None:
        """Dispatch what may go, let it be answered, until nothing more may go at this moment."""
        while True:
            before = len(self.courier.sent)
            await self.settle()
            wait_s = self.dispatcher.send_due()
            await self.settle()
            if len(self.courier.sent) == before:
                return wait_s

    async def settle(self) -> None:
        """Turn the loop until every delivery that can end has ended."""
        for _ in range(20):
            await asyncio.sleep(0)


def played(play: Callable[[Stage], Awaitable[None]], state_dir: Path | None = None) -> None:
    async def on_a_stage() -> None:
        stage = Stage(state_dir)
        try:
            await play(stage)
        finally:
            stage.courier.road.set()
            await stage.settle()
            stage.store.close()

    asyncio.run(on_a_stage())


def test_tasks_go_token_by_token_when_their_queue_has_a_rate() -> None:
    async def play(stage: Stage) -> None:
        stage.queue(rateLimits={"maxDispatchesPerSecond": 2, "maxBurstSize": 2})
        for _ in range(5):
            stage.task()
        sent, waits_s = [], []
        for _ in range(4):
            waits_s.append(await stage.launch())
            sent.append(len(stage.courier.sent))
            stage.now_s += 0.5

        assert sent == [2, 3, 4, 5]
        assert waits_s == [0.5, 0.5, 0.5, None]

    played(play)


def test_next_task_goes_as_one_ends_when_workers_are_slow() -> None:
    async def play(stage: Stage) -> None:
        stage.queue(rateLimits={"maxConcurrentDispatches": 2})
        for _ in range(3):
            stage.task()
        stage.courier.road.clear()
        wait_s = await stage.launch()
        under_way = len(stage.courier.sent)
        stage.courier.road.set()
        await stage.launch()

        assert (under_way, wait_s) == (2, None)
        assert len(stage.courier.sent) == 3

    played(play)


def test_scheduled_task_goes_and_not_before_when_its_time_comes() -> None:
    async def play(stage: Stage) -> None:
        stage.queue()
        later = resources.Task()
        set_seconds(later.schedule_time, stage.now_s + 90)
        stage.task("later", scheduleTime=to_json(later)["scheduleTime"])
        early = await stage.launch()
        sent_early = len(stage.courier.sent)
        stage.now_s += 90
        await stage.launch()

        assert (early, sent_early) == (90, 0)
        assert stage.courier.names == ["later"]

    played(play)


def test_failing_task_waits_as_its_queue_says_and_is_dropped_when_its_attempts_are_used_up() -> None:
    async def play(stage: Stage) -> None:
        stage.queue(retryConfig={"maxAttempts": 4, "minBackoff": "1s", "maxBackoff": "3s", "maxDoublings": 5})
        stage.task("hopeless")
        stage.courier.outcomes = [Outcome(500)] * 9
        waits_s = []
        while (wait_s := await stage.launch()) is not None:
            waits_s.append(wait_s)
            stage.now_s += wait_s

        assert waits_s == [1, 2, 3]
        assert len(stage.courier.sent) == 4
        assert stage.store.task(f"{QUEUE}/tasks/hopeless") is None

    played(play)


def test_task_with_its_own_retry_rule_goes_before_its_queues_when_failing() -> None:
    async def play(stage: Stage) -> None:
        stage.queue(retryConfig={"maxAttempts": 9, "minBackoff": "1s"})
        stage.task(retryConfig={"maxAttempts": 2, "minBackoff": "7s"})
        stage.courier.outcomes = [Outcome(500)] * 9
        first_s = await stage.launch()
        stage.now_s += 7
        second_s = await stage.launch()

        assert (first_s, second_s) == (7, None)
        assert len(stage.courier.sent) == 2

    played(play)


def test_headers_tell_a_tasks_history_when_it_is_sent_again() -> None:
    async def play(stage: Stage) -> None:
        stage.queue(retryConfig={"minBackoff": "1s"})
        stage.task("t")
        stage.courier.outcomes = [Outcome(404), Outcome(500), Outcome(None, trouble="reset", code=14)]
        for _ in range(4):
            await stage.launch()
            stage.now_s += 60
        told = [worker_headers(task) for task in stage.courier.sent]

        assert [headers["X-CloudTasks-TaskRetryCount"] for headers in told] == ["0", "1", "2", "3"]
        # 5xx answers and missing answers are attempts, but not executions.
        assert [headers["X-CloudTasks-TaskExecutionCount"] for headers in told] == ["0", "1", "1", "1"]
        previous = [headers.get("X-CloudTasks-TaskPreviousResponse") for headers in told]
        assert previous == [None, "404", "500", "500"]

    played(play)


@pytest.mark.parametrize("status", [429, 503])
def test_whole_queue_waits_when_overloaded_worker_says_so(status: int) -> None:
    async def play(stage: Stage) -> None:
        stage.queue(retryConfig={"minBackoff": "4s"}, rateLimits={"maxConcurrentDispatches": 1})
        stage.task("refused")
        stage.task("innocent")
        stage.courier.outcomes = [Outcome(status)]
        wait_s = await stage.launch()
        sent = list(stage.courier.names)
        stage.now_s += 4
        await stage.launch()

        assert (sent, wait_s) == (["refused"], 4)
        assert sorted(stage.courier.names[1:]) == ["innocent", "refused"]

    played(play)


def test_other_tasks_go_on_when_a_worker_answers_500() -> None:
    async def play(stage: Stage) -> None:
        stage.queue(retryConfig={"minBackoff": "4s"}, rateLimits={"maxConcurrentDispatches": 1})
        stage.task("broken")
        stage.task("innocent")
        stage.courier.outcomes = [Outcome(500)]
        await stage.launch()

        assert stage.courier.names == ["broken", "innocent"]

    played(play)


def test_task_waits_at_least_that_long_when_worker_naming_a_time_fails() -> None:
    async def play(stage: Stage) -> None:
        stage.queue(retryConfig={"minBackoff": "1s"})
        stage.task()
        stage.courier.outcomes = [Outcome(500, retry_after_s=30)]

        assert await stage.launch() == 30

    played(play)


def test_nothing_goes_until_it_resumes_but_a_forced_run_does_when_tasks_are_due() -> None:
    async def play(stage: Stage) -> None:
        stage.queue()
        stage.service.pause_queue(QUEUE)
        stage.task("a")
        stage.task("b")
        paused_s = await stage.launch()
        stage.dispatcher.force(f"{QUEUE}/tasks/b")
        await stage.launch()
        forced = list(stage.courier.names)
        stage.service.resume_queue(QUEUE)
        await stage.launch()

        assert paused_s is None
        assert forced == ["b"]
        assert stage.courier.names == ["b", "a"]

    played(play)


def test_name_is_free_after_an_hour_and_not_before_when_named_task_is_finished() -> None:
    async def play(stage: Stage) -> None:
        stage.queue()
        stage.task("once")
        await stage.launch()
        stage.now_s += 3599
        with pytest.raises(ApiError) as refusal:
            stage.task("once")
        stage.now_s += 2
        stage.task("once")

        assert (refusal.value.code, refusal.value.status) == (409, "ALREADY_EXISTS")

    played(play)


def test_task_deleted_under_way_stays_deleted_when_its_answer_comes() -> None:
    async def play(stage: Stage) -> None:
        stage.queue()
        stage.task("gone")
        stage.courier.outcomes = [Outcome(500)]
        stage.courier.road.clear()
        await stage.launch()
        stage.service.delete_task(f"{QUEUE}/tasks/gone")
        stage.courier.road.set()
        stage.now_s += 60
        await stage.launch()

        assert stage.courier.names == ["gone"]

    played(play)


def test_each_task_goes_twice_and_is_counted_when_every_delivery_doubles() -> None:
    async def play(stage: Stage) -> None:
        stage.queue()
        stage.duplicates.order({"duplicate_rate": 1.0, "seed": 1})
        stage.task("a")
        stage.task("b")
        await stage.launch()

        assert sorted(stage.courier.names) == ["a", "a", "b", "b"]
        assert stage.duplicates.report()["duplicated"] == 2

    played(play)


def test_same_deliveries_double_when_same_seed_is_ordered_again() -> None:
    def draws(seed: int) -> list[bool]:
        duplicates = Duplicates()
        duplicates.order({"duplicate_rate": 0.5, "seed": seed})
        return [duplicates.must_repeat() for _ in range(50)]

    assert draws(1) == draws(1)
    assert draws(1) != draws(2)
    assert 10 < sum(draws(1)) < 40


@pytest.mark.parametrize("order", [{"duplicate_rate": 2}, {"duplicate_rate": "x"}, {"rate": 0.1}, {"seed": "x"}])
def test_unreadable_fault_order_is_refused_when_given(order: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as refusal:
        Duplicates().order(order)

    assert refusal.value.code == 400


def test_queue_has_no_second_burst_when_the_process_comes_back(tmp_path: Path) -> None:
    async def spend(stage: Stage) -> None:
        stage.queue(rateLimits={"maxDispatchesPerSecond": 2, "maxBurstSize": 3})
        for _ in range(5):
            stage.task()
        await stage.launch()

    async def go_on(stage: Stage) -> None:
        wait_s = await stage.launch()

        assert (wait_s, stage.courier.sent) == (0.5, [])

    played(spend, tmp_path)
    played(go_on, tmp_path)


def test_attempt_ends_without_an_answer_when_the_deadline_of_a_silent_worker_passes() -> None:
    silent = Worker()
    silent.open.clear()
    with listening(silent):
        task = from_json({"httpRequest": {"url": silent.url, "httpMethod": "POST"}}, resources.Task)
        task.name, task.dispatch_count = f"{QUEUE}/tasks/t", 1
        set_seconds(task.dispatch_deadline, 0.05)
        outcome = asyncio.run(_delivered(StoredTask(task, 0)))

    assert (outcome.status, outcome.code) == (None, 4)
    assert "deadline" in outcome.trouble


async def _delivered(task: StoredTask) -> Outcome:
    identity = Identity(None)
    caller = Caller(identity)
    try:
        async with asyncio.timeout(10):  # far beyond the task's own deadline
            return await HttpDelivery(caller).deliver(task)
    finally:
        await caller.close()
        await identity.close()


def test_attempts_and_blocked_names_are_still_known_when_the_state_folder_is_opened_again(tmp_path: Path) -> None:
    async def first(stage: Stage) -> None:
        stage.queue(retryConfig={"minBackoff": "50s"})
        stage.task("failing")
        stage.task("done")
        stage.courier.outcomes = [Outcome(500)]
        await stage.launch()

    async def second(stage: Stage) -> None:
        wait_s = await stage.launch()
        with pytest.raises(ApiError) as refusal:
            stage.task("done")
        stage.now_s += 50
        await stage.launch()

        assert wait_s == 50
        assert refusal.value.code == 409
        assert [worker_headers(task)["X-CloudTasks-TaskRetryCount"] for task in stage.courier.sent] == ["1"]

    played(first, tmp_path)
    played(second, tmp_path)
