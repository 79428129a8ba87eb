"""The control surface under ``/_local``: what a test may order and what it may see. None of it exists at Google."""

from collections.abc import Mapping
from csv import DictWriter
from dataclasses import dataclass
from io import StringIO
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.serving import health
from localcloud.vertex.operations import Operations
from localcloud.vertex.standin import Standin
from localcloud.vertex.store import LEDGER_COLUMNS
from localcloud.vertex.wire import invalid


@dataclass(frozen=True, slots=True)
class Control:
    """The endpoints; orders that make no sense are answered 400 and change nothing."""

    standin: Standin
    operations: Operations

    def routes(self) -> list[Route]:
        return [
            Route("/_local/health", health),
            Route("/_local/ledger", self.ledger),
            Route("/_local/ledger.csv", self.ledger_csv),
            Route("/_local/profile", self.behave, methods=["POST"]),
            Route("/_local/faults", self.add_faults, methods=["POST"]),
            Route("/_local/faults", self.show_faults),
            Route("/_local/faults", self.drop_faults, methods=["DELETE"]),
            Route("/_local/reset", self.reset, methods=["POST"]),
        ]

    async def ledger(self, _: Request) -> Response:
        """Every accepted paid call so far, oldest first."""
        return JSONResponse(self.standin.store.ledger())

    async def ledger_csv(self, _: Request) -> Response:
        """The same as a billing export might come: one line per call, amounts in `micros`."""
        lines = StringIO(newline="")
        table = DictWriter(lines, LEDGER_COLUMNS)
        table.writeheader()
        table.writerows(self.standin.store.ledger())
        return Response(lines.getvalue(), media_type="text/csv")

    async def behave(self, request: Request) -> Response:
        """Replace the profile; keys left out go back to their defaults."""
        ordered = await _json(request)
        if not isinstance(ordered, Mapping):
            raise invalid("a profile is a JSON object")
        try:
            self.standin.behave(ordered)
        except ValueError as error:
            raise invalid(str(error)) from error
        return JSONResponse({})

    async def add_faults(self, request: Request) -> Response:
        """Add rules to those in force; their counts begin now."""
        ordered = await _json(request)
        if not isinstance(ordered, list) or not all(isinstance(rule, Mapping) for rule in ordered):
            raise invalid("faults are a JSON list of rules")
        try:
            self.standin.faults.add(ordered)
        except (TypeError, ValueError) as error:
            raise invalid(str(error)) from error
        self.standin.save_faults()
        return JSONResponse(self.standin.faults.json())

    async def show_faults(self, _: Request) -> Response:
        return JSONResponse(self.standin.faults.json())

    async def drop_faults(self, _: Request) -> Response:
        self.standin.faults.forget()
        self.standin.save_faults()
        return JSONResponse({})

    async def reset(self, _: Request) -> Response:
        """As at the first start."""
        await self.operations.stop()
        self.standin.reset()
        return JSONResponse({})


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError as error:
        raise invalid(f"not JSON: {error}") from error
