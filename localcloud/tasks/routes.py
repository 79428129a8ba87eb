"""Cloud Tasks v2 as HTTP paths; each handler only translates between a request and one operation of the service."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.messages import parsed, spelled
from localcloud.rest import document, page_wish, place
from localcloud.tasks import listing, wire
from localcloud.tasks.batches import Batches
from localcloud.tasks.dispatcher import Dispatcher
from localcloud.tasks.service import Service

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
                return JSONResponse(spelled(act(_name(request, verb))))

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
        queue = parsed(await document(request), wire.Queue)
        return JSONResponse(spelled(self._service.create_queue(_name(request).removesuffix("/queues"), queue)))

    async def update_queue(self, request: Request) -> Response:
        queue = parsed(await document(request), wire.Queue)
        queue.name = _name(request)
        mask = [path for path in request.query_params.get("updateMask", "").split(",") if path]
        return JSONResponse(spelled(self._service.update_queue(queue, mask)))

    async def get_queue(self, request: Request) -> Response:
        return JSONResponse(spelled(self._service.queue(_name(request))))

    async def list_queues(self, request: Request) -> Response:
        message = wire.ListQueuesRequest(parent=_name(request).removesuffix("/queues"), **page_wish(request))
        message.filter = request.query_params.get("filter", "")
        return JSONResponse(spelled(listing.queues_page(self._service, message)))

    async def delete_queue(self, request: Request) -> Response:
        self._service.delete_queue(_name(request))
        return JSONResponse({})

    async def create_task(self, request: Request) -> Response:
        message = parsed(await document(request), wire.CreateTaskRequest)
        task = self._service.create_task(_name(request).removesuffix("/tasks"), message.task)
        return JSONResponse(spelled(wire.viewed(task, message.response_view)))

    async def get_task(self, request: Request) -> Response:
        view = wire.view_of(request.query_params.get("responseView", ""))
        return JSONResponse(spelled(wire.viewed(self._service.task(_name(request)), view)))

    async def list_tasks(self, request: Request) -> Response:
        message = wire.ListTasksRequest(parent=_name(request).removesuffix("/tasks"), **page_wish(request))
        message.response_view = wire.view_of(request.query_params.get("responseView", ""))
        return JSONResponse(spelled(listing.tasks_page(self._service, message)))

    async def delete_task(self, request: Request) -> Response:
        self._service.delete_task(_name(request))
        return JSONResponse({})

    async def run_task(self, request: Request) -> Response:
        message = parsed(await document(request), wire.RunTaskRequest)
        name = _name(request, "run")
        self._service.task(name)  # 404 for one that does not exist
        task = self._dispatcher.force(name)
        return JSONResponse(spelled(wire.viewed(task, message.response_view)))

    async def create_tasks(self, request: Request) -> Response:
        message = parsed(await document(request), wire.BatchCreateTasksRequest)
        message.parent = _name(request).removesuffix("/tasks:batchCreate")
        return JSONResponse(spelled(self._batches.create(message)))

    async def delete_tasks(self, request: Request) -> Response:
        message = parsed(await document(request), wire.BatchDeleteTasksRequest)
        message.parent = _name(request).removesuffix("/tasks:batchDelete")
        return JSONResponse(spelled(self._batches.delete(message)))

    async def get_operation(self, request: Request) -> Response:
        return JSONResponse(spelled(self._batches.operation(_name(request))))

    async def get_location(self, request: Request) -> Response:
        name = _name(request)
        return JSONResponse(place(name))

    async def list_locations(self, request: Request) -> Response:
        found = listing.locations(self._service, _name(request).removesuffix("/locations"))
        return JSONResponse({"locations": [place(name) for name in found]})


def _name(request: Request, verb: str = "") -> str:
    return request.url.path.removeprefix("/v2/").removesuffix(f":{verb}" if verb else "")
