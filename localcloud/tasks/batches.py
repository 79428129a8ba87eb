"""Many tasks created or deleted by one request, each on its own: long-running operations that are done at once.

Rules from BatchCreateTasks and BatchDeleteTasks of the v2 reference, read 2026-11. A request repeated with the same
request_id is the same operation.
"""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.empty_pb2 import Empty  # type: ignore[attr-defined]

from localcloud.messages import set_seconds
from localcloud.names import parent_of
from localcloud.serving import ApiError
from localcloud.tasks import names, wire
from localcloud.tasks.service import Service
from localcloud.tasks.store import Store

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
            made = wire.BatchCreateTasksResponse()

            def add(each: Any) -> None:
                task = self._service.create_task(request.parent, each.task)
                made.tasks.append(wire.show_task(task, each.response_view))

            return self._each(request.requests, add, wire.BatchCreateTasksMetadata()), made

        return self._operation(request, run)

    def delete(self, request: Any) -> Any:
        """The operation of a BatchDeleteTasksRequest. Raises: ApiError when the batch itself is refused."""
        self._check(request.parent, len(request.names), MOST_DELETED)
        if any(parent_of(names.task_name(name)) != request.parent for name in request.names):
            raise ApiError(400, f"Every task must be in the queue '{request.parent}'.")

        def run() -> tuple[Any, Any]:
            return self._each(request.names, self._service.delete_task, wire.BatchDeleteTasksMetadata()), Empty()

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
        operation = wire.Operation(name=name, done=True)
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
