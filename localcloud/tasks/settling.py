"""How an attempt changes a task's record: before it is sent, and after its outcome is known. Values only; no I/O."""

from dataclasses import replace

from localcloud.messages import clone, seconds, set_seconds
from localcloud.outgoing import Outcome, rpc_code
from localcloud.tasks.retries import Fate, RetryRule
from localcloud.tasks.store import StoredTask

_SERVER_ERRORS = range(500, 600)


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
