"""Puts the Eventarc stand-in together: an ear (Pub/Sub), an outbox, a router, and a small control surface."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.background import background
from localcloud.eventarc.courier import HttpDelivery
from localcloud.eventarc.faults import Faults
from localcloud.eventarc.lookout import BucketPoller
from localcloud.eventarc.outbox import Outbox
from localcloud.eventarc.pubsub import publisher
from localcloud.eventarc.router import Router
from localcloud.eventarc.triggers import Config
from localcloud.identity import Identity
from localcloud.rest import control_routes
from localcloud.serving import LOOPBACK, ApiError, answer_api_error

# How often the buckets are listed: always often when listing is all there is; when reports are heard as well, seldom,
# and ever more seldom while a look finds nothing that had not been reported.
_LOOK_ONLY_S = (0.25, 0.25)
_LOOK_S = (1.0, 5.0)


def build(
    config: Config, state_dir: Path | None, identity: Identity, *, pubsub_port: int | None, storage: str
) -> Starlette:
    """The stand-in; `storage` is the object store's origin, empty to hear changes only and never list."""
    outbox, faults, courier = Outbox(state_dir), Faults(), HttpDelivery(identity)
    router = Router(config, outbox, courier, faults, now_s=time.time)
    lookout = BucketPoller(storage, router, outbox)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # Two listeners sharing a port would each hear half of the changes.
        ear = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        ear.add_generic_rpc_handlers((publisher(router.hear),))
        if pubsub_port is not None:
            ear.add_insecure_port(f"{LOOPBACK}:{pubsub_port}")
        # The first look makes what it finds old news: it must be over before the object store, which repeats reports
        # that nobody took, is heard, and before anybody is told that we are up.
        await lookout.look()
        await ear.start()
        looks_s = _LOOK_ONLY_S if pubsub_port is None else _LOOK_S
        async with background(router.run(), lookout.keep_polling(*looks_s)):
            yield
            await ear.stop(grace=1)
        await lookout.close()
        await courier.close()
        await identity.close()
        outbox.close()

    async def owed(_: Request) -> Response:
        listed = [{"trigger": one.trigger, "event": one.event.id, "attempts": one.attempts} for one in outbox.owed()]
        return JSONResponse({"owed": listed})

    return Starlette(
        routes=[Route("/_local/owed", owed, methods=["GET"]), *control_routes(faults, outbox.clear)],
        exception_handlers={ApiError: answer_api_error},
        lifespan=lifespan,
    )
