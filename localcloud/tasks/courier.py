"""One dispatch of one task as an HTTP call. Knows nothing of queues, rates or retries."""

from localcloud.messages import seconds
from localcloud.names import parent_of, resource_id
from localcloud.outgoing import Call, Caller, Outcome, allowed_headers
from localcloud.tasks import wire
from localcloud.tasks.admission import USER_AGENT
from localcloud.tasks.store import StoredTask

_OWN_PREFIX = "x-cloudtasks-"


class HttpDelivery:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def deliver(self, task: StoredTask) -> Outcome:
        """Send the task once and wait for the answer, never longer than its dispatch deadline."""
        request = task.message.http_request
        return await self._caller.send(
            Call(
                method=wire.HttpMethod(request.http_method).name,
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
