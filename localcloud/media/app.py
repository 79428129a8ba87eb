"""Signed URLs over HTTP: the signature is checked, then the object streamed from the store, ranges included."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from urllib.parse import quote

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from localcloud.media import refusals
from localcloud.media.signing import Expired, Malformed, Mismatch, NotSigned, ReceivedRequest, SignedUrl
from localcloud.serving import health

# What a browser needs of the stored object to play, seek and cache it.
_PASSED_ON = (
    "content-type",
    "content-length",
    "content-range",
    "accept-ranges",
    "etag",
    "last-modified",
    "cache-control",
)


@dataclass(frozen=True, slots=True)
class MediaBackend:
    """What the app works with: the store, who knows the accounts' certificates, and the time."""

    backend: str
    certs_url: str
    client: httpx.AsyncClient
    now: Callable[[], datetime]


def media_app(shelf: MediaBackend) -> Starlette:
    routes = [Route("/_local/health", health), Route("/{bucket}/{name:path}", _object, methods=["GET", "HEAD"])]
    app = Starlette(routes=routes)
    app.state.shelf = shelf
    return app


async def _object(request: Request) -> Response:
    shelf: MediaBackend = request.app.state.shelf
    try:
        await _check(request, shelf)
    except NotSigned:
        return refusals.access_denied()
    except Malformed as exc:
        return refusals.malformed(str(exc))
    except Expired as exc:
        return refusals.expired(str(exc))
    except Mismatch as exc:
        return refusals.mismatch(str(exc))
    except httpx.HTTPError:
        return refusals.unavailable()
    return await _streamed(request, shelf)


async def _check(request: Request, shelf: MediaBackend) -> None:
    query = request.query_params.multi_items()
    signed = SignedUrl.of(query)
    answer = await shelf.client.get(f"{shelf.certs_url}/{quote(signed.account)}")
    answer.raise_for_status()
    asked = ReceivedRequest(request.method, request.scope["raw_path"].decode(), query, request.headers)
    signed.check(asked, answer.json(), shelf.now())


async def _streamed(request: Request, shelf: MediaBackend) -> Response:
    bucket, name = request.path_params["bucket"], request.path_params["name"]
    url = f"{shelf.backend}/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"
    wanted = {"Range": request.headers["range"]} if "range" in request.headers else {}
    outgoing = shelf.client.build_request(request.method, url, params={"alt": "media"}, headers=wanted)
    try:
        answer = await shelf.client.send(outgoing, stream=True)
    except httpx.TransportError:
        return refusals.unavailable()
    if answer.status_code == HTTPStatus.NOT_FOUND:
        await answer.aclose()
        return refusals.no_such_key(f"{bucket}/{name}")
    headers = {header: answer.headers[header] for header in _PASSED_ON if header in answer.headers}
    # The signer may have asked for these in the URL, e.g. to make a browser save the film under a good name.
    for header in ("content-type", "content-disposition"):
        if f"response-{header}" in request.query_params:
            headers[header] = request.query_params[f"response-{header}"]
    headers["access-control-allow-origin"] = "*"
    return StreamingResponse(_parts(answer), status_code=answer.status_code, headers=headers)


async def _parts(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for part in answer.aiter_raw():
            yield part
    finally:
        await answer.aclose()
