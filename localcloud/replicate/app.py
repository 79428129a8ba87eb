"""``python -m localcloud replicate``: Replicate's paths, and a control surface under ``/_local`` that it lacks."""

import argparse
import asyncio
import json
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.model_control import ModelControl, read_json
from localcloud.replicate.api import Api
from localcloud.replicate.ledger import COLUMNS
from localcloud.replicate.predictions import Predictions
from localcloud.replicate.registry import read_models
from localcloud.replicate.site import Site
from localcloud.replicate.store import Store
from localcloud.replicate.webhooks import Webhooks
from localcloud.serving import LOOPBACK, ApiError, answer_api_error, background, serve
from localcloud.vertex.requests import ConnectionCutError, cut_connection
from localcloud.vertex.standin import clock_ahead
from localcloud.vertex.standin import read as read_profile


@dataclass(frozen=True, slots=True)
class Credit:
    """The prepaid credit, which the other stand-ins do not have."""

    site: Site

    def routes(self) -> list[Route]:
        return [Route("/_local/credit", self.grant, methods=["POST"]), Route("/_local/credit", self.show)]

    async def grant(self, request: Request) -> Response:
        """Set the prepaid credit that is left: ``{"micros": 5000000}``, or null for enough of it."""
        ordered = await read_json(request)
        micros = ordered.get("micros", "") if isinstance(ordered, Mapping) else ""
        if isinstance(micros, bool) or not isinstance(micros, int | None):
            raise ApiError(400, "credit is {'micros': a whole number or null}")
        self.site.grant(micros)
        return await self.show(request)

    async def show(self, _: Request) -> Response:
        return JSONResponse({"micros": self.site.credit_micros})


def build(site: Site) -> Starlette:
    """The application; predictions left unfinished by an earlier process go on when it starts."""
    webhooks = Webhooks(site)
    predictions = Predictions(site, webhooks)

    async def restart() -> None:
        await predictions.stop()
        webhooks.forget()
        site.reset()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        predictions.resume()
        async with background(webhooks.run()):
            yield
        await predictions.close()
        await webhooks.close()

    return Starlette(
        routes=[
            *ModelControl(site, site.store.ledger.lines, COLUMNS, restart, site.store.attached).routes(),
            *Credit(site).routes(),
            *Api(site, predictions).routes(),
        ],
        exception_handlers={ApiError: answer_api_error, ConnectionCutError: cut_connection},
        lifespan=lifespan,
    )


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--models", type=Path, help="JSON in the form of models.json, to serve other models or limits")
    parser.add_argument("--clock-ahead-s", type=float, default=0.0, help="serve and bill as so much later")
    parser.add_argument("--token", help="the only API token that is let in; without it any token is")
    parser.add_argument("--profile", type=Path, help="JSON: time_scale, latency_s, quota_per_min, seed")
    parser.add_argument(
        "--state-dir", type=Path, help="keep predictions and ledger here, so that a restart loses nothing"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    models = read_models(arguments.models)
    first_profile = read_profile(json.loads(arguments.profile.read_text()) if arguments.profile else {})
    with ExitStack() as until_the_end:
        folder = arguments.state_dir or Path(
            until_the_end.enter_context(tempfile.TemporaryDirectory(prefix="localcloud-replicate-"))
        )
        store = Store(folder, folder / "clips")
        until_the_end.callback(store.close)
        workers = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="render")
        until_the_end.callback(workers.shutdown, wait=True, cancel_futures=True)
        base_url = f"http://{LOOPBACK}:{arguments.port}"
        site = Site(
            models, store, workers, base_url, arguments.token, first_profile, clock_ahead(arguments.clock_ahead_s)
        )
        asyncio.run(serve({arguments.port: build(site)}))
    return 0
