"""Decides at every moment which tasks go out, sends them, and settles what came back.

The loop is in dispatching.py, the rules are in rates.py and retries.py; here they meet the store and the courier.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from localcloud.deliveries import Duplicates
from localcloud.dispatching import Dispatching
from localcloud.names import parent_of
from localcloud.outgoing import Outcome
from localcloud.tasks import names, queues, wire
from localcloud.tasks.override import apply_queue_target
from localcloud.tasks.rates import Lane, TokenBucket
from localcloud.tasks.retries import OVERLOAD, Fate
from localcloud.tasks.settling import after_attempt, before_attempt
from localcloud.tasks.store import Store, StoredTask

_log = logging.getLogger(__name__)


class Delivers(Protocol):
    async def deliver(self, task: StoredTask) -> Outcome: ...


class Dispatcher(Dispatching):
    def __init__(self, store: Store, courier: Delivers, duplicates: Duplicates, *, now_s: Callable[[], float]) -> None:
        super().__init__()
        self._store = store
        self._courier = courier
        self._duplicates = duplicates
        self._now_s = now_s
        self._lanes: dict[str, Lane] = {}
        self._under_way: Counter[str] = Counter()  # by task name; a forced run may overlap a regular one

    def clear(self) -> None:
        """Drop deliveries under way, rates and holds: a late answer must not settle a new task of the same name."""
        self._drop_all()
        self._lanes.clear()
        self._under_way.clear()

    def send_due(self) -> float | None:
        waits_s = [self._launch_from(queue) for queue in self._store.queues() if queue.state == wire.RUNNING]
        return min((wait_s for wait_s in waits_s if wait_s is not None), default=None)

    def force(self, name: str) -> Any:
        """Send an existing task now, whatever its queue's state, rate or schedule. Raises: KeyError."""
        task = self._store.task(name)
        if task is None:
            raise KeyError(name)
        return self._send(self._store.queue(parent_of(name)), task).message

    def _launch_from(self, queue: Any) -> float | None:
        while True:
            now_s = self._now_s()
            lane_wait_s = self._lane(queue).wait_s(now_s)
            first = None if lane_wait_s is None else self._first_waiting(queue.name)
            if lane_wait_s is None or first is None:
                return None
            name, due_s = first
            wait_s = max(lane_wait_s, due_s - now_s)
            if wait_s > 0:
                return wait_s
            self.force(name)

    def _first_waiting(self, queue: str) -> tuple[str, float] | None:
        """Name and due time of the earliest task that is not under way."""
        return next((task for task in self._store.by_due(queue) if task[0] not in self._under_way), None)

    def _lane(self, queue: Any) -> Lane:
        limits, now_s = queue.rate_limits, self._now_s()
        rate, burst, most = limits.max_dispatches_per_second, limits.max_burst_size, limits.max_concurrent_dispatches
        lane = self._lanes.get(queue.name)
        if lane is None:  # a restart must not hand out another burst
            tokens, at_s = self._store.tokens(queue.name) or (float(burst), now_s)
            lane = Lane(TokenBucket(rate, burst, tokens, at_s), most)
        lane = lane.reconfigured(per_second=rate, burst=burst, max_concurrent=most, now_s=now_s)
        self._lanes[queue.name] = lane
        return lane

    def _send(self, queue: Any, task: StoredTask) -> StoredTask:
        now_s = self._now_s()
        task = before_attempt(task, now_s)
        self._store.update_task(task)
        lane = self._lanes[queue.name] = self._lane(queue).dispatched(now_s)
        self._store.save_tokens(queue.name, lane.bucket.tokens, lane.bucket.at_s)
        self._under_way[task.name] += 1
        self._spawn(self._attempt(queue, task, now_s))
        if self._duplicates.must_repeat():
            # Its answer is lost: that is what makes it a duplicate.
            self._spawn(self._courier.deliver(apply_queue_target(task, queue)))
        return task

    async def _attempt(self, queue: Any, task: StoredTask, sent_s: float) -> None:
        try:
            outcome = await self._courier.deliver(apply_queue_target(task, queue))
            self._settle(queue, task, outcome, sent_s)
        finally:
            self._under_way[task.name] -= 1
            if self._under_way[task.name] <= 0:
                del self._under_way[task.name]
            if queue.name in self._lanes:
                self._lanes[queue.name] = self._lanes[queue.name].finished()
            self.wake()

    def _settle(self, queue: Any, task: StoredTask, outcome: Outcome, sent_s: float) -> None:
        now_s = self._now_s()
        rule = queues.retry_rule(queue, task.message)
        self._slow_or_free(queue.name, outcome, sent_s, rule.min_backoff_s, rule.max_backoff_s)
        fate, settled = after_attempt(task, outcome, rule, now_s)
        if fate is Fate.AGAIN:
            self._store.update_task(settled)
        else:
            self._store.delete_task(task.name, blocked_until_s=now_s + names.TASK_NAME_BLOCKED_S)
        if fate is not Fate.DONE:
            _log.warning(
                "action=attempt task=%s attempt=%d status=%s trouble=%r fate=%s",
                task.name, task.message.dispatch_count, outcome.status, outcome.trouble, fate.value,
            )  # fmt: skip

    def _slow_or_free(self, queue: str, outcome: Outcome, sent_s: float, shortest_s: float, longest_s: float) -> None:
        lane = self._lanes.get(queue)
        if lane is None or outcome.status is None:
            return
        if outcome.status in OVERLOAD:
            hold = lane.hold.struck(
                sent_s=sent_s,
                now_s=self._now_s(),
                shortest_s=shortest_s,
                longest_s=longest_s,
                asked_s=outcome.retry_after_s,
            )
        else:
            hold = lane.hold.relieved(sent_s=sent_s)
        self._lanes[queue] = replace(lane, hold=hold)
