"""How calls travel: each is a flow of steps, which a blocking driver or an asyncio driver carries out.

A flow decides what to send, when to wait and what an answer means; it is written once. The drivers only send, wait and
write, so the blocking client and the asyncio client cannot differ.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from inspect import signature
from itertools import count
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

import httpx

from client.errors import ClientError, NotReachable, ProblemError, Retries, read_problem
from client.web_address import is_loopback, parse_address

P = ParamSpec("P")
T = TypeVar("T")

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
USER_AGENT = "promptreel-client"


@dataclass(frozen=True, slots=True)
class Request:
    """A request before a client of httpx has given it its own headers."""

    method: str
    url: str  # or a path of the API
    query: Mapping[str, Any] | None = None
    body: Any = None  # JSON
    content: bytes | None = None
    headers: Mapping[str, str] | None = None

    def build(self, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """Return the request of this client."""
        return http.build_request(
            self.method, self.url, params=self.query, json=self.body, content=self.content, headers=self.headers
        )


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request; the answer to the flow is the response with its body."""

    request: Request


@dataclass(frozen=True, slots=True)
class Receive:
    """Send a request and pass the body on in pieces as they come; a refusal's body is read instead.

    ``begin`` gets the response when its headers are there, and returns what takes the pieces.
    """

    request: Request
    begin: Callable[[httpx.Response], Callable[[bytes], object]]


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Renew:
    """Get a new token; the answer to the flow is the token."""

    renew: Callable[[], str]


Step = Send | Receive | Wait | Renew
Flow = Generator[Step, Any, T]


class Session:
    """One API and one caller: what every flow needs to know. It sends nothing itself."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        retries: Retries | None = None,
        renew: Callable[[], str] | None = None,
    ) -> None:
        """Raises: InvalidInput unless `base_url` is an https address, or http on this machine."""
        self.base_url = parse_address(base_url)
        self._retries = retries or Retries()
        self._token = token
        self._renew = renew

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Flow[Any]:
        """Send one request to the API, with retries, and return the JSON of its answer."""

        def request() -> Request:
            headers = {"Authorization": f"Bearer {self._token}"} | ({} if key is None else {"Idempotency-Key": key})
            return Request(method, path, query, body, headers=headers)

        return self.retry(lambda: self._answer(request))

    def call_if_changed(self, path: str, query: Mapping[str, Any], seen: str | None) -> Flow[tuple[Any, str | None]]:
        """Read something that may be as it was ``seen``: its JSON, None when it is, and the `ETag` to name it by."""

        def request() -> Request:
            condition = {} if seen is None else {"If-None-Match": seen}
            return Request("GET", path, query, headers={"Authorization": f"Bearer {self._token}", **condition})

        def attempt() -> Flow[tuple[Any, str | None]]:
            response = yield from self._send(request)
            if response.status_code == HTTPStatus.NOT_MODIFIED:
                return None, seen
            return self._parse(response), response.headers.get("ETag")

        return self.retry(attempt)

    def retry(self, attempt: Callable[[], Flow[T]]) -> Flow[T]:
        """Return what `attempt` returns; carry it out again after transient failures.

        Raises: ProblemError when the API refuses, NotReachable when no complete answer arrived.
        """
        for failed in count(1):
            try:
                return (yield from attempt())
            except ProblemError as problem:
                wait_s = self._retries.wait_s(failed, problem.retry_after_s) if problem.is_transient else None
                if wait_s is None:
                    raise
            except httpx.RequestError as error:
                wait_s = self._retries.wait_s(failed, None)
                if wait_s is None:
                    raise NotReachable(
                        f"No answer from {error.request.url.netloc.decode()}: {error}.",
                        remedy="Check the address in PROMPTREEL_API and that the API is running.",
                    ) from error
            yield Wait(wait_s)
        raise AssertionError  # count() never ends

    def _answer(self, request: Callable[[], Request]) -> Flow[Any]:
        return self._parse((yield from self._send(request)))

    def _send(self, request: Callable[[], Request]) -> Flow[httpx.Response]:
        response: httpx.Response = yield Send(request())
        if response.status_code == HTTPStatus.UNAUTHORIZED and self._renew:
            self._token = yield Renew(self._renew)
            response = yield Send(request())
        return response

    def _parse(self, response: httpx.Response) -> Any:
        if not response.is_success:
            raise read_problem(response)
        if response.status_code == HTTPStatus.NO_CONTENT:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise ProblemError(
                f"{self.base_url} does not answer like promptreel's API.",
                "Check the address in PROMPTREEL_API.",
                status=response.status_code,
                code="not_json",
            ) from error


class Blocking(Session, AbstractContextManager["Blocking"]):
    """Carries out flows on the caller's thread."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._http = httpx.Client(**_http_options(self.base_url))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def run(self, flow: Flow[T]) -> T:
        """Carry out a flow and return its result."""
        try:
            step = next(flow)
            while True:
                try:
                    outcome = self._perform(step)
                except (httpx.HTTPError, ClientError) as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(outcome)
        except StopIteration as ended:
            result: T = ended.value
            return result

    def _perform(self, step: Step) -> Any:
        match step:
            case Send(request):
                return self._http.send(request.build(self._http))
            case Receive(request, begin):
                response = self._http.send(request.build(self._http), stream=True)
                try:
                    if response.is_success:
                        take = begin(response)
                        for piece in response.iter_raw():
                            take(piece)
                    else:
                        response.read()
                finally:
                    response.close()
                return response
            case Wait(seconds):
                return self._retries.sleep(seconds)
            case Renew(renew):
                return renew()


class Asyncio(Session, AbstractAsyncContextManager["Asyncio"]):
    """Carries out flows on the running event loop; files and token commands are left to its threads."""

    def __init__(self, *args: Any, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep, **options: Any) -> None:
        super().__init__(*args, **options)
        self._http = httpx.AsyncClient(**_http_options(self.base_url))
        self._sleep = sleep

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def run(self, flow: Flow[T]) -> T:
        """Carry out a flow and return its result."""
        try:
            step = next(flow)
            while True:
                try:
                    outcome = await self._perform(step)
                except (httpx.HTTPError, ClientError) as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(outcome)
        except StopIteration as ended:
            result: T = ended.value
            return result

    async def _perform(self, step: Step) -> Any:
        match step:
            case Send(request):
                return await self._http.send(request.build(self._http))
            case Receive(request, begin):
                response = await self._http.send(request.build(self._http), stream=True)
                try:
                    if response.is_success:
                        take = await asyncio.to_thread(begin, response)
                        async for piece in response.aiter_raw():
                            await asyncio.to_thread(take, piece)
                    else:
                        await response.aread()
                finally:
                    await response.aclose()
                return response
            case Wait(seconds):
                return await self._sleep(seconds)
            case Renew(renew):
                return await asyncio.to_thread(renew)


class method(Generic[P, T]):  # noqa: N801 - a decorator, as `property` is
    """A flow as a method: of a blocking client it returns the result, of an asyncio client an awaitable of it."""

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[T]]) -> None:
        self.flow = flow
        self.__doc__ = flow.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Blocking, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: Asyncio, owner: type) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, client: Blocking | Asyncio | None, owner: type) -> Any:
        if client is None:
            return self

        @wraps(self.flow)
        def run(*args: P.args, **options: P.kwargs) -> Any:
            return client.run(self.flow(client, *args, **options))

        # A notebook shows this signature, without `self`, and not the flow's.
        del run.__wrapped__
        own = signature(self.flow)
        run.__signature__ = own.replace(parameters=[*own.parameters.values()][1:])  # type: ignore[attr-defined]
        return run


def _http_options(base_url: httpx.URL) -> dict[str, Any]:
    # A proxy that the environment names is not used for addresses on this machine.
    return {
        "base_url": base_url,
        "timeout": TIMEOUT,
        "trust_env": not is_loopback(base_url),
        "headers": {"User-Agent": USER_AGENT},
    }
