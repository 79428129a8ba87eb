"""Which tasks are sent at each moment, each sending as one HTTP call, and what its outcome changes.

The loop is in delivery.py, the rules are in rates.py and retries.py. A queue's own HTTP target overrides the requests
of its tasks when they are sent (HttpTarget and UriOverride of the v2 reference, read 2026-11); stored tasks do not
change.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

from google.cloud import tasks_v2

from localcloud.delivery import Call, Caller, Dispatching, Duplicates, Outcome, allowed_headers, rpc_code
from localcloud.resources import clone, parent_of, resource_id, seconds, set_seconds
from localcloud.tasks import resources
from localcloud.tasks.rates import Lane, TokenBucket
from localcloud.tasks.resources import USER_AGENT
from localcloud.tasks.retries import OVERLOAD, Fate, RetryRule
from localcloud.tasks.store import Store, StoredTask

_SERVER_ERRORS = range(500, 600)
_IF_NOT_EXISTS = tasks_v2.UriOverride.UriOverrideEnforceMode.IF_NOT_EXISTS
_SCHEMES = {tasks_v2.UriOverride.Scheme.HTTP: "http", tasks_v2.UriOverride.Scheme.HTTPS: "https"}


def apply_queue_target(task: StoredTask, queue: Any) -> StoredTask:
    """The task as its worker gets it."""
    if not queue.HasField("http_target"):
        return task
    message = clone(task.message)
    message.http_request.CopyFrom(_overridden(task.message.http_request, queue.http_target))
    return replace(task, message=message)


def _overridden(request: Any, target: Any) -> Any:
    sent = clone(request)
    if target.HasField("uri_override"):
        sent.url = _url(urlsplit(request.url), target.uri_override).geturl()
    if target.http_method:
        sent.http_method = target.http_method
        if target.http_method == resources.HttpMethod.GET:
            sent.ClearField("body")
    for override in target.header_overrides:
        sent.headers[override.header.key] = override.header.value
    token = target.WhichOneof("authorization_header")
    if token:
        getattr(sent, token).CopyFrom(getattr(target, token))
    return sent


def _url(own: SplitResult, override: Any) -> SplitResult:
    only_missing = override.uri_override_enforce_mode == _IF_NOT_EXISTS
    scheme = _SCHEMES.get(override.scheme, "") if override.HasField("scheme") else ""
    host = override.host if override.HasField("host") else ""
    port = str(own.port or "") if not override.HasField("port") else str(override.port or "")
    if only_missing:  # a task's URL always has a scheme and a host
        scheme, host, port = "", "", str(own.port or "") or port
    netloc = (host or own.hostname or "") + (f":{port}" if port else "")
    path = override.path_override.path if _applies(override, "path_override", own.path, only_missing) else own.path
    if path and not path.startswith("/"):
        path = f"/{path}"
    replaced = _applies(override, "query_override", own.query, only_missing)
    query = override.query_override.query_params if replaced else own.query
    return SplitResult(scheme or own.scheme, netloc, path, query, own.fragment)


def _applies(override: Any, field: str, own: str, only_missing: bool) -> bool:
    return bool(override.HasField(field)) and not (only_missing and own)


_OWN_PREFIX = "x-cloudtasks-"


class HttpDelivery:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def deliver(self, task: StoredTask) -> Outcome:
        """Send the task once and wait for the answer, never longer than its dispatch deadline."""
        request = task.message.http_request
        return await self._caller.send(
            Call(
                method=resources.HttpMethod(request.http_method).name,
                url=request.url,
                headers=worker_headers(task),
                body=request.body,
                deadline_s=seconds(task.message.dispatch_deadline),
                credentials=request,
            )
        )


def worker_headers(task: StoredTask) -> dict[str, str]:
    """The task's own headers, less what the service reserves, plus what it adds to every dispatch."""
    message = task.message
    headers = allowed_headers(message.http_request.headers, _OWN_PREFIX)
    retries = message.dispatch_count - 1
    headers |= {
        "User-Agent": USER_AGENT,
        "X-CloudTasks-QueueName": resource_id(parent_of(message.name)),
        "X-CloudTasks-TaskName": resource_id(message.name),
        "X-CloudTasks-TaskRetryCount": str(retries),
        "X-CloudTasks-TaskExecutionCount": str(task.executions),
        "X-CloudTasks-TaskETA": f"{seconds(message.schedule_time):.6f}",
    }
    if retries:
        if task.previous_status is not None:
            headers["X-CloudTasks-TaskPreviousResponse"] = str(task.previous_status)
        headers["X-CloudTasks-TaskRetryReason"] = (
            "No response" if task.previous_status is None else f"HTTP status code {task.previous_status}"
        )
    return headers


_log = logging.getLogger(__name__)


def before_attempt(task: StoredTask, now_s: float) -> StoredTask:
    """The record of a task that is about to be sent: counted before it leaves, so that a crash cannot uncount it."""
    message = clone(task.message)
    message.dispatch_count += 1
    message.last_attempt.Clear()
    message.last_attempt.schedule_time.CopyFrom(message.schedule_time)
    set_seconds(message.last_attempt.dispatch_time, now_s)
    if not message.HasField("first_attempt"):
        set_seconds(message.first_attempt.dispatch_time, now_s)
    return replace(task, message=message)


def after_attempt(task: StoredTask, outcome: Outcome, rule: RetryRule, now_s: float) -> tuple[Fate, StoredTask]:
    """What becomes of the task, and its record for the next attempt."""
    message = clone(task.message)
    age_s = now_s - seconds(message.first_attempt.dispatch_time)
    fate = rule.fate(outcome.status, message.dispatch_count, age_s)
    last = message.last_attempt
    last.response_status.code = rpc_code(outcome)
    last.response_status.message = outcome.trouble
    if outcome.status is not None:
        message.response_count += 1
        set_seconds(last.response_time, now_s)
        last.response_status.message = f"HTTP status code {outcome.status}"
    next_s = now_s + max(rule.wait_s(message.dispatch_count), outcome.retry_after_s)
    set_seconds(message.schedule_time, next_s)
    executed = outcome.status is not None and outcome.status not in _SERVER_ERRORS
    return fate, replace(
        task,
        message=message,
        due_s=next_s,
        executions=task.executions + executed,
        previous_status=outcome.status if outcome.status is not None else task.previous_status,
    )


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
        waits_s = [self._launch_from(queue) for queue in self._store.queues() if queue.state == resources.RUNNING]
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
        rule = resources.retry_rule(queue, task.message)
        self._slow_or_free(queue.name, outcome, sent_s, rule.min_backoff_s, rule.max_backoff_s)
        fate, settled = after_attempt(task, outcome, rule, now_s)
        if fate is Fate.AGAIN:
            self._store.update_task(settled)
        else:
            self._store.delete_task(task.name, blocked_until_s=now_s + resources.TASK_NAME_BLOCKED_S)
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
