"""``python -m localcloud tasks``: store, dispatcher and service, over REST and gRPC."""

import argparse
import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from localcloud import rpc
from localcloud.delivery import Caller, Duplicates
from localcloud.identity import Identity
from localcloud.rest import answer_http_error, control_routes
from localcloud.serving import ApiError, answer_api_error, background, serve
from localcloud.tasks.api import Routes, services
from localcloud.tasks.dispatcher import Dispatcher, HttpDelivery
from localcloud.tasks.service import Batches, Service
from localcloud.tasks.store import Store


def build(
    state_dir: Path | None,
    identity: Identity,
    *,
    grpc_port: int | None = None,
    now_s: Callable[[], float] = time.time,
) -> Starlette:
    store, duplicates, caller = Store(state_dir), Duplicates(), Caller(identity)
    dispatcher = Dispatcher(store, HttpDelivery(caller), duplicates, now_s=now_s)
    service = Service(store, now_s=now_s, wake=dispatcher.wake)
    batches = Batches(store, service, now_s=now_s)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with rpc.serve_grpc(grpc_port, services(service, dispatcher, batches)), background(dispatcher.run()):
            yield
        await caller.close()
        await identity.close()
        store.close()

    return Starlette(
        routes=[
            *control_routes(duplicates, store.clear, dispatcher.clear),
            *Routes(service, dispatcher, batches).all(),
        ],
        exception_handlers={ApiError: answer_api_error, HTTPException: answer_http_error},
        lifespan=lifespan,
    )


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True, help="REST port on 127.0.0.1")
    parser.add_argument("--grpc-port", type=int, help="gRPC port on 127.0.0.1; without it REST only")
    parser.add_argument(
        "--state-dir", type=Path, help="keep queues and tasks here; without it they die with the process"
    )


def run(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    app = build(arguments.state_dir, Identity.from_env(os.environ), grpc_port=arguments.grpc_port)
    asyncio.run(serve({arguments.port: app}))
    return 0
