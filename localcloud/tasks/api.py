"""Cloud Tasks v2 over REST and gRPC; each handler only translates between a request and an operation of the service."""

from collections.abc import Callable
from typing import Any

from google.cloud import tasks_v2
from google.longrunning import operations_pb2
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.resources import from_json, to_json
from localcloud.rest import location_resource, page_fields, read_json
from localcloud.rpc import Method, locations
from localcloud.tasks import resources
from localcloud.tasks.dispatcher import Dispatcher
from localcloud.tasks.service import Batches, Service, locations_in_use, queues_page, tasks_page

_LOCATIONS = "/v2/projects/{project}/locations"
_LOCATION = _LOCATIONS + "/{location}"
_QUEUE = _LOCATION + "/queues/{queue}"
_TASK = _QUEUE + "/tasks/{task}"


class Routes:
    def __init__(self, service: Service, dispatcher: Dispatcher, batches: Batches) -> None:
        self._service = service
        self._dispatcher = dispatcher
        self._batches = batches

    def all(self) -> list[Route]:
        def queue_verb(verb: str, act: Callable[[str], Any]) -> Route:
            async def handle(request: Request) -> Response:
                return JSONResponse(to_json(act(_name(request, verb))))

            return Route(f"{_QUEUE}:{verb}", handle, methods=["POST"])

        # Paths with a verb come first: a bare {queue} would swallow "name:verb".
        return [
            queue_verb("pause", self._service.pause_queue),
            queue_verb("resume", self._service.resume_queue),
            queue_verb("purge", self._service.purge_queue),
            Route(f"{_TASK}:run", self.run_task, methods=["POST"]),
            Route(f"{_LOCATION}/queues", self.create_queue, methods=["POST"]),
            Route(f"{_LOCATION}/queues", self.list_queues, methods=["GET"]),
            Route(_QUEUE, self.get_queue, methods=["GET"]),
            Route(_QUEUE, self.update_queue, methods=["PATCH"]),
            Route(_QUEUE, self.delete_queue, methods=["DELETE"]),
            Route(f"{_QUEUE}/tasks", self.create_task, methods=["POST"]),
            Route(f"{_QUEUE}/tasks", self.list_tasks, methods=["GET"]),
            Route(_TASK, self.get_task, methods=["GET"]),
            Route(_TASK, self.delete_task, methods=["DELETE"]),
            Route(f"{_QUEUE}/tasks:batchCreate", self.create_tasks, methods=["POST"]),
            Route(f"{_QUEUE}/tasks:batchDelete", self.delete_tasks, methods=["POST"]),
            Route(f"{_LOCATION}/operations/{{operation}}", self.get_operation, methods=["GET"]),
            Route(_LOCATION, self.get_location, methods=["GET"]),
            Route(_LOCATIONS, self.list_locations, methods=["GET"]),
        ]

    async def create_queue(self, request: Request) -> Response:
        queue = from_json(await read_json(request), resources.Queue)
        return JSONResponse(to_json(self._service.create_queue(_name(request).removesuffix("/queues"), queue)))

    async def update_queue(self, request: Request) -> Response:
        queue = from_json(await read_json(request), resources.Queue)
        queue.name = _name(request)
        mask = [path for path in request.query_params.get("updateMask", "").split(",") if path]
        return JSONResponse(to_json(self._service.update_queue(queue, mask)))

    async def get_queue(self, request: Request) -> Response:
        return JSONResponse(to_json(self._service.queue(_name(request))))

    async def list_queues(self, request: Request) -> Response:
        message = resources.ListQueuesRequest(parent=_name(request).removesuffix("/queues"), **page_fields(request))
        message.filter = request.query_params.get("filter", "")
        return JSONResponse(to_json(queues_page(self._service, message)))

    async def delete_queue(self, request: Request) -> Response:
        self._service.delete_queue(_name(request))
        return JSONResponse({})

    async def create_task(self, request: Request) -> Response:
        message = from_json(await read_json(request), resources.CreateTaskRequest)
        task = self._service.create_task(_name(request).removesuffix("/tasks"), message.task)
        return JSONResponse(to_json(resources.show_task(task, message.response_view)))

    async def get_task(self, request: Request) -> Response:
        view = resources.view_of(request.query_params.get("responseView", ""))
        return JSONResponse(to_json(resources.show_task(self._service.task(_name(request)), view)))

    async def list_tasks(self, request: Request) -> Response:
        message = resources.ListTasksRequest(parent=_name(request).removesuffix("/tasks"), **page_fields(request))
        message.response_view = resources.view_of(request.query_params.get("responseView", ""))
        return JSONResponse(to_json(tasks_page(self._service, message)))

    async def delete_task(self, request: Request) -> Response:
        self._service.delete_task(_name(request))
        return JSONResponse({})

    async def run_task(self, request: Request) -> Response:
        message = from_json(await read_json(request), resources.RunTaskRequest)
        name = _name(request, "run")
        self._service.task(name)  # 404 for one that does not exist
        task = self._dispatcher.force(name)
        return JSONResponse(to_json(resources.show_task(task, message.response_view)))

    async def create_tasks(self, request: Request) -> Response:
        message = from_json(await read_json(request), resources.BatchCreateTasksRequest)
        message.parent = _name(request).removesuffix("/tasks:batchCreate")
        return JSONResponse(to_json(self._batches.create(message)))

    async def delete_tasks(self, request: Request) -> Response:
        message = from_json(await read_json(request), resources.BatchDeleteTasksRequest)
        message.parent = _name(request).removesuffix("/tasks:batchDelete")
        return JSONResponse(to_json(self._batches.delete(message)))

    async def get_operation(self, request: Request) -> Response:
        return JSONResponse(to_json(self._batches.operation(_name(request))))

    async def get_location(self, request: Request) -> Response:
        name = _name(request)
        return JSONResponse(location_resource(name))

    async def list_locations(self, request: Request) -> Response:
        found = locations_in_use(self._service, _name(request).removesuffix("/locations"))
        return JSONResponse({"locations": [location_resource(name) for name in found]})


def _name(request: Request, verb: str = "") -> str:
    return request.url.path.removeprefix("/v2/").removesuffix(f":{verb}" if verb else "")


def services(service: Service, dispatcher: Dispatcher, batches: Batches) -> dict[str, dict[str, Method]]:
    return {
        "google.cloud.tasks.v2.CloudTasks": _tasks(service, dispatcher)
        | {
            "BatchCreateTasks": (resources.BatchCreateTasksRequest, batches.create),
            "BatchDeleteTasks": (resources.BatchDeleteTasksRequest, batches.delete),
        },
        "google.longrunning.Operations": {
            "GetOperation": (operations_pb2.GetOperationRequest, lambda r: batches.operation(r.name)),
        },
        **locations(resources.location_name, lambda project: locations_in_use(service, project)),
    }


def _tasks(service: Service, dispatcher: Dispatcher) -> dict[str, Method]:
    def create_task(request: Any) -> Any:
        return resources.show_task(service.create_task(request.parent, request.task), request.response_view)

    def run_task(request: Any) -> Any:
        service.task(request.name)  # NOT_FOUND for one that does not exist
        return resources.show_task(dispatcher.force(request.name), request.response_view)

    return {
        "CreateQueue": (tasks_v2.CreateQueueRequest.pb(), lambda r: service.create_queue(r.parent, r.queue)),
        "UpdateQueue": (tasks_v2.UpdateQueueRequest.pb(), lambda r: service.update_queue(r.queue, r.update_mask.paths)),
        "GetQueue": (tasks_v2.GetQueueRequest.pb(), lambda r: service.queue(r.name)),
        "ListQueues": (resources.ListQueuesRequest, lambda r: queues_page(service, r)),
        "DeleteQueue": (tasks_v2.DeleteQueueRequest.pb(), lambda r: service.delete_queue(r.name)),
        "PauseQueue": (tasks_v2.PauseQueueRequest.pb(), lambda r: service.pause_queue(r.name)),
        "ResumeQueue": (tasks_v2.ResumeQueueRequest.pb(), lambda r: service.resume_queue(r.name)),
        "PurgeQueue": (tasks_v2.PurgeQueueRequest.pb(), lambda r: service.purge_queue(r.name)),
        "CreateTask": (resources.CreateTaskRequest, create_task),
        "GetTask": (tasks_v2.GetTaskRequest.pb(), lambda r: resources.show_task(service.task(r.name), r.response_view)),
        "ListTasks": (resources.ListTasksRequest, lambda r: tasks_page(service, r)),
        "DeleteTask": (tasks_v2.DeleteTaskRequest.pb(), lambda r: service.delete_task(r.name)),
        "RunTask": (resources.RunTaskRequest, run_task),
    }
