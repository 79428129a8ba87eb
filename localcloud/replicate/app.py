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
from csv import DictWriter
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.replicate.api import Api
from localcloud.replicate.ledger import COLUMNS
from localcloud.replicate.predictions import Predictions
from localcloud.replicate.registry import read_models
from localcloud.replicate.site import Site
from localcloud.replicate.store import Store
from localcloud.replicate.webhooks import Webhooks
from localcloud.serving import LOOPBACK, ApiError, answer_api_error, background, health, serve
from localcloud.vertex.requests import ConnectionCutError, cut_connection
from localcloud.vertex.standin import clock_ahead
from localcloud.vertex.standin import read as read_profile


@dataclass(frozen=True, slots=True)
class Control:
    """The endpoints; orders that make no sense are answered 400 and change nothing."""

    site: Site
    predictions: Predictions
    webhooks: Webhooks

    def routes(self) -> list[Route]:
        return [
            Route("/_local/health", health),
            Route("/_local/ledger", self.ledger),
            Route("/_local/ledger.csv", self.ledger_csv),
            Route("/_local/profile", self.behave, methods=["POST"]),
            Route("/_local/credit", self.grant, methods=["POST"]),
            Route("/_local/credit", self.credit),
            Route("/_local/faults", self.add_faults, methods=["POST"]),
            Route("/_local/faults", self.show_faults),
            Route("/_local/faults", self.drop_faults, methods=["DELETE"]),
            Route("/_local/reset", self.reset, methods=["POST"]),
        ]

    async def ledger(self, _: Request) -> Response:
        """Every accepted prediction so far, oldest first."""
        return JSONResponse(self.site.store.ledger.lines())

    async def ledger_csv(self, _: Request) -> Response:
        """The same, one line for each."""
        lines = StringIO(newline="")
        table = DictWriter(lines, COLUMNS)
        table.writeheader()
        table.writerows(self.site.store.ledger.lines())
        return Response(lines.getvalue(), media_type="text/csv")

    async def behave(self, request: Request) -> Response:
        """Replace the profile; keys left out go back to their defaults."""
        ordered = await _json(request)
        if not isinstance(ordered, Mapping):
            raise ApiError(400, "a profile is a JSON object")
        try:
            self.site.behave(ordered)
        except ValueError as error:
            raise ApiError(400, str(error)) from error
        return JSONResponse({})

    async def grant(self, request: Request) -> Response:
        """Set the prepaid credit that is left: ``{"micros": 5000000}``, or null for enough of it."""
        ordered = await _json(request)
        micros = ordered.get("micros", "") if isinstance(ordered, Mapping) else ""
        if isinstance(micros, bool) or not isinstance(micros, int | None):
            raise ApiError(400, "credit is {'micros': a whole number or null}")
        self.site.grant(micros)
        return await self.credit(request)

    async def credit(self, _: Request) -> Response:
        return JSONResponse({"micros": self.site.credit_micros})

    async def add_faults(self, request: Request) -> Response:
        """Add rules to those in force; their counts begin now."""
        ordered = await _json(request)
        if not isinstance(ordered, list) or not all(isinstance(rule, Mapping) for rule in ordered):
            raise ApiError(400, "faults are a JSON list of rules")
        try:
            self.site.faults.add(ordered)
        except (TypeError, ValueError) as error:
            raise ApiError(400, str(error)) from error
        self.site.save_faults()
        return JSONResponse(self.site.faults.json())

    async def show_faults(self, _: Request) -> Response:
        return JSONResponse(self.site.faults.json())

    async def drop_faults(self, _: Request) -> Response:
        self.site.faults.forget()
        self.site.save_faults()
        return JSONResponse({})

    async def reset(self, _: Request) -> Response:
        """As at the first start."""
        await self.predictions.stop()
        self.webhooks.forget()
        self.site.reset()
        return JSONResponse({})


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError as error:
        raise ApiError(400, f"not JSON: {error}") from error


def build(site: Site) -> Starlette:
    """The application; predictions left unfinished by an earlier process go on when it starts."""
    webhooks = Webhooks(site)
    predictions = Predictions(site, webhooks)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        predictions.resume()
        async with background(webhooks.run()):
            yield
        await predictions.close()
        await webhooks.close()

    return Starlette(
        routes=[*Control(site, predictions, webhooks).routes(), *Api(site, predictions).routes()],
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
