"""The runtime of executions: the HTTP client, the machine's clock, random ids and a log on stderr."""

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Mapping
from email.message import Message
from typing import Any
from urllib.parse import urlencode

import httpx

from localcloud.workflows.faults import Overrun, fault, type_fault, value_fault
from localcloud.workflows.hostmap import HostMap, MappedTransport
from localcloud.workflows.identity import CLOUD_PLATFORM, Identity, NoToken
from localcloud.workflows.values import Value, from_json, to_json, type_name

RESPONSE_LIMIT_BYTES = 2 * 1024 * 1024
USER_AGENT = "GoogleCloudWorkflows; (+https://cloud.google.com/workflows/docs)"
_JSON = "application/json; charset=utf-8"
_FORM = "application/x-www-form-urlencoded"
# RFC 9110, 5.1 and 5.5
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class HttpClient:
    def __init__(self, hosts: HostMap, identity: Identity, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """``transport`` replaces the network; the host map applies in front of it."""
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        inner = transport or httpx.AsyncHTTPTransport(limits=limits, trust_env=False)
        self._identity = identity
        self._client = httpx.AsyncClient(
            transport=MappedTransport(hosts, inner),
            timeout=None,  # noqa: S113 - each request has one limit over all its phases, see `send`
            follow_redirects=True,
            trust_env=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def send(self, request: Mapping[str, Value]) -> Value:
        """The result map {body, code, headers}. Raises: Raised, with the tags of the reference."""
        headers = _headers(request["headers"])
        content = _content(request["body"], headers)
        headers["User-Agent"] = " ".join(filter(None, (headers.get("User-Agent"), USER_AGENT)))
        headers.setdefault("Accept", "*/*")
        try:
            async with asyncio.timeout(request["timeout_s"]):
                await self._authorize(request, headers)
                return await self._exchange(request, headers, content)
        except TimeoutError as error:
            raise fault("TimeoutError", f"no answer within {request['timeout_s']} seconds", "OSError") from error
        except (httpx.ConnectError, httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.ConnectTimeout) as error:
            raise fault("ConnectionFailedError", f"cannot connect: {error}") from error
        except httpx.TooManyRedirects as error:
            raise fault("HttpError", "too many redirects") from error
        except httpx.HTTPError as error:
            raise fault("ConnectionError", f"the connection broke: {error!r}") from error

    async def _authorize(self, request: Mapping[str, Value], headers: httpx.Headers) -> None:
        auth = request["auth"]
        if auth is None:
            return
        try:
            if auth["type"] == "OIDC":
                token = await self._identity.identity_token(str(auth.get("audience") or request["url"]))
            else:
                token = await self._identity.access_token(_scopes(auth))
        except NoToken as error:
            raise fault("AuthError", str(error)) from error
        headers["Authorization"] = f"Bearer {token}"

    async def _exchange(self, request: Mapping[str, Value], headers: httpx.Headers, content: bytes) -> Value:
        url = httpx.URL(request["url"])
        if request["query"]:
            url = url.copy_merge_params(_grouped(request["query"]))
        async with self._client.stream(request["method"], url, headers=headers, content=content or None) as answer:
            body = await _limited(answer)
        result = {
            "body": decoded(body, answer.headers.get("content-type", "")),
            "code": answer.status_code,
            "headers": {canonical(name): value for name, value in answer.headers.items()},
        }
        if answer.is_error:
            message = f"HTTP server responded with error code {answer.status_code}"
            raise fault("HttpError", message, **result)
        return result


def _headers(given: Mapping[str, str]) -> httpx.Headers:
    """Raises: Raised for what cannot stand in a header."""
    for name, value in given.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise value_fault(f"not a header: {name!r}: {value!r}")
    return httpx.Headers({name.encode(): value.encode("latin-1") for name, value in given.items()})


def _content(body: Value, headers: httpx.Headers) -> bytes:
    """The body as bytes; sets Content-Type where the workflow gave none. Raises: Raised."""
    given = headers.get("Content-Type")
    if body is None:
        return b""
    if given is None:
        headers["Content-Type"] = "application/octet-stream" if type(body) is bytes else _JSON
    if type(body) is bytes:
        return body
    if given is None or "json" in given.lower():
        return to_json(body).encode(errors="replace")
    if type(body) is str:
        return _encoded(body, given)
    if given.lower().startswith(_FORM) and type(body) is dict:
        return urlencode([(key, _form_text(item)) for key, value in body.items() for item in _each(value)]).encode()
    raise type_fault(f"a body of type {type_name(body)} cannot be sent as {given}")


def _encoded(text: str, content_type: str) -> bytes:
    try:
        return text.encode(charset_of(content_type))
    except (LookupError, UnicodeEncodeError) as error:
        raise value_fault(f"the body cannot be written as {content_type}: {error}") from error


def _each(value: Value) -> list[Value]:
    return value if type(value) is list else [value]


def _form_text(value: Value) -> str:
    return value if type(value) is str else to_json(value)


def charset_of(content_type: str) -> str:
    """The charset a Content-Type names; UTF-8 where it names none."""
    message = Message()
    message["Content-Type"] = content_type
    return str(message.get_content_charset() or "utf-8")


def _scopes(auth: dict[str, Any]) -> list[str]:
    given = auth.get("scopes", auth.get("scope", CLOUD_PLATFORM))
    return [str(scope) for scope in given] if type(given) is list else str(given).replace(",", " ").split()


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    query: dict[str, list[str]] = {}
    for name, value in pairs:
        query.setdefault(name, []).append(value)
    return query


async def _limited(answer: httpx.Response) -> bytes:
    chunks = bytearray()
    async for chunk in answer.aiter_bytes():
        chunks += chunk
        if len(chunks) > RESPONSE_LIMIT_BYTES:
            raise Overrun(f"the response is larger than {RESPONSE_LIMIT_BYTES // 1024 // 1024} MB")
    return bytes(chunks)


def decoded(body: bytes, content_type: str) -> Value:
    """The value of ``application/json``, text as a string, anything else as bytes.

    Other JSON types, as ``application/problem+json``, stay bytes: only ``application/json`` is promised to be decoded.
    Source: https://cloud.google.com/workflows/docs/http-requests
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            return from_json(body) if body else None
        except (ValueError, RecursionError):
            return body.decode(errors="replace")
    if kind.startswith("text/") or kind == _FORM or not body:
        try:
            return body.decode(charset_of(content_type), errors="replace")
        except LookupError:  # an unknown charset
            return body.decode(errors="replace")
    try:
        return body.decode() if not kind else body
    except UnicodeDecodeError:
        return body


def canonical(header: str) -> str:
    return "-".join(part.capitalize() for part in header.split("-"))


logger = logging.getLogger(__name__)


class LocalRuntime:
    """See `localcloud.workflows.program.frames.Runtime`."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def now_s(self) -> float:
        return time.time()

    async def sleep(self, wait_s: float) -> None:
        await asyncio.sleep(wait_s)

    def new_uuid(self) -> str:
        return str(uuid.uuid4())

    async def send(self, request: dict[str, Value]) -> Value:
        return await self._client.send(request)

    def log(self, entry: dict[str, Value]) -> None:
        logger.info("%s", to_json(entry))
