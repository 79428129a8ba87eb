"""``python -m localcloud vertex``: Google's paths, and a control surface under ``/_local`` that Google lacks."""

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.model_control import ModelControl
from localcloud.serving import ApiError, answer_api_error, serve
from localcloud.vertex import standin
from localcloud.vertex.generate import count_tokens, generate_content
from localcloud.vertex.interactions.answers import InteractionDialect
from localcloud.vertex.interactions.endpoints import DIALECT as INTERACTIONS
from localcloud.vertex.interactions.endpoints import Interactions
from localcloud.vertex.operations import Operations
from localcloud.vertex.registry import read_models
from localcloud.vertex.requests import Call, ConnectionCutError, cut_connection, parse_call
from localcloud.vertex.standin import Standin
from localcloud.vertex.storage import Storage
from localcloud.vertex.store import LEDGER_COLUMNS, Store
from localcloud.vertex.veo import DIALECT as VEO
from localcloud.vertex.veo import VeoDialect, fetch_predict_operation, predict_long_running

Verb = Callable[[Call], Awaitable[Response]]

_MODEL_PATH = "/projects/{project}/locations/{location}/publishers/google/models/{model}:{method}"


def build(standin: Standin) -> Starlette:
    """The application; operations left unfinished by an earlier process go on when it starts."""
    operations = Operations(standin, {VEO: VeoDialect(), INTERACTIONS: InteractionDialect(lambda: standin.today)})
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
        return await verb(await parse_call(standin, request))

    async def requests(_: Request) -> Response:
        return JSONResponse(list(standin.prompts))

    async def restart() -> None:
        await operations.stop()
        standin.reset()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        operations.resume()
        yield
        await operations.stop()
        await standin.storage.close()

    return Starlette(
        routes=[
            *ModelControl(standin, standin.store.ledger, LEDGER_COLUMNS, restart, standin.store.attached).routes(),
            Route("/_local/requests", requests, methods=["GET"]),
            *Interactions(standin, operations).routes(),
            *(Route(f"/{version}{_MODEL_PATH}", serve, methods=["POST"]) for version in ("v1", "v1beta1")),
        ],
        exception_handlers={ApiError: answer_api_error, ConnectionCutError: cut_connection},
        lifespan=lifespan,
    )


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--profile", type=Path, help="JSON: time_scale, latency_s, quota_per_min, seed")
    parser.add_argument("--clock-ahead-s", type=float, default=0.0, help="serve and bill as so much later")
    parser.add_argument("--models", type=Path, help="JSON in the form of models.json, to serve other models or limits")
    parser.add_argument(
        "--state-dir", type=Path, help="keep operations and ledger here, so that a restart loses nothing"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    first_profile = standin.read(json.loads(arguments.profile.read_text()) if arguments.profile else {})
    models = read_models(arguments.models)
    with ExitStack() as until_the_end:
        folder = arguments.state_dir or Path(
            until_the_end.enter_context(tempfile.TemporaryDirectory(prefix="localcloud-vertex-"))
        )
        store = Store(folder)
        until_the_end.callback(store.close)
        workers = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="render")
        until_the_end.callback(workers.shutdown, wait=True, cancel_futures=True)
        storage = Storage(os.environ.get("STORAGE_EMULATOR_HOST", ""))
        now = standin.clock_ahead(arguments.clock_ahead_s)
        asyncio.run(serve({arguments.port: build(Standin(store, storage, workers, models, first_profile, now))}))
    return 0
