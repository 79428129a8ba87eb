"""Which tasks the service accepts, and what it fills in. Values only; no I/O.

Limits from the v2 reference (Task, HttpRequest) and the quotas page, read 2026-11.
"""

from typing import Any
from urllib.parse import urlsplit

from localcloud.messages import seconds, set_seconds
from localcloud.serving import ApiError
from localcloud.tasks import wire

USER_AGENT = "Google-Cloud-Tasks"
LARGEST_BODY_BYTES = 100 * 1024
LONGEST_URL = 2083
DEFAULT_DEADLINE_S = 600.0
SHORTEST_DEADLINE_S, LONGEST_DEADLINE_S = 15.0, 1800.0
FARTHEST_SCHEDULE_S = 30 * 24 * 3600.0

_WITH_BODY = {wire.HttpMethod.POST, wire.HttpMethod.PUT, wire.HttpMethod.PATCH}
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
        task.http_request.http_method = int(wire.HttpMethod.POST)
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
    method = request.http_method or wire.HttpMethod.POST
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
