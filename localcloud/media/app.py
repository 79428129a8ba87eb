"""``python -m localcloud media``: signed URLs over HTTP, in front of fake-gcs-server.

The signature is checked, then the object is streamed from the store, ranges included, or written to it by a PUT.
Errors are Cloud Storage's XML.
"""

import argparse
import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import quote
from xml.sax.saxutils import escape

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from localcloud.media.signing import Expired, Malformed, Mismatch, NotSigned, ReceivedRequest, SignedUrl
from localcloud.serving import health, serve


def access_denied() -> Response:
    return _xml(403, "AccessDenied", "Access denied.", "Anonymous caller does not have storage.objects.get access.")


def malformed(part: str) -> Response:
    return _xml(400, "AuthenticationRequired", "The signature's query parameters cannot be read.", part)


def expired(since: str) -> Response:
    return _xml(400, "ExpiredToken", "The provided token has expired.", f"Request signature expired at: {since}")


def mismatch(string_to_sign: str) -> Response:
    message = "Access denied. The signature calculated from the request does not match the one it brought."
    return _xml(403, "SignatureDoesNotMatch", message, string_to_sign)


def no_such_key(name: str) -> Response:
    return _xml(404, "NoSuchKey", "The specified key does not exist.", f"No such object: {name}")


def out_of_range(length: int, allowed: str) -> Response:
    code = "EntityTooSmall" if length < _size_range(allowed)[0] else "EntityTooLarge"
    return _xml(400, code, "Your proposed upload is not of the signed size.", f"Content-length: {length}")


def precondition_failed() -> Response:
    return _xml(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.", "")


def unavailable() -> Response:
    return _xml(503, "ServiceUnavailable", "The object store does not answer.", "")


def _xml(status: int, code: str, message: str, details: str) -> Response:
    inner = f"<Code>{code}</Code><Message>{escape(message)}</Message><Details>{escape(details)}</Details>"
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error>{inner}</Error>"
    return Response(body, status_code=status, media_type="application/xml")


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
    routes = [Route("/_local/health", health), Route("/{bucket}/{name:path}", _object, methods=["GET", "HEAD", "PUT"])]
    app = Starlette(routes=routes)
    app.state.shelf = shelf
    return app


async def _object(request: Request) -> Response:
    shelf: MediaBackend = request.app.state.shelf
    try:
        await _check(request, shelf)
    except NotSigned:
        return access_denied()
    except Malformed as exc:
        return malformed(str(exc))
    except Expired as exc:
        return expired(str(exc))
    except Mismatch as exc:
        return mismatch(str(exc))
    except httpx.HTTPError:
        return unavailable()
    return await (_stored if request.method == "PUT" else _streamed)(request, shelf)


async def _check(request: Request, shelf: MediaBackend) -> None:
    query = request.query_params.multi_items()
    signed = SignedUrl.of(query)
    answer = await shelf.client.get(f"{shelf.certs_url}/{quote(signed.account)}")
    answer.raise_for_status()
    asked = ReceivedRequest(request.method, request.scope["raw_path"].decode(), query, request.headers)
    signed.check(asked, answer.json(), shelf.now())


async def _stored(request: Request, shelf: MediaBackend) -> Response:
    """Write the body as an object, within the limits that the signature covers."""
    body, headers = await request.body(), request.headers
    allowed = headers.get("x-goog-content-length-range")
    if allowed:
        least, most = _size_range(allowed)
        if not least <= len(body) <= most:
            return out_of_range(len(body), allowed)
    url = f"{shelf.backend}/upload/storage/v1/b/{quote(request.path_params['bucket'], safe='')}/o"
    params = {"uploadType": "multipart"}
    if "x-goog-if-generation-match" in headers:
        params["ifGenerationMatch"] = headers["x-goog-if-generation-match"]
    about = {"name": request.path_params["name"], "contentType": headers.get("content-type", "")}
    edge = secrets.token_hex(16)  # fake-gcs-server ignores preconditions of an upload of another type
    parts = (
        f"--{edge}\r\nContent-Type: application/json\r\n\r\n{json.dumps(about)}\r\n--{edge}\r\n".encode(),
        f"Content-Type: {about['contentType']}\r\n\r\n".encode() + body + f"\r\n--{edge}--\r\n".encode(),
    )
    kind = {"Content-Type": f"multipart/related; boundary={edge}"}
    try:
        answer = await shelf.client.post(url, params=params, headers=kind, content=b"".join(parts))
    except httpx.TransportError:
        return unavailable()
    if answer.status_code == HTTPStatus.PRECONDITION_FAILED:
        return precondition_failed()
    return Response(status_code=200) if answer.is_success else unavailable()


def _size_range(allowed: str) -> tuple[int, int]:
    least, _, most = allowed.partition(",")
    return int(least), int(most)


async def _streamed(request: Request, shelf: MediaBackend) -> Response:
    bucket, name = request.path_params["bucket"], request.path_params["name"]
    url = f"{shelf.backend}/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"
    wanted = {"Range": request.headers["range"]} if "range" in request.headers else {}
    outgoing = shelf.client.build_request(request.method, url, params={"alt": "media"}, headers=wanted)
    try:
        answer = await shelf.client.send(outgoing, stream=True)
    except httpx.TransportError:
        return unavailable()
    if answer.status_code == HTTPStatus.NOT_FOUND:
        await answer.aclose()
        return no_such_key(f"{bucket}/{name}")
    headers = {header: answer.headers[header] for header in _PASSED_ON if header in answer.headers}
    # The signer may have asked for these in the URL, e.g. to make a browser save the file under a good name.
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


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--backend", required=True, help="origin of the object store")
    parser.add_argument("--certs-url", required=True, help="certificates of accounts, at CERTS_URL/E-MAIL")


def run(args: argparse.Namespace) -> int:
    asyncio.run(_serve(args.port, args.backend, args.certs_url))
    return 0


async def _serve(port: int, backend: str, certs_url: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        await serve({port: media_app(MediaBackend(backend, certs_url, client, lambda: datetime.now(UTC)))})
