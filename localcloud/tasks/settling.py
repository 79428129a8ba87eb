"""How an attempt changes a task's record: before it is sent, and after its outcome is known. Values only; no I/O."""

from dataclasses import replace
from typing import Any

from localcloud.tasks import wire
from localcloud.tasks.courier import Outcome
from localcloud.tasks.retries import Fate, RetryRule
from localcloud.tasks.store import StoredTask

_SERVER_ERRORS = range(500, 600)

# google.rpc.Code by HTTP status (google/rpc/code.proto); other failures are UNKNOWN.
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 429: 8, 499: 1, 500: 13, 501: 12, 503: 14, 504: 4}
_UNKNOWN = 2


def before_attempt(task: StoredTask, now_s: float) -> StoredTask:
    """The record of a task that is about to be sent: counted before it leaves, so that a crash cannot uncount it."""
    message = _copy(task.message)
    message.dispatch_count += 1
    message.last_attempt.Clear()
    message.last_attempt.schedule_time.CopyFrom(message.schedule_time)
    wire.set_seconds(message.last_attempt.dispatch_time, now_s)
    if not message.HasField("first_attempt"):
        wire.set_seconds(message.first_attempt.dispatch_time, now_s)
    return replace(task, message=message)


def after_attempt(task: StoredTask, outcome: Outcome, rule: RetryRule, now_s: float) -> tuple[Fate, StoredTask]:
    """What becomes of the task, and its record for the next attempt."""
    message = _copy(task.message)
    age_s = now_s - wire.seconds(message.first_attempt.dispatch_time)
    fate = rule.fate(outcome.status, message.dispatch_count, age_s)
    last = message.last_attempt
    if outcome.status is None:
        last.response_status.code, last.response_status.message = outcome.code, outcome.trouble
    else:
        message.response_count += 1
        wire.set_seconds(last.response_time, now_s)
        last.response_status.code = 0 if fate is Fate.DONE else _CODES.get(outcome.status, _UNKNOWN)
        last.response_status.message = f"HTTP status code {outcome.status}"
    next_s = now_s + max(rule.wait_s(message.dispatch_count), outcome.retry_after_s)
    wire.set_seconds(message.schedule_time, next_s)
    executed = outcome.status is not None and outcome.status not in _SERVER_ERRORS
    return fate, replace(
        task,
        message=message,
        due_s=next_s,
        executions=task.executions + executed,
        previous_status=outcome.status if outcome.status is not None else task.previous_status,
    )


def _copy(message: Any) -> Any:
    copy = wire.Task()
    copy.CopyFrom(message)
    return copy
