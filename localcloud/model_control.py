"""The control surface that every stand-in of a models' API has under ``/_local``: ledger, profile, faults, reset."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from csv import DictWriter
from dataclasses import dataclass
from io import StringIO
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.serving import ApiError, health
from localcloud.vertex.faults import Faults


class Controlled(Protocol):
    """What the orders change. A reset may put other faults in place of these."""

    @property
    def faults(self) -> Faults: ...

    def save_faults(self) -> None: ...

    def behave(self, ordered: Mapping[str, Any]) -> None:
        """Replace the profile. Raises: ValueError for something that is not a profile."""


@dataclass(frozen=True, slots=True)
class ModelControl:
    """The endpoints; orders that make no sense are answered 400 and change nothing.

    ``ledger_lines`` are the accepted paid calls so far, oldest first, and ``attached_lines`` what pictures each was
    given; ``restart`` goes back to the first start.
    """

    controlled: Controlled
    ledger_lines: Callable[[], Sequence[Mapping[str, Any]]]
    ledger_columns: Sequence[str]
    restart: Callable[[], Awaitable[None]]
    attached_lines: Callable[[], Sequence[Mapping[str, Any]]]

    def routes(self) -> list[Route]:
        return [
            Route("/_local/health", health),
            Route("/_local/ledger", self.ledger),
            Route("/_local/ledger.csv", self.ledger_csv),
            Route("/_local/attached", self.attached),
            Route("/_local/profile", self.behave, methods=["POST"]),
            Route("/_local/faults", self.add_faults, methods=["POST"]),
            Route("/_local/faults", self.show_faults),
            Route("/_local/faults", self.drop_faults, methods=["DELETE"]),
            Route("/_local/reset", self.reset, methods=["POST"]),
        ]

    async def ledger(self, _: Request) -> Response:
        return JSONResponse(self.ledger_lines())

    async def ledger_csv(self, _: Request) -> Response:
        """The same as a billing export might come: one line per call, amounts in `micros`."""
        lines = StringIO(newline="")
        table = DictWriter(lines, self.ledger_columns)
        table.writeheader()
        table.writerows(self.ledger_lines())
        return Response(lines.getvalue(), media_type="text/csv")

    async def attached(self, _: Request) -> Response:
        return JSONResponse(self.attached_lines())

    async def behave(self, request: Request) -> Response:
        """Replace the profile; keys left out go back to their defaults."""
        ordered = await read_json(request)
        if not isinstance(ordered, Mapping):
            raise ApiError(400, "a profile is a JSON object")
        try:
            self.controlled.behave(ordered)
        except ValueError as error:
            raise ApiError(400, str(error)) from error
        return JSONResponse({})

    async def add_faults(self, request: Request) -> Response:
        """Add rules to those in force; their counts begin now."""
        ordered = await read_json(request)
        if not isinstance(ordered, list) or not all(isinstance(rule, Mapping) for rule in ordered):
            raise ApiError(400, "faults are a JSON list of rules")
        try:
            self.controlled.faults.add(ordered)
        except (TypeError, ValueError) as error:
            raise ApiError(400, str(error)) from error
        self.controlled.save_faults()
        return JSONResponse(self.controlled.faults.json())

    async def show_faults(self, _: Request) -> Response:
        return JSONResponse(self.controlled.faults.json())

    async def drop_faults(self, _: Request) -> Response:
        self.controlled.faults.forget()
        self.controlled.save_faults()
        return JSONResponse({})

    async def reset(self, _: Request) -> Response:
        await self.restart()
        return JSONResponse({})


async def read_json(request: Request) -> Any:
    """Raises: ApiError 400 for a body that is not JSON."""
    try:
        return await request.json()
    except ValueError as error:
        raise ApiError(400, f"not JSON: {error}") from error
