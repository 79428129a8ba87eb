"""``python -m localcloud scheduler``: store, job runner and service, over REST and gRPC."""

import argparse
import asyncio
import json
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
from localcloud.scheduler.api import Routes, services
from localcloud.scheduler.job_runner import HttpDelivery, JobRunner
from localcloud.scheduler.service import Service, Store
from localcloud.scheduler.timetable import Timetable
from localcloud.serving import ApiError, answer_api_error, background, serve


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


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True, help="REST port on 127.0.0.1")
    parser.add_argument("--grpc-port", type=int, help="gRPC port on 127.0.0.1; without it REST only")
    parser.add_argument("--state-dir", type=Path, help="keep jobs here; without it they die with the process")
    parser.add_argument(
        "--periods",
        type=_timetable,
        default=Timetable(),
        metavar="FILE",
        help="JSON object of job id to seconds: such a job runs so often, whatever its schedule says",
    )


def run(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    identity = Identity.from_env(os.environ)
    app = build(arguments.state_dir, identity, arguments.periods, grpc_port=arguments.grpc_port)
    asyncio.run(serve({arguments.port: app}))
    return 0


def _timetable(file: str) -> Timetable:
    try:
        periods_s = {str(job): float(period_s) for job, period_s in json.loads(Path(file).read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError) as exc:
        raise argparse.ArgumentTypeError(f"{file}: {exc}") from exc
    if any(not period_s > 0 for period_s in periods_s.values()):
        raise argparse.ArgumentTypeError(f"{file}: a period is a number of seconds above 0")
    return Timetable(periods_s)
