"""The web application: Vertex's paths, the control surface, and what runs as long as they are served."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.serving import ApiError, answer_api_error
from localcloud.vertex.call import Call, ConnectionCutError, cut_connection, parse_call
from localcloud.vertex.control import Control
from localcloud.vertex.generate import count_tokens, generate_content
from localcloud.vertex.operations import Operations
from localcloud.vertex.standin import Standin
from localcloud.vertex.veo import fetch_predict_operation, predict_long_running

Verb = Callable[[Call], Awaitable[Response]]

_MODEL_PATH = "/projects/{project}/locations/{location}/publishers/google/models/{model}:{method}"


def build(standin: Standin) -> Starlette:
    """The application; operations left unfinished by an earlier process go on when it starts."""
    operations = Operations(standin)
    verbs: Mapping[str, Verb] = {
        "generateContent": lambda call: generate_content(standin, call),
        "streamGenerateContent": lambda call: generate_content(standin, call),
        "countTokens": lambda call: count_tokens(standin, call),
        "predictLongRunning": lambda call: predict_long_running(standin, operations, call),
        "fetchPredictOperation": lambda call: fetch_predict_operation(standin, call),
    }

    async def serve(request: Request) -> Response:
        verb = verbs.get(request.path_params["method"])
        if verb is None:
            raise ApiError(404, f"No stand-in answers {request.path_params['method']!r}.")
        return await verb(await parse_call(request))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        operations.resume()
        yield
        await operations.stop()
        await standin.storage.close()

    return Starlette(
        routes=[
            *Control(standin, operations).routes(),
            *(Route(f"/{version}{_MODEL_PATH}", serve, methods=["POST"]) for version in ("v1", "v1beta1")),
        ],
        exception_handlers={ApiError: answer_api_error, ConnectionCutError: cut_connection},
        lifespan=lifespan,
    )
