"""``python -m localcloud vertex``: Google's paths, and a control surface under ``/_local`` that Google lacks."""

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from csv import DictWriter
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.serving import ApiError, answer_api_error, health, serve
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
from localcloud.vertex.wire import invalid


@dataclass(frozen=True, slots=True)
class Control:
    """The endpoints; orders that make no sense are answered 400 and change nothing."""

    standin: Standin
    operations: Operations

    def routes(self) -> list[Route]:
        return [
            Route("/_local/health", health),
            Route("/_local/ledger", self.ledger),
            Route("/_local/ledger.csv", self.ledger_csv),
            Route("/_local/profile", self.behave, methods=["POST"]),
            Route("/_local/faults", self.add_faults, methods=["POST"]),
            Route("/_local/faults", self.show_faults),
            Route("/_local/faults", self.drop_faults, methods=["DELETE"]),
            Route("/_local/reset", self.reset, methods=["POST"]),
        ]

    async def ledger(self, _: Request) -> Response:
        """Every accepted paid call so far, oldest first."""
        return JSONResponse(self.standin.store.ledger())

    async def ledger_csv(self, _: Request) -> Response:
        """The same as a billing export might come: one line per call, amounts in `micros`."""
        lines = StringIO(newline="")
        table = DictWriter(lines, LEDGER_COLUMNS)
        table.writeheader()
        table.writerows(self.standin.store.ledger())
        return Response(lines.getvalue(), media_type="text/csv")

    async def behave(self, request: Request) -> Response:
        """Replace the profile; keys left out go back to their defaults."""
        ordered = await _json(request)
        if not isinstance(ordered, Mapping):
            raise invalid("a profile is a JSON object")
        try:
            self.standin.behave(ordered)
        except ValueError as error:
            raise invalid(str(error)) from error
        return JSONResponse({})

    async def add_faults(self, request: Request) -> Response:
        """Add rules to those in force; their counts begin now."""
        ordered = await _json(request)
        if not isinstance(ordered, list) or not all(isinstance(rule, Mapping) for rule in ordered):
            raise invalid("faults are a JSON list of rules")
        try:
            self.standin.faults.add(ordered)
        except (TypeError, ValueError) as error:
            raise invalid(str(error)) from error
        self.standin.save_faults()
        return JSONResponse(self.standin.faults.json())

    async def show_faults(self, _: Request) -> Response:
        return JSONResponse(self.standin.faults.json())

    async def drop_faults(self, _: Request) -> Response:
        self.standin.faults.forget()
        self.standin.save_faults()
        return JSONResponse({})

    async def reset(self, _: Request) -> Response:
        """As at the first start."""
        await self.operations.stop()
        self.standin.reset()
        return JSONResponse({})


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError as error:
        raise invalid(f"not JSON: {error}") from error


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

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        operations.resume()
        yield
        await operations.stop()
        await standin.storage.close()

    return Starlette(
        routes=[
            *Control(standin, operations).routes(),
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
