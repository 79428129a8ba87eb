"""Cloud Tasks' own message types and their JSON spelling: the only place that knows protobuf's conversions.

Requests are parsed by protobuf, never by hand: the official client sends enums as integers, gcloud as names.
"""

from collections.abc import Mapping
from typing import Any

from google.cloud import tasks_v2
from google.protobuf import json_format
from google.protobuf.message import Message

from localcloud.serving import ApiError

# The plain protobuf classes: no wrapping cost per field.
Queue = tasks_v2.Queue.pb()
Task = tasks_v2.Task.pb()
CreateTaskRequest = tasks_v2.CreateTaskRequest.pb()
RunTaskRequest = tasks_v2.RunTaskRequest.pb()
ListQueuesRequest = tasks_v2.ListQueuesRequest.pb()
ListQueuesResponse = tasks_v2.ListQueuesResponse.pb()
ListTasksRequest = tasks_v2.ListTasksRequest.pb()
ListTasksResponse = tasks_v2.ListTasksResponse.pb()
HttpMethod = tasks_v2.HttpMethod

RUNNING = int(tasks_v2.Queue.State.RUNNING)
PAUSED = int(tasks_v2.Queue.State.PAUSED)
DISABLED = int(tasks_v2.Queue.State.DISABLED)
BASIC = int(tasks_v2.Task.View.BASIC)
FULL = int(tasks_v2.Task.View.FULL)


def parsed(document: Mapping[str, Any], kind: Any) -> Any:
    """A message of the kind from its JSON form. Raises: ApiError 400."""
    try:
        return json_format.ParseDict(dict(document), kind())
    except json_format.ParseError as exc:
        raise ApiError(400, f"Invalid JSON payload received. {exc}") from exc


def spelled(message: Message) -> dict[str, Any]:
    return dict(json_format.MessageToDict(message))


def viewed(task: Any, view: int) -> Any:
    """The task as an answer shows it: without its body unless the full view is asked for."""
    shown = Task()
    shown.CopyFrom(task)
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


def seconds(value: Any) -> float:
    """A Duration, or a Timestamp since 1970, in seconds."""
    return float(value.seconds + value.nanos / 1e9)


def set_seconds(value: Any, total_s: float) -> None:
    """Write seconds into a Duration or Timestamp field, to the microsecond, as the service keeps them."""
    micros = round(total_s * 1e6)
    value.seconds, value.nanos = micros // 1_000_000, micros % 1_000_000 * 1000
