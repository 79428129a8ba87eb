"""The Cloud Scheduler stand-in as an app: its timetable in the background, a small control surface in front."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import asdict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.background import background
from localcloud.identity import Identity
from localcloud.scheduler.clockwork import Clockwork
from localcloud.scheduler.jobs import Job
from localcloud.serving import ApiError, answer_api_error, health


def build(jobs: Iterable[Job], identity: Identity) -> Starlette:
    clockwork = Clockwork(jobs, identity, now_s=time.time, sleep=asyncio.sleep)

    async def run_now(request: Request) -> Response:
        name = request.path_params["name"]
        job = clockwork.jobs.get(name)
        if job is None:
            raise ApiError(404, f"There is no job named {name}.")
        if not await clockwork.fire(job, time.time()):
            raise ApiError(409, f"Job {name} is running already.", "ABORTED")
        return JSONResponse(asdict(clockwork.records[name]))

    async def list_jobs(_: Request) -> Response:
        return JSONResponse({name: asdict(record) for name, record in clockwork.records.items()})

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with background(clockwork.run()):
            yield
        await clockwork.close()
        await identity.close()

    return Starlette(
        routes=[
            Route("/_local/health", health, methods=["GET"]),
            Route("/_local/jobs", list_jobs, methods=["GET"]),
            Route("/_local/run/{name}", run_now, methods=["POST"]),
        ],
        exception_handlers={ApiError: answer_api_error},
        lifespan=lifespan,
    )
