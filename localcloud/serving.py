"""How every stand-in listens: uvicorn on 127.0.0.1, quiet, stopped by SIGTERM or Ctrl-C, errors in Google's envelope.

Also the work that an app does in the background. Nothing about a particular service may enter here.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"

_TICK_S = 1.0

# google.rpc.Code names by the HTTP status Google pairs them with (google/rpc/code.proto).
CANONICAL = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class ApiError(Exception):
    """An answer in Google's error envelope: ``{"error": {"code", "message", "status", "details"?}}``."""

    def __init__(self, code: int, message: str, status: str = "", details: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or CANONICAL.get(code, "UNKNOWN")
        self.details = list(details)

    def body(self) -> dict[str, Any]:
        error: dict[str, Any] = {"code": self.code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = self.details
        return {"error": error}


async def answer_api_error(_: Request, error: Exception) -> Response:
    """Starlette's handler for `ApiError`: pass as ``exception_handlers={ApiError: answer_api_error}``."""
    if not isinstance(error, ApiError):
        raise error
    return JSONResponse(error.body(), status_code=error.code)


async def health(_: Request) -> Response:
    """``GET /_local/health``: every stand-in answers it, and the supervisor waits for it."""
    return JSONResponse({"status": "ok"})


class _IdleServer(uvicorn.Server):
    """uvicorn looks ten times a second whether it should stop, a load from a dozen stand-ins; this awaits a signal."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def main_loop(self) -> None:
        while not self._stopping.is_set():
            await self.on_tick(0)  # the Date header is as old as the last tick
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _TICK_S)


async def serve(listeners: Mapping[int, ASGIApp]) -> None:
    """Serve each app on its port until SIGTERM or SIGINT, then let running requests end (at most 2 s)."""
    stopping = asyncio.Event()
    servers = [
        _IdleServer(
            uvicorn.Config(
                app, host=LOOPBACK, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=2
            ),
            stopping,
        )
        for port, app in listeners.items()
    ]

    def stop() -> None:
        stopping.set()
        for server in servers:
            server.should_exit = True  # also for one that is still starting

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await asyncio.gather(*(server._serve() for server in servers))  # noqa: SLF001 - serve() would capture signals once per server


_log = logging.getLogger(__name__)


@asynccontextmanager
async def background(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run the works beside the block; one that fails ends the whole process, so that its supervisor sees it."""
    running = [asyncio.create_task(work) for work in works]
    for work in running:
        work.add_done_callback(_fail_loudly)
    try:
        yield
    finally:
        for work in running:
            work.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _fail_loudly(work: asyncio.Task[None]) -> None:
    if not work.cancelled() and (failure := work.exception()) is not None:
        _log.critical("action=background outcome=died", exc_info=failure)
        os.kill(os.getpid(), signal.SIGTERM)
