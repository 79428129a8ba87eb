"""A flood of standard clips beside high ones: the queues' and the slots' real rules, a simulated provider, no clock.

A simulation is made of events at virtual times. The queues obey localcloud/tasks' rules of Cloud Tasks; a delivered
task takes a slot as `await_slot` does; the provider counts the requests of the last minute and refuses those above.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from localcloud.tasks.rates import Lane, TokenBucket
from localcloud.tasks.retries import RetryRule
from promptreel.domain.models import VideoModel, registry
from promptreel.domain.send_slots import WINDOW_S, Cadence, Priority, SendSlots, slots_id
from promptreel.errors import Transient, VersionConflict
from promptreel.ports.storage import Create
from promptreel.ports.system import Clock
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.send_slots import PATIENCE_S, await_slot, quota_per_minute
from tests.factories import later
from tests.fakes.jobs import MemoryJobs
from tests.fakes.services import FakeServices
from tests.fakes.system import START, FakeIds
from tests.infra.policy import declared

VEO, LITE = "veo-3.1-generate-001", "veo-3.1-lite-generate-001"
QUEUES: dict[Priority, str] = {"standard": "clips", "high": "clips-high"}
CLOUD_TASKS_BURST = 10
POST_S = 1.0  # that a request takes, in which its task counts as being delivered
TAKES_SLOTS, TAKES_NONE = True, False


@dataclass(slots=True)
class Clip:
    """A clip's task, when it was queued, and when its request was accepted."""

    priority: Priority
    queued_s: float
    attempts: int = 0
    sent_s: float | None = None

    @property
    def delay_s(self) -> float:
        assert self.sent_s is not None
        return self.sent_s - self.queued_s


@dataclass(slots=True)
class Queue:
    """One queue of infra/config/queues.json with its waiting tasks, by due time."""

    lane: Lane
    rule: RetryRule
    waiting: list[tuple[float, int, Clip]] = field(default_factory=list)
    wakes_s: float = 0.0


class Simulation:
    """Clips of one model from their queueing to the acceptance of their request."""

    def __init__(self, quota: int, *, takes_slots: bool) -> None:
        self.cadence = Cadence.of(quota, pace=1.0) if takes_slots else None
        self.quota = quota
        self.taken_until = START
        self.accepted: list[float] = []
        self.refused = 0
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._number = count()
        self._queues = {priority: _queue(name) for priority, name in QUEUES.items()}

    def queue(self, priority: Priority, at_s: float, clips: int) -> list[Clip]:
        """Let clips be queued at this time."""
        queued = [Clip(priority, at_s) for _ in range(clips)]
        for clip in queued:
            self._at(at_s, lambda now_s, clip=clip: self._enqueue(clip, now_s))  # type: ignore[misc]
        return queued

    def run(self, until_s: float) -> None:
        while self._events and self._events[0][0] <= until_s:
            now_s, _, act = heapq.heappop(self._events)
            act(now_s)

    def most_in_a_minute(self) -> int:
        """The most requests that the provider got within any window."""
        window: deque[float] = deque()
        most = 0
        for sent_s in sorted(self.accepted):
            window.append(sent_s)
            while window[0] <= sent_s - WINDOW_S:
                window.popleft()
            most = max(most, len(window))
        return most

    def _at(self, at_s: float, act: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (at_s, next(self._number), act))

    def _enqueue(self, clip: Clip, due_s: float) -> None:
        heapq.heappush(self._queues[clip.priority].waiting, (due_s, next(self._number), clip))
        self._at(due_s, lambda now_s: self._dispatch(clip.priority, now_s))

    def _dispatch(self, priority: Priority, now_s: float) -> None:
        queue = self._queues[priority]
        while queue.waiting and queue.waiting[0][0] <= now_s:
            wait_s = queue.lane.wait_s(now_s)
            if wait_s is None:
                return
            if wait_s > 0:
                if not now_s < queue.wakes_s <= now_s + wait_s:
                    queue.wakes_s = now_s + wait_s
                    self._at(queue.wakes_s, lambda later_s: self._dispatch(priority, later_s))
                return
            _, _, clip = heapq.heappop(queue.waiting)
            queue.lane = queue.lane.dispatched(now_s)
            clip.attempts += 1
            self._deliver(clip, now_s, now_s)

    def _deliver(self, clip: Clip, began_s: float, now_s: float) -> None:
        """As `await_slot`: a high clip takes its slot and waits, a standard one waits and takes what is left."""
        if self.cadence is None:
            self._post(clip, began_s, now_s)
            return
        now, deadline_s = START + timedelta(seconds=now_s), began_s + PATIENCE_S[clip.priority]
        send_s = (self.cadence.send_at(self.taken_until, clip.priority, now) - START).total_seconds()
        if send_s > deadline_s:
            self._end(clip, began_s, now_s, 500)
        elif clip.priority == "high" or send_s <= now_s:
            self.taken_until = self.cadence.take(self.taken_until, now)
            self._at(send_s, lambda later_s: self._post(clip, began_s, later_s))
        else:
            self._at(send_s, lambda later_s: self._deliver(clip, began_s, later_s))

    def _post(self, clip: Clip, began_s: float, now_s: float) -> None:
        if sum(sent_s > now_s - WINDOW_S for sent_s in self.accepted[-self.quota :]) >= self.quota:
            self.refused += 1
            self._end(clip, began_s, now_s, 429)
            return
        self.accepted.append(now_s)
        clip.sent_s = now_s
        self._end(clip, began_s, now_s, 200)

    def _end(self, clip: Clip, began_s: float, now_s: float, status: int) -> None:
        def finish(later_s: float) -> None:
            queue = self._queues[clip.priority]
            hold = queue.lane.hold
            if status == 429:
                longest_s = queue.rule.max_backoff_s
                hold = hold.struck(
                    sent_s=began_s, now_s=later_s, shortest_s=queue.rule.min_backoff_s, longest_s=longest_s, asked_s=0.0
                )
            else:
                hold = hold.relieved(sent_s=began_s)
            queue.lane = replace(queue.lane.finished(), hold=hold)
            if status != 200:
                self._enqueue(clip, later_s + queue.rule.wait_s(clip.attempts))
            self._dispatch(clip.priority, later_s)

        self._at(now_s + POST_S, finish)


def _queue(name: str) -> Queue:
    config: dict[str, Any] = declared.config("queues")[name]
    retry = config["retry"]
    bucket = TokenBucket(config["dispatches_per_minute"] / 60, CLOUD_TASKS_BURST, CLOUD_TASKS_BURST, 0.0)
    rule = RetryRule(retry["max_attempts"], 0.0, retry["min_backoff_s"], retry["max_backoff_s"], retry["max_doublings"])
    return Queue(Lane(bucket, config["max_concurrent_dispatches"]), rule)


def simulate(
    quota: int, *, flood: int, high: Iterable[tuple[float, int]], takes_slots: bool
) -> tuple[Simulation, list[Clip]]:
    """A flood of standard clips at 0 s, and high films of some clips each, simulated for an hour."""
    simulation = Simulation(quota, takes_slots=takes_slots)
    simulation.queue("standard", 0.0, flood)
    clips = [clip for at_s, count in high for clip in simulation.queue("high", at_s, count)]
    simulation.run(3600)
    return simulation, clips


HIGH_FILMS = [(at_s, 4) for at_s in (61.0, 200.5, 433.3, 700.7, 1201.0)]


@pytest.mark.parametrize("quota", [1, 2, 5, 10, 50, 120, 600])
def test_high_clip_waits_one_slot_longer_at_most_when_standard_clips_flood_the_queue(quota: int) -> None:
    films = [(at_s, 1) for at_s in (700.0, 1400.0, 2800.0)] if quota == 1 else HIGH_FILMS
    _, alone = simulate(quota, flood=0, high=films, takes_slots=TAKES_SLOTS)
    simulation, flooded = simulate(quota, flood=2000, high=films, takes_slots=TAKES_SLOTS)

    interval_s = Cadence.of(quota, pace=1.0).interval_s
    assert all(more.delay_s <= less.delay_s + interval_s for less, more in zip(alone, flooded, strict=True))
    assert simulation.refused == 0
    assert simulation.most_in_a_minute() <= quota


def test_high_clips_wait_for_minutes_when_queues_alone_share_a_small_quota() -> None:
    """Why there are slots: two queues keep the sum of their rates, and a model's quota may be less (docs/adr/0032)."""
    simulation, flooded = simulate(10, flood=2000, high=HIGH_FILMS, takes_slots=TAKES_NONE)

    assert simulation.refused > 100
    assert max(clip.delay_s for clip in flooded) > 60


@pytest.mark.parametrize(("quota", "share"), [(5, 0.7), (10, 0.7), (50, 0.55)])
def test_standard_clips_use_most_of_the_quota_when_they_are_alone(quota: int, share: float) -> None:
    """At a quota of 50 their queue's own rate is the limit."""
    simulation, _ = simulate(quota, flood=3000, high=(), takes_slots=TAKES_SLOTS)

    assert len(simulation.accepted) / 60 >= quota * share


def test_standard_clips_are_all_sent_when_high_films_come_and_go() -> None:
    simulation = Simulation(10, takes_slots=TAKES_SLOTS)
    standard = simulation.queue("standard", 0.0, 60)
    for at_s in range(0, 1800, 120):
        simulation.queue("high", float(at_s), 4)

    simulation.run(3600)

    assert all(clip.sent_s is not None for clip in standard)


@pytest.mark.parametrize("quota", [1, 2, 3, 7, 10, 50, 600])
def test_no_window_holds_more_slots_than_the_quota_when_every_slot_is_taken_at_once(quota: int) -> None:
    cadence, now, taken = Cadence.of(quota, pace=1.0), START, START
    sent = []
    for _ in range(3 * quota + 3):
        sent.append((cadence.send_at(taken, "high", now) - START).total_seconds())
        taken = cadence.take(taken, now)

    for first in sent:
        assert sum(first <= one < first + WINDOW_S for one in sent) <= quota


class Waits(Clock):
    """Stands still but for `sleep`, and lets something happen while it sleeps."""

    def __init__(self, during: Callable[[], None] = lambda: None) -> None:
        self.at, self.slept, self._during = START, list[float](), during

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        during, self._during = self._during, lambda: None
        during()
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


def _world(clock: Waits) -> FakeServices:
    world = FakeServices()
    world.clock = clock  # type: ignore[assignment]
    world.jobs = MemoryJobs(clock, FakeIds())
    return world


def _lite() -> VideoModel:
    return registry().video_model(LITE)


def _taken_until(world: FakeServices) -> float:
    read = world.jobs.get_send_slots(LITE)
    assert read is not None
    return (read.value.taken_until - START).total_seconds()


INTERVAL_S = Cadence.of(10, pace=1.0).interval_s


def test_first_clip_of_a_model_is_sent_at_once_and_takes_one_slot() -> None:
    world = _world(Waits())

    await_slot(_lite(), "standard", later(600), world)

    assert world.clock.now() == START
    assert _taken_until(world) == pytest.approx(INTERVAL_S)


def test_standard_clip_waits_for_its_slot_and_lets_a_high_one_go_first_when_one_comes_meanwhile() -> None:
    sent: list[datetime] = []

    def high_clips() -> None:
        for _ in range(2):
            await_slot(_lite(), "high", later(600), other)
            sent.append(other.clock.now())

    clock = Waits(high_clips)
    world, other = _world(clock), _world(Waits())
    other.jobs = world.jobs
    await_slot(_lite(), "standard", later(600), world)

    with pytest.raises(Transient) as refused:
        await_slot(_lite(), "standard", later(600), world)

    assert sent[0] == START  # the slot that is kept for high clips
    assert (sent[1] - START).total_seconds() == pytest.approx(INTERVAL_S)
    assert refused.value.code == "slots_taken"
    assert _taken_until(world) == pytest.approx(3 * INTERVAL_S)


def test_standard_clip_takes_no_slot_when_its_request_was_sent_while_it_waited() -> None:
    world = _world(Waits())
    await_slot(_lite(), "standard", later(600), world)
    before = _taken_until(world)

    await_slot(_lite(), "standard", later(600), world, is_wanted=lambda: False)

    assert world.clock.now() > START
    assert _taken_until(world) == before


def test_clip_takes_no_slot_when_its_slot_is_later_than_its_request_may_wait() -> None:
    world = _world(Waits())
    for _ in range(2):
        await_slot(_lite(), "high", later(600), world)
    before = _taken_until(world)

    with pytest.raises(Transient):
        await_slot(_lite(), "high", START + timedelta(seconds=1), world)

    assert _taken_until(world) == before


def test_clip_takes_the_slot_after_when_another_one_was_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    world = _world(Waits())
    write, slots = world.jobs.write, SendSlots(id=slots_id(LITE), model=LITE, taken_until=later(5), updated=START)

    def lose_once(*changes: Any) -> None:
        monkeypatch.setattr(world.jobs, "write", write)
        write(Create("", slots))
        raise VersionConflict("another clip was first")

    monkeypatch.setattr(world.jobs, "write", lose_once)
    await_slot(_lite(), "standard", later(600), world)

    assert world.clock.now() == later(5)
    assert _taken_until(world) == pytest.approx(5 + INTERVAL_S)


def test_models_have_slots_of_their_own() -> None:
    world = _world(Waits())
    await_slot(_lite(), "standard", later(600), world)

    await_slot(registry().video_model("gemini-omni-1.2-flash"), "standard", later(600), world)

    assert world.clock.now() == START


@pytest.mark.parametrize(
    ("model", "granted", "quota"),
    [(VEO, 50, 50), (VEO, 10, 10), (VEO, 120, 120), (LITE, 120, 10), (LITE, 5, 5), ("google/veo-3.1", 5, 600)],
)
def test_quota_of_a_veo_model_is_what_was_granted_unless_its_own_is_less(model: str, granted: int, quota: int) -> None:
    assert quota_per_minute(registry().video_model(model), granted) == quota


def test_slots_are_as_much_closer_as_the_stack_is_faster() -> None:
    slow, fast = Cadence.of(50, pace=1.0), Cadence.of(50, pace=0.05)

    assert fast.interval_s < slow.interval_s / 10


def test_copied_and_filmed_clips_take_no_slot(world: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Priority] = []
    monkeypatch.setattr(
        "promptreel.usecases.submit_clip.await_slot", lambda _model, priority, *_: asked.append(priority)
    )

    def film(execution: str) -> None:
        request = {"prompt": "A lighthouse keeper waits", "checks": False, "owner": "mira@example.com"}
        opened = world.open_job(OpenJob(execution, {**request, "priority": "high"}))
        job = world.jobs.get_job(opened.job_id).value
        world.write_storyboard(JobRun(job.id, job.run))
        world.draw_all(world.jobs.get_job(job.id).value)
        assert world.film_queued(job) == "done"

    film("e-1")
    assert asked == ["high"] * 3
    world.submit_queued()
    assert len(asked) == 3

    film("e-2")
    assert len(world.video.requests) == len(asked) == 3


def test_refused_clip_is_left_as_planned_and_costs_no_attempt(world: FakeServices) -> None:
    """The flood may last for hours: what waits for its turn must not be moved to another model, nor pay."""
    world.veo_quota_per_minute = 1  # type: ignore[misc]
    job = world.drawn()
    first, second, *_ = world.queue.tasks
    world.deliver(first)

    with pytest.raises(Transient) as refused:
        world.deliver(second)

    assert refused.value.code == "slots_taken"
    call = world.jobs.get_call(job.id, world.jobs.get_scene(job.id, second.scene).value.clip_call_id(job.id))
    assert call is not None
    assert (call.value.state.value, call.value.unsent_since, call.value.lease) == ("PLANNED", None, None)
    assert len(world.video.requests) == 1
