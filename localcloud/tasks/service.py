"""The operations of Cloud Tasks v2 on the store, apart from their spelling: queues, tasks, pages and batches.

Dispatching is not here: `wake` announces that something changed that may be due. A page's token is the last name of the
page before. A batch is a long-running operation that is done at once; one repeated with the same request_id is the same
operation (BatchCreateTasks and BatchDeleteTasks of the v2 reference, read 2026-11).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.empty_pb2 import Empty  # type: ignore[attr-defined]

from localcloud.resources import parent_of, seconds, set_seconds
from localcloud.serving import ApiError
from localcloud.tasks import resources
from localcloud.tasks.store import Store, StoredTask

_TASK_TAKEN = "The task cannot be created because a task with this name existed too recently."
_QUEUE_TAKEN = "The queue cannot be created because a queue with this name existed too recently."


class Service:
    def __init__(self, store: Store, *, now_s: Callable[[], float], wake: Callable[[], None]) -> None:
        self._store = store
        self._now_s = now_s
        self._wake = wake

    # Queues

    def create_queue(self, location: str, queue: Any) -> Any:
        resources.queue_name(queue.name)
        if parent_of(queue.name) != location:
            raise ApiError(400, f"Queue name '{queue.name}' is not in the parent '{location}'.")
        if self._store.queue(queue.name) is not None:
            raise ApiError(409, "Queue already exists")
        return self._add_queue(queue)

    def update_queue(self, queue: Any, mask: Iterable[str]) -> Any:
        """Change the masked fields; a queue that does not exist is created, as the service does."""
        resources.queue_name(queue.name)
        old = self._store.queue(queue.name)
        if old is None:
            return self._add_queue(queue)
        new = resources.updated_queue(old, queue, mask)
        self._store.save_queue(new)
        self._wake()
        return new

    def queue(self, name: str) -> Any:
        queue = self._store.queue(resources.queue_name(name))
        if queue is None:
            raise ApiError(404, "Queue does not exist. If you just created the queue, wait at least a minute for it.")
        return queue

    def queues(self, location: str) -> list[Any]:
        return self._store.queues(resources.location_name(location))

    def all_queues(self) -> list[Any]:
        return self._store.queues()

    def delete_queue(self, name: str) -> None:
        self.queue(name)
        self._store.delete_queue(name, blocked_until_s=self._now_s() + resources.QUEUE_NAME_BLOCKED_S)
        self._wake()

    def pause_queue(self, name: str) -> Any:
        return self._set_state(name, resources.PAUSED)

    def resume_queue(self, name: str) -> Any:
        return self._set_state(name, resources.RUNNING)

    def purge_queue(self, name: str) -> Any:
        queue, now_s = self.queue(name), self._now_s()
        self._store.purge_queue(name, blocked_until_s=now_s + resources.TASK_NAME_BLOCKED_S)
        set_seconds(queue.purge_time, now_s)
        self._store.save_queue(queue)
        self._wake()
        return queue

    # Tasks

    def create_task(self, queue_name: str, task: Any) -> Any:
        self.queue(queue_name)
        name = self._free_task_name(queue_name, task.name)
        task = resources.accept_task(task, name, self._now_s())
        self._store.add_task(queue_name, StoredTask(task, seconds(task.schedule_time)))
        self._wake()
        return task

    def task(self, name: str) -> Any:
        stored = self._store.task(resources.task_name(name))
        if stored is None:
            raise ApiError(404, "The task does not exist: it was never created, or it has finished.")
        return stored.message

    def tasks(self, queue_name: str, *, after: str, limit: int) -> list[Any]:
        self.queue(queue_name)
        return [stored.message for stored in self._store.tasks(queue_name, after=after, limit=limit)]

    def delete_task(self, name: str) -> None:
        self.task(name)
        self._store.delete_task(name, blocked_until_s=self._now_s() + resources.TASK_NAME_BLOCKED_S)
        self._wake()

    def _add_queue(self, queue: Any) -> Any:
        if self._store.is_blocked(queue.name, self._now_s()):
            raise ApiError(400, _QUEUE_TAKEN, "FAILED_PRECONDITION")
        queue.ClearField("state")
        queue.ClearField("purge_time")
        admitted = resources.accept_queue(queue)
        self._store.save_queue(admitted)
        return admitted

    def _set_state(self, name: str, state: int) -> Any:
        queue = self.queue(name)
        queue.state = state
        self._store.save_queue(queue)
        self._wake()
        return queue

    def _free_task_name(self, queue_name: str, wanted: str) -> str:
        if not wanted:
            return f"{queue_name}/tasks/{uuid4().int % 10**19:019d}"
        resources.task_name(wanted)
        if parent_of(wanted) != queue_name:
            raise ApiError(400, f"Task name '{wanted}' is not in the queue '{queue_name}'.")
        if self._store.task(wanted) is not None:
            raise ApiError(409, "Requested entity already exists")
        if self._store.is_blocked(wanted, self._now_s()):
            raise ApiError(409, _TASK_TAKEN)
        return wanted


LARGEST_PAGE = 1000

_STATES = {"RUNNING": resources.RUNNING, "PAUSED": resources.PAUSED, "DISABLED": resources.DISABLED}


def queues_page(service: Service, request: Any) -> Any:
    """The answer to a ListQueuesRequest. Raises: ApiError."""
    state = _state_filter(request.filter)
    shown = [queue for queue in service.queues(request.parent) if state in {0, queue.state}]
    size = _size(request)
    left = [queue for queue in shown if queue.name > request.page_token]
    return resources.ListQueuesResponse(queues=left[:size], next_page_token=_token(left, size))


def tasks_page(service: Service, request: Any) -> Any:
    """The answer to a ListTasksRequest. Raises: ApiError."""
    size = _size(request)
    tasks = service.tasks(resources.queue_name(request.parent), after=request.page_token, limit=size + 1)
    shown = [resources.show_task(task, request.response_view) for task in tasks[:size]]
    return resources.ListTasksResponse(tasks=shown, next_page_token=_token(tasks, size))


def locations_in_use(service: Service, project: str) -> list[str]:
    """The locations in use: this stand-in has no list of its own and serves any location."""
    return sorted({parent_of(queue.name) for queue in service.all_queues() if queue.name.startswith(f"{project}/")})


def _size(request: Any) -> int:
    return min(request.page_size or LARGEST_PAGE, LARGEST_PAGE)


def _token(left: Sequence[Any], size: int) -> str:
    return str(left[size - 1].name) if len(left) > size else ""


def _state_filter(text: str) -> int:
    """The one filter queues have: ``state: PAUSED``; 0 without a filter."""
    if not text:
        return 0
    field, _, state = (part.strip() for part in text.replace("=", ":").partition(":"))
    if field != "state" or state not in _STATES:
        raise ApiError(400, f"Invalid filter: {text!r}.")
    return _STATES[state]


MOST_CREATED = 100
MOST_DELETED = 1000


class Batches:
    def __init__(self, store: Store, service: Service, *, now_s: Callable[[], float]) -> None:
        self._store = store
        self._service = service
        self._now_s = now_s

    def create(self, request: Any) -> Any:
        """The operation of a BatchCreateTasksRequest. Raises: ApiError when the batch itself is refused."""
        self._check(request.parent, len(request.requests), MOST_CREATED)
        if any(each.parent not in {"", request.parent} for each in request.requests):
            raise ApiError(400, "The parent of every CreateTaskRequest must be the parent of the batch.")

        def run() -> tuple[Any, Any]:
            made = resources.BatchCreateTasksResponse()

            def add(each: Any) -> None:
                task = self._service.create_task(request.parent, each.task)
                made.tasks.append(resources.show_task(task, each.response_view))

            return self._each(request.requests, add, resources.BatchCreateTasksMetadata()), made

        return self._operation(request, run)

    def delete(self, request: Any) -> Any:
        """The operation of a BatchDeleteTasksRequest. Raises: ApiError when the batch itself is refused."""
        self._check(request.parent, len(request.names), MOST_DELETED)
        if any(parent_of(resources.task_name(name)) != request.parent for name in request.names):
            raise ApiError(400, f"Every task must be in the queue '{request.parent}'.")

        def run() -> tuple[Any, Any]:
            return self._each(request.names, self._service.delete_task, resources.BatchDeleteTasksMetadata()), Empty()

        return self._operation(request, run)

    def operation(self, name: str) -> Any:
        operation = self._store.operation(name)
        if operation is None:
            raise ApiError(404, f"Operation '{name}' not found.")
        return operation

    def _check(self, queue: str, count: int, most: int) -> None:
        self._service.queue(queue)
        if not 0 < count <= most:
            raise ApiError(400, f"A batch holds between 1 and {most} tasks, got {count}.")

    def _each(self, items: Sequence[Any], act: Callable[[Any], None], metadata: Any) -> Any:
        """The metadata after every item had its turn: one that fails stops no other."""
        set_seconds(metadata.start_time, self._now_s())
        for place, item in enumerate(items):
            try:
                act(item)
            except ApiError as refused:
                failure = metadata.failed_requests[place]
                failure.code, failure.message = _code(refused.status), refused.message
        set_seconds(metadata.end_time, self._now_s())
        metadata.state = metadata.PARTIALLY_SUCCEEDED if metadata.failed_requests else metadata.SUCCEEDED
        return metadata

    def _operation(self, request: Any, run: Callable[[], tuple[Any, Any]]) -> Any:
        name = f"{parent_of(request.parent)}/operations/{request.request_id or uuid4()}"
        known = self._store.operation(name)
        if known is not None:
            return known
        metadata, response = run()
        operation = resources.Operation(name=name, done=True)
        operation.metadata.Pack(metadata)
        asked = len(getattr(request, "requests", None) or request.names)
        if len(metadata.failed_requests) == asked:
            kind = metadata.DESCRIPTOR.name
            operation.error.code = _code("ABORTED")
            operation.error.message = (
                f"None of the requests succeeded, refer to {kind}.failed_requests for individual error details"
            )
        else:
            operation.response.Pack(response)
        self._store.save_operation(operation)
        return operation


def _code(status: str) -> int:
    number: int = grpc.StatusCode[status].value[0]
    return number
