"""Cloud Tasks' own message types, and how much of a task an answer shows."""

from typing import Any

from google.cloud import tasks_v2
from google.longrunning import operations_pb2

from localcloud.messages import clone
from localcloud.serving import ApiError

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
