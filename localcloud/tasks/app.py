"""Puts the Cloud Tasks stand-in together: store, dispatcher, service and its faces, REST and gRPC."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from localcloud import rpc
from localcloud.background import background
from localcloud.deliveries import Duplicates
from localcloud.identity import Identity
from localcloud.outgoing import Caller
from localcloud.rest import answer_http_error, control_routes
from localcloud.serving import ApiError, answer_api_error
from localcloud.tasks.batches import Batches
from localcloud.tasks.courier import HttpDelivery
from localcloud.tasks.dispatcher import Dispatcher
from localcloud.tasks.routes import Routes
from localcloud.tasks.rpc import services
from localcloud.tasks.service import Service
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
