"""Puts the Cloud Scheduler stand-in together: store, clockwork, service and its faces, REST and gRPC."""

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
from localcloud.scheduler.clockwork import JobRunner
from localcloud.scheduler.courier import HttpDelivery
from localcloud.scheduler.routes import Routes
from localcloud.scheduler.rpc import services
from localcloud.scheduler.service import Service
from localcloud.scheduler.store import Store
from localcloud.scheduler.timetable import Timetable
from localcloud.serving import ApiError, answer_api_error


def build(
    state_dir: Path | None,
    identity: Identity,
    timetable: Timetable,
    *,
    grpc_port: int | None = None,
    now_s: Callable[[], float] = time.time,
) -> Starlette:
    store, duplicates, caller = Store(state_dir), Duplicates(), Caller(identity)
    clockwork = JobRunner(store, HttpDelivery(caller), timetable, duplicates, now_s=now_s)
    service = Service(store, timetable, now_s=now_s, changed=clockwork.changed)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with rpc.serve_grpc(grpc_port, services(service, clockwork)), background(clockwork.run()):
            yield
        await caller.close()
        await identity.close()
        store.close()

    return Starlette(
        routes=[*control_routes(duplicates, store.clear, clockwork.clear), *Routes(service, clockwork).all()],
        exception_handlers={ApiError: answer_api_error, HTTPException: answer_http_error},
        lifespan=lifespan,
    )
