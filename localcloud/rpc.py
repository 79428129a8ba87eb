"""The gRPC face of a stand-in, the official clients' default: plumbing only, no method of any service."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.cloud.location import locations_pb2
from google.protobuf.empty_pb2 import Empty  # type: ignore[attr-defined]

from localcloud.serving import LOOPBACK, ApiError

# Calls under way when the stand-in stops get so long to end.
_GRACE_S = 0.5

# The request's type, and what answers it; an answer of None is an empty message.
Method = tuple[Any, Callable[[Any], Any]]


@asynccontextmanager
async def serve_grpc(port: int | None, services: Mapping[str, Mapping[str, Method]]) -> AsyncIterator[None]:
    """Serve the methods of each service, by its full name, beside the block; nothing without a port."""
    if port is None:
        yield
        return
    # Two listeners sharing a port would each get half of the calls.
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    for name, methods in services.items():
        handlers = {method: _handler(*parts) for method, parts in methods.items()}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
    server.add_insecure_port(f"{LOOPBACK}:{port}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(_GRACE_S)


def locations(checked: Callable[[str], str], in_use: Callable[[str], list[str]]) -> dict[str, dict[str, Method]]:
    """google.cloud.location's service: `checked` refuses a malformed name, `in_use` lists a project's locations."""

    def place(name: str) -> Any:
        return locations_pb2.Location(name=name, location_id=checked(name).rsplit("/", 1)[1])

    def places(request: Any) -> Any:
        return locations_pb2.ListLocationsResponse(locations=[place(name) for name in in_use(request.name)])

    return {
        "google.cloud.location.Locations": {
            "GetLocation": (locations_pb2.GetLocationRequest, lambda r: place(r.name)),
            "ListLocations": (locations_pb2.ListLocationsRequest, places),
        }
    }


def _handler(request_type: Any, act: Callable[[Any], Any]) -> Any:
    async def call(request: Any, context: Any) -> Any:
        try:
            answer = act(request)
        except ApiError as error:
            await context.abort(grpc.StatusCode[error.status], error.message)
        return Empty() if answer is None else answer

    return grpc.unary_unary_rpc_method_handler(
        call,
        request_deserializer=request_type.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )
