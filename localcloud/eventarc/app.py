"""``python -m localcloud eventarc``: a Pub/Sub server and a bucket poller, an outbox, a router, a control surface.

Start the object store with ``PUBSUB_EMULATOR_HOST=127.0.0.1:P2`` and ``-event.pubsub-project-id P
-event.pubsub-topic T -event.list finalize`` (any P and T), where P2 is ``--pubsub-port`` here.
"""

import argparse
import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.eventarc.delivery import Faults, HttpDelivery, Router
from localcloud.eventarc.outbox import Outbox
from localcloud.eventarc.sources import BucketPoller, publisher
from localcloud.eventarc.triggers import BadConfig, Config, load
from localcloud.identity import Identity
from localcloud.rest import control_routes
from localcloud.serving import LOOPBACK, ApiError, answer_api_error, background, serve

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
    poller = BucketPoller(storage, router, outbox)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # Two listeners sharing a port would each hear half of the changes.
        pubsub_server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        pubsub_server.add_generic_rpc_handlers((publisher(router.hear),))
        if pubsub_port is not None:
            pubsub_server.add_insecure_port(f"{LOOPBACK}:{pubsub_port}")
        # The first listing counts what it finds as already processed: it must be over before the server takes the
        # notifications that the object store repeats, and before the health check answers.
        await poller.poll()
        await pubsub_server.start()
        looks_s = _LOOK_ONLY_S if pubsub_port is None else _LOOK_S
        async with background(router.run(), poller.keep_polling(*looks_s)):
            yield
            await pubsub_server.stop(grace=1)
        await poller.close()
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


_log = logging.getLogger(__name__)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True, help="control port on 127.0.0.1")
    parser.add_argument("--config", type=Path, required=True, help="JSON file with the triggers")
    parser.add_argument("--pubsub-port", type=int, help="where the object store publishes its changes (gRPC)")
    parser.add_argument("--state-dir", type=Path, help="keep owed events here; without it they die with the process")


def run(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        config = load(arguments.config)
    except BadConfig as exc:
        _log.error("%s", exc)
        return 2
    app = build(
        config,
        arguments.state_dir,
        Identity.from_env(os.environ),
        pubsub_port=arguments.pubsub_port,
        storage=os.environ.get("STORAGE_EMULATOR_HOST", ""),
    )
    asyncio.run(serve({arguments.port: app}))
    return 0
