"""``python -m localcloud media``: signed URLs over HTTP, in front of fake-gcs-server.

The signature is checked, then the object is streamed from the store, ranges included, or written to it: by one PUT, or
by a session that a signed POST starts. Errors are Cloud Storage's XML.
"""

import argparse
import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import quote
from xml.sax.saxutils import escape

import httpx
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from localcloud.media.sessions import BadPiece, Piece, Session, Sessions, Target
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


def bad_piece(fault: str) -> Response:
    return _xml(400, "InvalidArgument", "Invalid argument.", fault)


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
    sessions: Sessions = field(default_factory=Sessions)


def media_app(shelf: MediaBackend) -> Starlette:
    routes = [
        Route("/_local/health", health),
        Route("/{bucket}/{name:path}", _object, methods=["GET", "HEAD", "PUT", "POST"]),
    ]
    app = Starlette(routes=routes)
    app.state.shelf = shelf
    return app


async def _object(request: Request) -> Response:
    shelf: MediaBackend = request.app.state.shelf
    if request.method == "PUT" and "upload_id" in request.query_params:
        return await _continued(request, shelf)
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
    if request.method == "POST":
        return await _started(request, shelf)
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
    return await _write(_target(request), await request.body(), shelf)


def _target(request: Request) -> Target:
    headers = request.headers
    size_range, generation = headers.get("x-goog-content-length-range"), headers.get("x-goog-if-generation-match")
    bucket, name = request.path_params["bucket"], request.path_params["name"]
    return Target(bucket, name, headers.get("content-type", ""), size_range, generation)


async def _started(request: Request, shelf: MediaBackend) -> Response:
    """Start a session; its address is all that the pieces need."""
    if request.headers.get("x-goog-resumable") != "start" or await request.body():
        return bad_piece("A POST starts a resumable upload: x-goog-resumable: start, and no body.")
    upload_id = shelf.sessions.start(_target(request))
    # Path and query of the start stay in the address, as Cloud Storage leaves them there.
    location = str(request.url.include_query_params(upload_id=upload_id))
    return Response(status_code=201, headers={"location": location})


async def _continued(request: Request, shelf: MediaBackend) -> Response:
    """Take a piece of an object, or say how much of it has arrived; the last piece writes it."""
    bucket, name = request.path_params["bucket"], request.path_params["name"]
    session = shelf.sessions.find(request.query_params["upload_id"], bucket, name)
    if session is None:
        return no_such_key(f"{bucket}/{name}")
    length = request.headers.get("content-length")
    try:
        piece = Piece.of(request.headers.get("content-range"), None if length is None else int(length))
        session.begin(piece)
        await _take(piece, session, request)
    except BadPiece as exc:
        return bad_piece(str(exc))
    except ClientDisconnect:
        return Response(status_code=400)  # nobody reads it
    if session.is_complete:
        return Response("{}", media_type="application/json")
    if not session.has_arrived:
        return Response(status_code=308, headers=session.range)
    answer = await _write(session.target, bytes(session.content), shelf)
    session.is_complete = answer.status_code == HTTPStatus.OK
    return answer


async def _take(piece: Piece, session: Session, request: Request) -> None:
    """Keep a piece's body, or what arrived of it before it was cut off. Raises: BadPiece."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
    except ClientDisconnect:
        session.take(piece, bytes(body), is_cut=True)
        raise
    if len(body) != piece.end - piece.start:
        raise BadPiece(f"The body has {len(body)} bytes, not {piece.end - piece.start}.")
    session.take(piece, bytes(body))


async def _write(target: Target, body: bytes, shelf: MediaBackend) -> Response:
    if target.size_range:
        least, most = _size_range(target.size_range)
        if not least <= len(body) <= most:
            return out_of_range(len(body), target.size_range)
    url = f"{shelf.backend}/upload/storage/v1/b/{quote(target.bucket, safe='')}/o"
    params = {"uploadType": "multipart"}
    if target.generation is not None:
        params["ifGenerationMatch"] = target.generation
    about = {"name": target.name, "contentType": target.content_type}
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
    return Response("{}", media_type="application/json") if answer.is_success else unavailable()


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
