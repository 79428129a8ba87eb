"""Cloud Tasks' resources: message types, names, and which queues and tasks the service accepts. Values only; no I/O.

Limits and defaults from the v2 reference (Queue, Task, HttpRequest), the quotas page and what
`gcloud tasks queues describe` shows, read 2026-11.
"""

import math
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from google.cloud import tasks_v2
from google.longrunning import operations_pb2

from localcloud.resources import LOCATION, check_name, clone, copy_field, seconds, set_seconds
from localcloud.serving import ApiError
from localcloud.tasks.retries import UNLIMITED, RetryRule

Operation = operations_pb2.Operation

# The plain protobuf classes: no wrapping cost per field.
Queue = tasks_v2.Queue.pb()
Task = tasks_v2.Task.pb()
CreateTaskRequest = tasks_v2.CreateTaskRequest.pb()
RunTaskRequest = tasks_v2.RunTaskRequest.pb()
ListQueuesRequest = tasks_v2.ListQueuesRequest.pb()
ListQueuesResponse = tasks_v2.ListQueuesResponse.pb()
ListTasksRequest = tasks_v2.ListTasksRequest.pb()
ListTasksResponse = tasks_v2.ListTasksResponse.pb()
BatchCreateTasksRequest = tasks_v2.BatchCreateTasksRequest.pb()
BatchCreateTasksResponse = tasks_v2.BatchCreateTasksResponse.pb()
BatchCreateTasksMetadata = tasks_v2.BatchCreateTasksMetadata.pb()
BatchDeleteTasksRequest = tasks_v2.BatchDeleteTasksRequest.pb()
BatchDeleteTasksMetadata = tasks_v2.BatchDeleteTasksMetadata.pb()
HttpMethod = tasks_v2.HttpMethod

RUNNING = int(tasks_v2.Queue.State.RUNNING)
PAUSED = int(tasks_v2.Queue.State.PAUSED)
DISABLED = int(tasks_v2.Queue.State.DISABLED)
BASIC = int(tasks_v2.Task.View.BASIC)
FULL = int(tasks_v2.Task.View.FULL)


def show_task(task: Any, view: int) -> Any:
    """The task as an answer shows it: without its body unless the full view is asked for."""
    shown = clone(task)
    shown.view = FULL if view == FULL else BASIC
    if shown.view == BASIC:
        shown.http_request.ClearField("body")
    return shown


def view_of(text: str) -> int:
    """A responseView from a query string, by name or number."""
    if text.isdigit():
        return int(text)
    views = {"": BASIC, "VIEW_UNSPECIFIED": BASIC, "BASIC": BASIC, "FULL": FULL}
    if text not in views:
        raise ApiError(400, f"Invalid value at 'response_view': {text!r}.")
    return views[text]


# A task's name is free again about an hour after the task is gone; a queue's name after a week.
TASK_NAME_BLOCKED_S = 3600.0
QUEUE_NAME_BLOCKED_S = 7 * 24 * 3600.0

_LOCATION = re.compile(LOCATION)
_QUEUE = re.compile(LOCATION + r"/queues/[A-Za-z0-9\-]{1,100}")
_TASK = re.compile(_QUEUE.pattern + r"/tasks/[A-Za-z0-9_\-]{1,500}")


def location_name(text: str) -> str:
    return _checked(text, _LOCATION, "Location name must be formatted: 'projects/<PROJECT_ID>/locations/<LOCATION_ID>'")


def queue_name(text: str) -> str:
    shape = "Queue name must be formatted: 'projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>'"
    return _checked(text, _QUEUE, shape)


def task_name(text: str) -> str:
    shape = (
        "Task name must be formatted: 'projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>/tasks/<TASK_ID>'"
    )
    return _checked(text, _TASK, shape)


def _checked(text: str, pattern: re.Pattern[str], shape: str) -> str:
    return check_name(text, pattern, f"{shape}, got '{text}'.")


USER_AGENT = "Google-Cloud-Tasks"
LARGEST_BODY_BYTES = 100 * 1024
LONGEST_URL = 2083
DEFAULT_DEADLINE_S = 600.0
SHORTEST_DEADLINE_S, LONGEST_DEADLINE_S = 15.0, 1800.0
FARTHEST_SCHEDULE_S = 30 * 24 * 3600.0

_WITH_BODY = {HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH}
_OUTPUT_ONLY = ("create_time", "dispatch_count", "response_count", "first_attempt", "last_attempt", "view")


def accept_task(task: Any, name: str, now_s: float) -> Any:
    """The task as it is stored under `name`: checked, defaults filled in. Raises: ApiError 400."""
    for field in _OUTPUT_ONLY:
        task.ClearField(field)
    task.name = name
    _check_request(task)
    set_seconds(task.create_time, int(now_s))
    _fill_schedule(task, now_s)
    _fill_deadline(task)
    if not task.http_request.http_method:
        task.http_request.http_method = int(HttpMethod.POST)
    task.http_request.headers["User-Agent"] = USER_AGENT  # cannot be overridden
    return task


def _check_request(task: Any) -> None:
    if task.WhichOneof("message_type") == "app_engine_http_request":
        raise ApiError(400, "App Engine targets are not supported here: give the task an HttpRequest.")
    request = task.http_request
    url = urlsplit(request.url)
    if url.scheme not in {"http", "https"} or not url.netloc:
        raise ApiError(400, "HttpRequest.url must start with 'http://' or 'https://' and name a host.")
    if len(request.url) > LONGEST_URL:
        raise ApiError(400, f"HttpRequest.url is longer than {LONGEST_URL} characters.")
    method = request.http_method or HttpMethod.POST
    if request.body and method not in _WITH_BODY:
        raise ApiError(400, "HttpRequest.body is allowed only with POST, PUT and PATCH.")
    if len(request.body) > LARGEST_BODY_BYTES:
        raise ApiError(400, f"Task size too large: the limit is {LARGEST_BODY_BYTES} bytes.")
    token = request.WhichOneof("authorization_header")
    if token and not getattr(request, token).service_account_email:
        raise ApiError(400, f"HttpRequest.{token}.service_account_email must be set.")


def _fill_schedule(task: Any, now_s: float) -> None:
    if seconds(task.schedule_time) > now_s + FARTHEST_SCHEDULE_S:
        raise ApiError(400, "Task.schedule_time is too far in the future: the limit is 30 days.")
    set_seconds(task.schedule_time, max(now_s, seconds(task.schedule_time)))


def _fill_deadline(task: Any) -> None:
    if not task.HasField("dispatch_deadline"):
        set_seconds(task.dispatch_deadline, DEFAULT_DEADLINE_S)
    if not SHORTEST_DEADLINE_S <= seconds(task.dispatch_deadline) <= LONGEST_DEADLINE_S:
        raise ApiError(400, "Task.dispatch_deadline must be between [15s, 30m].")


DEFAULT_RATE_PER_S = 500.0
HIGHEST_RATE_PER_S = 500.0
DEFAULT_CONCURRENCY = 1000
HIGHEST_CONCURRENCY = 5000
# Google does not say how it picks a burst; `gcloud tasks queues describe` shows 100 for 500/s and 10 for 1/s and less.
SMALLEST_BURST = 10
DISPATCHES_PER_BURST = 5
DEFAULT_RETRY = RetryRule(max_attempts=100, max_retry_s=0, min_backoff_s=0.1, max_backoff_s=3600, max_doublings=16)

_MUTABLE = ("app_engine_routing_override", "http_target", "rate_limits", "retry_config", "stackdriver_logging_config")


def accept_queue(queue: Any) -> Any:
    """The queue as it is stored: checked, defaults filled in. Raises: ApiError 400."""
    limits = queue.rate_limits
    _within("rate_limits.max_dispatches_per_second", limits.max_dispatches_per_second, 0, HIGHEST_RATE_PER_S)
    _within("rate_limits.max_concurrent_dispatches", limits.max_concurrent_dispatches, 0, HIGHEST_CONCURRENCY)
    _within("rate_limits.max_burst_size", limits.max_burst_size, 0, HIGHEST_RATE_PER_S)
    limits.max_dispatches_per_second = limits.max_dispatches_per_second or DEFAULT_RATE_PER_S
    limits.max_concurrent_dispatches = limits.max_concurrent_dispatches or DEFAULT_CONCURRENCY
    # Output only at Google; a value given here is kept, because queue.yaml could set it and tests need small buckets.
    burst = max(SMALLEST_BURST, math.ceil(limits.max_dispatches_per_second / DISPATCHES_PER_BURST))
    limits.max_burst_size = limits.max_burst_size or burst
    _fill_retry(queue.retry_config)
    queue.state = queue.state or RUNNING
    return queue


def updated_queue(old: Any, new: Any, mask: Iterable[str]) -> Any:
    """The old queue with the masked fields of the new one (no mask: every mutable field). Raises: ApiError 400."""
    merged = clone(old)
    paths = [_snake(path) for path in mask] or list(_MUTABLE)
    for path in paths:
        try:
            copy_field(path if path.split(".")[0] in _MUTABLE else "", new, merged)
        except KeyError as exc:
            raise ApiError(400, f"Invalid field in update_mask: '{path}'.") from exc
    if "rate_limits.max_burst_size" not in paths and not new.rate_limits.max_burst_size:
        merged.rate_limits.ClearField("max_burst_size")  # follows the rate again
    return accept_queue(merged)


def retry_rule(queue: Any, task: Any) -> RetryRule:
    """The rule for one task: its own retry configuration goes before its queue's."""
    config = Queue().retry_config
    config.CopyFrom(task.retry_config if task.HasField("retry_config") else queue.retry_config)
    _fill_retry(config)
    return RetryRule(
        max_attempts=config.max_attempts,
        max_retry_s=seconds(config.max_retry_duration),
        min_backoff_s=seconds(config.min_backoff),
        max_backoff_s=seconds(config.max_backoff),
        max_doublings=config.max_doublings,
    )


def _fill_retry(config: Any) -> None:
    if config.max_attempts < UNLIMITED:
        raise ApiError(400, "RetryConfig.max_attempts must be greater than or equal to -1.")
    if config.max_doublings < 0:
        raise ApiError(400, "RetryConfig.max_doublings must not be negative.")
    config.max_attempts = config.max_attempts or DEFAULT_RETRY.max_attempts
    config.max_doublings = config.max_doublings or DEFAULT_RETRY.max_doublings
    if not config.HasField("max_backoff"):
        set_seconds(config.max_backoff, DEFAULT_RETRY.max_backoff_s)
    if not config.HasField("min_backoff"):  # a given max_backoff below the default min_backoff wins
        shortest_s = min(DEFAULT_RETRY.min_backoff_s, seconds(config.max_backoff))
        set_seconds(config.min_backoff, shortest_s)
    if not 0 <= seconds(config.min_backoff) <= seconds(config.max_backoff):
        raise ApiError(400, "RetryConfig.min_backoff must be between 0 and RetryConfig.max_backoff.")


def _snake(path: str) -> str:
    return re.sub(r"[A-Z]", lambda capital: f"_{capital[0].lower()}", path.strip())


def _within(field: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise ApiError(400, f"Queue.{field} must be between {lowest:g} and {highest:g}, got {value:g}.")
