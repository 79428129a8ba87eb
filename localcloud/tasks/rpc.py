"""Cloud Tasks v2 over gRPC, the official clients' default.

As in routes.py, each method only translates between a request and one operation of the service.
"""

from collections.abc import Callable
from typing import Any

import grpc
from google.cloud import tasks_v2
from google.cloud.location import locations_pb2
from google.protobuf.empty_pb2 import Empty  # type: ignore[attr-defined]

from localcloud.serving import LOOPBACK, ApiError
from localcloud.tasks import listing, names, wire
from localcloud.tasks.dispatcher import Dispatcher
from localcloud.tasks.service import Service

_TASKS = "google.cloud.tasks.v2.CloudTasks"
_LOCATIONS = "google.cloud.location.Locations"

Method = tuple[Any, Callable[[Any], Any]]


def server(port: int, service: Service, dispatcher: Dispatcher) -> Any:
    """The server, not yet started. It must be made inside the running loop."""
    # Two listeners sharing a port would each get half of the calls.
    made = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    for name, methods in ((_TASKS, _tasks(service, dispatcher)), (_LOCATIONS, _places(service))):
        handlers = {method: _handler(*parts) for method, parts in methods.items()}
        made.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
    made.add_insecure_port(f"{LOOPBACK}:{port}")
    return made


def _tasks(service: Service, dispatcher: Dispatcher) -> dict[str, Method]:
    def create_task(request: Any) -> Any:
        return wire.viewed(service.create_task(request.parent, request.task), request.response_view)

    def run_task(request: Any) -> Any:
        service.task(request.name)  # NOT_FOUND for one that does not exist
        return wire.viewed(dispatcher.force(request.name), request.response_view)

    return {
        "CreateQueue": (tasks_v2.CreateQueueRequest.pb(), lambda r: service.create_queue(r.parent, r.queue)),
        "UpdateQueue": (tasks_v2.UpdateQueueRequest.pb(), lambda r: service.update_queue(r.queue, r.update_mask.paths)),
        "GetQueue": (tasks_v2.GetQueueRequest.pb(), lambda r: service.queue(r.name)),
        "ListQueues": (wire.ListQueuesRequest, lambda r: listing.queues_page(service, r)),
        "DeleteQueue": (tasks_v2.DeleteQueueRequest.pb(), lambda r: service.delete_queue(r.name)),
        "PauseQueue": (tasks_v2.PauseQueueRequest.pb(), lambda r: service.pause_queue(r.name)),
        "ResumeQueue": (tasks_v2.ResumeQueueRequest.pb(), lambda r: service.resume_queue(r.name)),
        "PurgeQueue": (tasks_v2.PurgeQueueRequest.pb(), lambda r: service.purge_queue(r.name)),
        "CreateTask": (wire.CreateTaskRequest, create_task),
        "GetTask": (tasks_v2.GetTaskRequest.pb(), lambda r: wire.viewed(service.task(r.name), r.response_view)),
        "ListTasks": (wire.ListTasksRequest, lambda r: listing.tasks_page(service, r)),
        "DeleteTask": (tasks_v2.DeleteTaskRequest.pb(), lambda r: service.delete_task(r.name)),
        "RunTask": (wire.RunTaskRequest, run_task),
    }


def _places(service: Service) -> dict[str, Method]:
    def place(name: str) -> Any:
        return locations_pb2.Location(name=name, location_id=names.short(names.location_name(name)))

    return {
        "GetLocation": (locations_pb2.GetLocationRequest, lambda r: place(r.name)),
        "ListLocations": (
            locations_pb2.ListLocationsRequest,
            lambda r: locations_pb2.ListLocationsResponse(
                locations=[place(name) for name in listing.locations(service, r.name)]
            ),
        ),
    }


def _handler(request_type: Any, act: Callable[[Any], Any]) -> Any:
    async def call(request: Any, context: Any) -> Any:
        try:
            answer = act(request)
        except ApiError as error:
            await context.abort(grpc.StatusCode[error.status], error.message)
        return Empty() if answer is None else answer

    return grpc.unary_unary_rpc_method_handler(
        call,
        request_deserializer=request_type.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )
