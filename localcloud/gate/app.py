"""``python -m localcloud gate``: one listener for each service, all its paths and methods behind the invoker check."""

import argparse
import asyncio
import logging
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from localcloud.gate import proxy
from localcloud.gate.invokers import (
    Certificates,
    Forbidden,
    GateConfig,
    Service,
    Unauthenticated,
    check_invoker,
    checked_header,
)
from localcloud.gate.proxy import backend_client, forward
from localcloud.serving import health, serve

_log = logging.getLogger(__name__)


class GuardedService:
    """An ASGI endpoint, so that it serves every method, also those a routing table would refuse."""

    def __init__(self, service: Service, certificates: Certificates, client: httpx.AsyncClient) -> None:
        self.service = service
        self.certificates = certificates
        self.client = client
        self._places = None if service.capacity is None else asyncio.Semaphore(service.capacity)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        async with AsyncExitStack() as place:  # it is taken until the answer's last byte
            response = await self._answer(request, place)
            await response(scope, receive, send)

    async def _answer(self, request: Request, place: AsyncExitStack) -> Response:
        try:
            header = checked_header(request.headers)
            authorization = await check_invoker(request.headers.get(header, ""), self.service, self.certificates)
        except Unauthenticated as exc:
            self._log_refusal(request, 401, exc)
            return proxy.unauthorized(request.url.path)
        except Forbidden as exc:
            self._log_refusal(request, 403, exc)
            return proxy.forbidden(request.url.path)
        if not await self._take(place):
            _log.warning("429 %s %s %s: no free instance", self.service.name, request.method, request.url.path)
            return proxy.no_instance()
        return await forward(request, self.service, {header: authorization}, self.client)

    async def _take(self, place: AsyncExitStack) -> bool:
        """Wait for a place in one of the service's instances; False when none becomes free in time."""
        if self._places is not None:
            try:
                async with asyncio.timeout(self.service.pending_s):
                    await self._places.acquire()
            except TimeoutError:
                return False
            place.callback(self._places.release)
        return True

    def _log_refusal(self, request: Request, status: int, reason: Exception) -> None:
        """The reason stays in the log and out of the answer: the caller may be anyone."""
        _log.info("%d %s %s %s: %s", status, self.service.name, request.method, request.url.path, reason)


def gate_app(service: Service, certificates: Certificates, client: httpx.AsyncClient) -> Starlette:
    routes = [
        Route("/_local/health", health),
        Route("/{path:path}", GuardedService(service, certificates, client)),
    ]
    return Starlette(routes=routes)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, help="JSON: certs_url and services")


def run(args: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(_serve(GateConfig.read(args.config)))
    return 0


async def _serve(config: GateConfig) -> None:
    async with backend_client() as client:
        certificates = Certificates(config.certs_url, client)
        await serve({service.port: gate_app(service, certificates, client) for service in config.services})
