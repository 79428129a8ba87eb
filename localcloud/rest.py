"""The REST face of a stand-in: how requests are read and faults answered, no path of any service but our own."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.serving import ApiError, health


async def read_json(request: Request) -> dict[str, Any]:
    """The JSON object that was sent, empty without a body. Raises: ApiError 400."""
    body = await request.body()
    try:
        sent = (await request.json()) if body else {}
    except ValueError as exc:
        raise ApiError(400, f"Invalid JSON payload received. {exc}") from exc
    if not isinstance(sent, dict):
        raise ApiError(400, "Invalid JSON payload received. Expected an object.")
    return sent


def page_fields(request: Request) -> dict[str, Any]:
    """The fields of a list request that say which page. Raises: ApiError 400."""
    size = request.query_params.get("pageSize", "") or "0"
    if not size.isdigit():
        raise ApiError(400, f"Invalid value at 'page_size': {size!r}.")
    return {"page_size": int(size), "page_token": request.query_params.get("pageToken", "")}


def location_resource(name: str) -> dict[str, str]:
    """A location's resource."""
    return {"name": name, "locationId": name.rsplit("/", 1)[1]}


class Faults(Protocol):
    """What may go wrong on order: asked for, forgotten, counted."""

    def order(self, settings: Mapping[str, Any]) -> None: ...

    def clear(self) -> None: ...

    def report(self) -> dict[str, Any]: ...


def control_routes(faults: Faults, *forget: Callable[[], None]) -> list[Route]:
    """What tests use and Google does not have; a reset clears the faults after it called each of `forget`."""

    async def disorder(request: Request) -> Response:
        if request.method == "POST":
            faults.order(await read_json(request))
        elif request.method == "DELETE":
            faults.clear()
        return JSONResponse(faults.report())

    async def reset(_: Request) -> Response:
        for clear in (*forget, faults.clear):
            clear()
        return JSONResponse({})

    return [
        Route("/_local/health", health, methods=["GET"]),
        Route("/_local/faults", disorder, methods=["GET", "POST", "DELETE"]),
        Route("/_local/reset", reset, methods=["POST"]),
    ]


async def answer_http_error(_: Request, error: Exception) -> Response:
    """Unknown paths and methods, in Google's envelope as well."""
    code = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    return JSONResponse(ApiError(code, f"{HTTPStatus(code).phrase}.").body(), status_code=code)
