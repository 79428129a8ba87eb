"""Lists in pages, the same over REST and gRPC. A page's token is the last name of the page before; no I/O."""

from collections.abc import Sequence
from typing import Any

from localcloud.names import parent_of
from localcloud.serving import ApiError
from localcloud.tasks import names, wire
from localcloud.tasks.service import Service

LARGEST_PAGE = 1000

_STATES = {"RUNNING": wire.RUNNING, "PAUSED": wire.PAUSED, "DISABLED": wire.DISABLED}


def queues_page(service: Service, request: Any) -> Any:
    """The answer to a ListQueuesRequest. Raises: ApiError."""
    state = _state_filter(request.filter)
    shown = [queue for queue in service.queues(request.parent) if state in {0, queue.state}]
    size = _size(request)
    left = [queue for queue in shown if queue.name > request.page_token]
    return wire.ListQueuesResponse(queues=left[:size], next_page_token=_token(left, size))


def tasks_page(service: Service, request: Any) -> Any:
    """The answer to a ListTasksRequest. Raises: ApiError."""
    size = _size(request)
    tasks = service.tasks(names.queue_name(request.parent), after=request.page_token, limit=size + 1)
    shown = [wire.show_task(task, request.response_view) for task in tasks[:size]]
    return wire.ListTasksResponse(tasks=shown, next_page_token=_token(tasks, size))


def locations(service: Service, project: str) -> list[str]:
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
