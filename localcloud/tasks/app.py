"""Puts the Cloud Tasks stand-in together: store, dispatcher, service and its faces, REST and gRPC."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from localcloud.background import background
from localcloud.deliveries import Duplicates
from localcloud.identity import Identity
from localcloud.serving import ApiError, answer_api_error
from localcloud.tasks import rpc
from localcloud.tasks.courier import Courier
from localcloud.tasks.dispatcher import Dispatcher
from localcloud.tasks.routes import Routes, answer_http_error, control_routes
from localcloud.tasks.service import Service
from localcloud.tasks.store import Store

# Calls under way when the stand-in stops get so long to end.
_GRACE_S = 0.5


def build(
    state_dir: Path | None,
    identity: Identity,
    *,
    grpc_port: int | None = None,
    now_s: Callable[[], float] = time.time,
) -> Starlette:
    store, duplicates, courier = Store(state_dir), Duplicates(), Courier(identity)
    dispatcher = Dispatcher(store, courier, duplicates, now_s=now_s)
    service = Service(store, now_s=now_s, wake=dispatcher.wake)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        wire_face = None if grpc_port is None else rpc.server(grpc_port, service, dispatcher)
        if wire_face:
            await wire_face.start()
        async with background(dispatcher.run()):
            yield
            if wire_face:
                await wire_face.stop(_GRACE_S)
        await courier.close()
        await identity.close()
        store.close()

    return Starlette(
        routes=[*control_routes(store, dispatcher, duplicates), *Routes(service, dispatcher).all()],
        exception_handlers={ApiError: answer_api_error, HTTPException: answer_http_error},
        lifespan=lifespan,
    )
