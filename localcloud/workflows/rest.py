"""The REST surface of workflows v1 and workflowexecutions v1, on one port."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.serving import ApiError, answer_api_error, health
from localcloud.workflows.callbacks import METHODS
from localcloud.workflows.deployments import Deployments
from localcloud.workflows.executions import Executions
from localcloud.workflows.resources import LOCATION, Page, Resource
from localcloud.workflows.runtime import canonical, decoded

_WORKFLOW = rf"{LOCATION}/workflows/[^/:]+"
_EXECUTION = rf"{_WORKFLOW}/executions/[^/:]+"
_CALLBACK = re.compile(rf"{_EXECUTION}/callbacks/[^/:]+")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, once its path is understood."""

    name: str
    query: Any
    body: Resource

    @property
    def page(self) -> Page:
        read = self.query.get
        size, skip = self._number("pageSize"), self._number("skip")
        return Page(size, read("pageToken", ""), read("filter", ""), read("orderBy", ""), skip)

    @property
    def view(self) -> str:
        return str(self.query.get("view", ""))

    def _number(self, name: str) -> int:
        text = self.query.get(name, "0")
        if not text.lstrip("-").isdecimal():
            raise ApiError(400, f"{name} must be a number, not {text!r}")
        return int(text)


Answer = Callable[[Call], Resource]
Method = tuple[str, str, Answer]


def _workflows(deployments: Deployments) -> list[Method]:
    return [
        (
            "POST",
            rf"({LOCATION})/workflows",
            lambda c: deployments.create(c.name, c.query.get("workflowId", ""), c.body),
        ),
        ("GET", rf"({LOCATION})/workflows", lambda c: deployments.listed(c.name, c.page)),
        ("GET", rf"({_WORKFLOW})", lambda c: deployments.get(c.name, c.query.get("revisionId", ""))),
        ("PATCH", rf"({_WORKFLOW})", lambda c: deployments.update(c.name, c.body, c.query.get("updateMask", ""))),
        ("DELETE", rf"({_WORKFLOW})", lambda c: deployments.delete(c.name)),
        ("GET", rf"({_WORKFLOW}):listRevisions", lambda c: deployments.revisions(c.name, c.page)),
        ("GET", rf"({LOCATION}/operations/[^/:]+)", lambda c: deployments.operation(c.name)),
        ("DELETE", rf"({LOCATION}/operations/[^/:]+)", lambda c: deployments.delete_operation(c.name)),
        ("GET", rf"({LOCATION})/operations", lambda c: deployments.operations(c.name, c.page)),
        ("GET", rf"({LOCATION})", lambda c: deployments.location(c.name)),
        ("GET", r"(projects/[^/]+)/locations", lambda c: deployments.locations(c.name, c.page)),
    ]


def _executions(executions: Executions) -> list[Method]:
    return [
        ("POST", rf"({_WORKFLOW})/executions", lambda c: executions.create(c.name, c.body)),
        ("POST", rf"({_WORKFLOW}):triggerPubsubExecution", lambda c: executions.create_from_pubsub(c.name, c.body)),
        ("GET", rf"({_WORKFLOW})/executions", lambda c: executions.listed(c.name, c.page, c.view)),
        ("GET", rf"({_EXECUTION})", lambda c: executions.get(c.name, c.view)),
        ("POST", rf"({_EXECUTION}):cancel", lambda c: executions.cancel(c.name)),
        ("GET", rf"({_EXECUTION}):exportData", lambda c: executions.export(c.name)),
        ("POST", rf"({_EXECUTION}):deleteExecutionHistory", lambda c: executions.delete_history(c.name)),
        ("GET", rf"({_EXECUTION})/stepEntries", lambda c: executions.step_entries(c.name, c.page)),
        ("GET", rf"({_EXECUTION}/stepEntries/[0-9]+)", lambda c: executions.step_entry(c.name)),
        ("GET", rf"({_EXECUTION})/callbacks", lambda c: executions.callbacks(c.name, c.page)),
    ]


def application(deployments: Deployments, executions: Executions) -> Starlette:
    table = [*_workflows(deployments), *_executions(executions)]
    compiled = [(method, re.compile(pattern), answer) for method, pattern, answer in table]

    async def call(request: Request) -> Response:
        path = request.path_params["path"]
        if _CALLBACK.fullmatch(path):
            return JSONResponse(executions.call_back(path, await _received(request)))
        matches = [
            (method, match, answer) for method, pattern, answer in compiled if (match := pattern.fullmatch(path))
        ]
        for method, match, answer in matches:
            if method == request.method:
                return JSONResponse(answer(Call(match[1], request.query_params, await _body(request))))
        raise ApiError(404, f"no method {request.method} for /v1/{path}")

    async def all_executions(_: Request) -> Response:
        return JSONResponse({"executions": executions.everything()})

    return Starlette(
        routes=[
            Route("/_local/health", health),
            Route("/_local/executions", all_executions),
            Route("/v1/{path:path}", call, methods=METHODS),
            Route("/v1beta/{path:path}", call, methods=METHODS),  # what gcloud beta asks for; the same resources
        ],
        exception_handlers={ApiError: answer_api_error, 404: _no_route, Exception: _broken},
    )


async def _broken(_: Request, error: Exception) -> Response:
    """A bug of this stand-in; the traceback goes to the log."""
    return JSONResponse(ApiError(500, f"internal error of the stand-in: {error!r}").body(), 500)


async def _no_route(request: Request, _: Exception) -> Response:
    return JSONResponse(ApiError(404, f"nothing is at {request.url.path}").body(), 404)


async def _body(request: Request) -> Resource:
    text = await request.body()
    if not text:
        return {}
    try:
        body = json.loads(text)
    except ValueError as error:
        raise ApiError(400, f"the request body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ApiError(400, "the request body must be a JSON object")
    return body


async def _received(request: Request) -> Resource:
    """A request to a callback, as the waiting workflow gets it; a JSON body is decoded."""
    content = await request.body()
    return {
        "body": decoded(content, request.headers.get("content-type", "")),
        "headers": {canonical(name): value for name, value in request.headers.items()},
        "method": request.method,
        "query": dict(request.query_params),
        "url": str(request.url),
    }
