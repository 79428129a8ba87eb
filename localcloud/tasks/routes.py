"""Cloud Tasks v2 as HTTP paths; each handler only translates between a request and one operation of the service."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.deliveries import Duplicates
from localcloud.serving import ApiError, health
from localcloud.tasks import listing, names, wire
from localcloud.tasks.dispatcher import Dispatcher
from localcloud.tasks.service import Service
from localcloud.tasks.store import Store

_LOCATIONS = "/v2/projects/{project}/locations"
_LOCATION = _LOCATIONS + "/{location}"
_QUEUE = _LOCATION + "/queues/{queue}"
_TASK = _QUEUE + "/tasks/{task}"


class Routes:
    def __init__(self, service: Service, dispatcher: Dispatcher) -> None:
        self._service = service
        self._dispatcher = dispatcher

    def all(self) -> list[Route]:
        def queue_verb(verb: str, act: Callable[[str], Any]) -> Route:
            async def handle(request: Request) -> Response:
                return JSONResponse(wire.spelled(act(_name(request, verb))))

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
            Route(_LOCATION, self.get_location, methods=["GET"]),
            Route(_LOCATIONS, self.list_locations, methods=["GET"]),
        ]

    async def create_queue(self, request: Request) -> Response:
        queue = wire.parsed(await _document(request), wire.Queue)
        return JSONResponse(wire.spelled(self._service.create_queue(_name(request).removesuffix("/queues"), queue)))

    async def update_queue(self, request: Request) -> Response:
        queue = wire.parsed(await _document(request), wire.Queue)
        queue.name = _name(request)
        mask = [path for path in request.query_params.get("updateMask", "").split(",") if path]
        return JSONResponse(wire.spelled(self._service.update_queue(queue, mask)))

    async def get_queue(self, request: Request) -> Response:
        return JSONResponse(wire.spelled(self._service.queue(_name(request))))

    async def list_queues(self, request: Request) -> Response:
        message = wire.ListQueuesRequest(parent=_name(request).removesuffix("/queues"), **_page_wish(request))
        message.filter = request.query_params.get("filter", "")
        return JSONResponse(wire.spelled(listing.queues_page(self._service, message)))

    async def delete_queue(self, request: Request) -> Response:
        self._service.delete_queue(_name(request))
        return JSONResponse({})

    async def create_task(self, request: Request) -> Response:
        message = wire.parsed(await _document(request), wire.CreateTaskRequest)
        task = self._service.create_task(_name(request).removesuffix("/tasks"), message.task)
        return JSONResponse(wire.spelled(wire.viewed(task, message.response_view)))

    async def get_task(self, request: Request) -> Response:
        view = wire.view_of(request.query_params.get("responseView", ""))
        return JSONResponse(wire.spelled(wire.viewed(self._service.task(_name(request)), view)))

    async def list_tasks(self, request: Request) -> Response:
        message = wire.ListTasksRequest(parent=_name(request).removesuffix("/tasks"), **_page_wish(request))
        message.response_view = wire.view_of(request.query_params.get("responseView", ""))
        return JSONResponse(wire.spelled(listing.tasks_page(self._service, message)))

    async def delete_task(self, request: Request) -> Response:
        self._service.delete_task(_name(request))
        return JSONResponse({})

    async def run_task(self, request: Request) -> Response:
        message = wire.parsed(await _document(request), wire.RunTaskRequest)
        name = _name(request, "run")
        self._service.task(name)  # 404 for one that does not exist
        task = self._dispatcher.force(name)
        return JSONResponse(wire.spelled(wire.viewed(task, message.response_view)))

    async def get_location(self, request: Request) -> Response:
        name = _name(request)
        return JSONResponse(_place(name))

    async def list_locations(self, request: Request) -> Response:
        found = listing.locations(self._service, _name(request).removesuffix("/locations"))
        return JSONResponse({"locations": [_place(name) for name in found]})


def _place(name: str) -> dict[str, str]:
    return {"name": name, "locationId": names.short(name)}


def control_routes(store: Store, dispatcher: Dispatcher, duplicates: Duplicates) -> list[Route]:
    """What tests use and Google does not have."""

    async def faults(request: Request) -> Response:
        if request.method == "POST":
            duplicates.order(await _document(request))
        elif request.method == "DELETE":
            duplicates.clear()
        return JSONResponse(duplicates.report())

    async def reset(_: Request) -> Response:
        store.clear()
        dispatcher.clear()
        duplicates.clear()
        return JSONResponse({})

    return [
        Route("/_local/health", health, methods=["GET"]),
        Route("/_local/faults", faults, methods=["GET", "POST", "DELETE"]),
        Route("/_local/reset", reset, methods=["POST"]),
    ]


async def answer_http_error(_: Request, error: Exception) -> Response:
    """Unknown paths and methods, in Google's envelope as well."""
    code = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    return JSONResponse(ApiError(code, f"{HTTPStatus(code).phrase}.").body(), status_code=code)


async def _document(request: Request) -> dict[str, Any]:
    body = await request.body()
    try:
        document = (await request.json()) if body else {}
    except ValueError as exc:
        raise ApiError(400, f"Invalid JSON payload received. {exc}") from exc
    if not isinstance(document, dict):
        raise ApiError(400, "Invalid JSON payload received. Expected an object.")
    return document


def _name(request: Request, verb: str = "") -> str:
    return request.url.path.removeprefix("/v2/").removesuffix(f":{verb}" if verb else "")


def _page_wish(request: Request) -> dict[str, Any]:
    size = request.query_params.get("pageSize", "") or "0"
    if not size.isdigit():
        raise ApiError(400, f"Invalid value at 'page_size': {size!r}.")
    return {"page_size": int(size), "page_token": request.query_params.get("pageToken", "")}
