"""One request carried to the backend and its answer back, both streamed, and the refusals of Google's front end."""

import asyncio
import html
import logging
import secrets
from collections.abc import AsyncIterator, Mapping

import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse

from localcloud.gate.invokers import Service
from localcloud.serving import LOOPBACK

_PAGE = """
<html><head>
<meta http-equiv="content-type" content="text/html;charset=utf-8">
<title>{status} {title}</title>
</head>
<body text=#000000 bgcolor=#ffffff>
<h1>Error: {title}</h1>
<h2>{sentence}</h2>
</body></html>
"""


def unauthorized(path: str) -> Response:
    sentence = f"Your client does not have permission to the requested URL <code>{html.escape(path)}</code>."
    challenge = 'Bearer error="invalid_token" error_description="The access token could not be verified"'
    return _page(401, "Unauthorized", sentence, {"WWW-Authenticate": challenge})


def forbidden(path: str) -> Response:
    sentence = f"Your client does not have permission to get URL <code>{html.escape(path)}</code> from this server."
    challenge = 'Bearer error="insufficient_scope" error_description="The caller may not invoke this service"'
    return _page(403, "Forbidden", sentence, {"WWW-Authenticate": challenge})


def too_large() -> Response:
    return _page(413, "Request Entity Too Large", "Your client issued a request that was too large.")


def no_instance() -> Response:
    """What a service at its maximum of instances answers: no JSON, and nothing of the request was executed."""
    return HTMLResponse("Rate exceeded.", status_code=429)


def unavailable() -> Response:
    return PlainTextResponse("Service Unavailable", status_code=503)


def timed_out() -> Response:
    return PlainTextResponse("upstream request timeout", status_code=504)


def _page(status: int, title: str, sentence: str, headers: dict[str, str] | None = None) -> Response:
    page = _PAGE.format(status=status, title=title, sentence=sentence)
    return HTMLResponse(page, status_code=status, headers=headers)


_log = logging.getLogger(__name__)

BODY_LIMIT_BYTES = 32 * 1024 * 1024  # HTTP/1 requests; https://cloud.google.com/run/quotas

_CONNECT_AGAIN_S = 0.05

# RFC 9110 §7.6.1: these speak of one connection and are never passed on.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# The front end says these itself.
_FRONT_END = frozenset({"date", "server"})


class BodyTooLarge(Exception):
    """The request's body passed the limit while it was being carried."""


def backend_client() -> httpx.AsyncClient:
    """No connection is kept: a restarted backend must not be met on a connection of the one that died."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    client = httpx.AsyncClient(trust_env=False, limits=limits)
    client.headers.clear()
    return client


async def forward(
    request: Request, service: Service, identity: Mapping[str, str], client: httpx.AsyncClient
) -> Response:
    """The backend's answer, or the refusal Google's front end would give in its place.

    ``identity``: the checked header, its signature taken off, in place of the one that was sent.
    """
    if int(request.headers.get("content-length", "0")) > BODY_LIMIT_BYTES:
        return too_large()
    try:
        async with asyncio.timeout(service.timeout_s):
            answer = await _sent(request, service, identity, client)
    except BodyTooLarge:
        return too_large()
    except (TimeoutError, httpx.ReadTimeout):
        return timed_out()
    except (httpx.TransportError, ClientDisconnect) as exc:
        _log.warning("503 %s %s %s: %r", service.name, request.method, request.url.path, exc)
        return unavailable()
    response = StreamingResponse(_streamed(answer), status_code=answer.status_code)
    response.raw_headers = [
        (name.lower(), value)
        for name, value in answer.headers.raw
        if name.lower().decode() not in _HOP_BY_HOP | _FRONT_END
    ]
    return response


async def _sent(
    request: Request, service: Service, identity: Mapping[str, str], client: httpx.AsyncClient
) -> httpx.Response:
    """The backend's answer, its body still to come. A backend that only just starts is waited for."""
    clock_s = asyncio.get_running_loop().time
    patience_ends_s = clock_s() + service.cold_start_s
    while True:
        outgoing = client.build_request(
            request.method,
            httpx.URL(service.backend, raw_path=_raw_target(request)),
            headers=_headers(request, identity),
            content=_limited(request.stream()) if _has_body(request) else None,
            timeout=service.timeout_s,
        )
        try:
            return await client.send(outgoing, stream=True)
        except httpx.ConnectError:  # nothing was sent yet, so sending again is safe
            if clock_s() > patience_ends_s:
                raise
            await asyncio.sleep(_CONNECT_AGAIN_S)


def _raw_target(request: Request) -> bytes:
    path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return path + b"?" + query if query else path


def _headers(request: Request, identity: Mapping[str, str]) -> list[tuple[str, str]]:
    ours = {*identity, "x-forwarded-for", "x-forwarded-proto"}
    headers = [(name, value) for name, value in request.headers.items() if name not in _HOP_BY_HOP | ours]
    # uvicorn believes a forwarded address from loopback: the peer is named here. Only this machine gets here.
    chain = [*filter(None, [request.headers.get("x-forwarded-for")]), LOOPBACK]
    headers += [
        *identity.items(),
        ("x-forwarded-for", ", ".join(chain)),
        ("x-forwarded-proto", "http"),
    ]
    return headers + _trace(request)


def _trace(request: Request) -> list[tuple[str, str]]:
    """Both spellings of the trace context, as Cloud Run adds them to a request that brings none."""
    known = request.headers
    if "traceparent" in known or "x-cloud-trace-context" in known:
        return []
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return [
        ("traceparent", f"00-{trace}-{span}-00"),
        ("x-cloud-trace-context", f"{trace}/{int(span, 16)};o=0"),
    ]


def _has_body(request: Request) -> bool:
    return "content-length" in request.headers or "transfer-encoding" in request.headers


async def _limited(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    carried_bytes = 0
    async for chunk in body:
        carried_bytes += len(chunk)
        if carried_bytes > BODY_LIMIT_BYTES:
            raise BodyTooLarge
        yield chunk


async def _streamed(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()
