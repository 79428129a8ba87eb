"""What the stand-ins that deliver (Cloud Tasks, Cloud Scheduler, Eventarc, Replicate) share.

The loop that sends what is due, one HTTP call that never leaves this machine and never outlives its deadline, and
duplicates on request. What is due, and what follows from an answer, is each stand-in's own business.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from localcloud.identity import Identity, is_loopback
from localcloud.serving import ApiError

DEADLINE_EXCEEDED = 4  # google.rpc.Code
UNAVAILABLE = 14
_UNKNOWN = 2

# google.rpc.Code by HTTP status (google/rpc/code.proto); other failures are UNKNOWN.
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 429: 8, 499: 1, 500: 13, 501: 12, 503: 14, 504: 4}
_MOST_REDIRECTS = 5  # Google says only that they "may be followed"
_OWN_PREFIXES = ("x-google-", "x-appengine-")
_OWN_HEADERS = frozenset({"host", "content-length", "user-agent"})


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    deadline_s: float
    credentials: Any = None  # a message with the oneof authorization_header
    follow_redirects: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was answered; without a status there was no answer, and `trouble` says why."""

    status: int | None
    retry_after_s: float = 0.0
    trouble: str = ""
    code: int = 0  # google.rpc.Code when there was no answer

    @property
    def acknowledged(self) -> bool:
        return self.status is not None and httpx.codes.is_success(self.status)


class Caller:
    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        # Deadlines are set here, and the caller limits the number of connections.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        self._client = httpx.AsyncClient(trust_env=False, timeout=None, limits=limits)  # noqa: S113 - see send()

    async def close(self) -> None:
        await self._client.aclose()

    async def send(self, call: Call) -> Outcome:
        """Make the call once and wait for the answer, never longer than its deadline."""
        if not is_loopback(call.url):
            # As if the network were down: real workers are out of a stand-in's reach by design.
            return Outcome(None, trouble=f"{call.url} is not on this machine", code=UNAVAILABLE)
        try:
            async with asyncio.timeout(call.deadline_s):
                headers = {**call.headers, **await self._authorization(call)}
                answer = await self._client.request(call.method, call.url, content=call.body or None, headers=headers)
                if call.follow_redirects:
                    answer = await self._redirected(answer)
        except TimeoutError:
            return Outcome(None, trouble="the deadline passed", code=DEADLINE_EXCEEDED)
        except Exception as exc:  # noqa: BLE001 - whatever goes wrong on the way is an attempt without an answer
            return Outcome(None, trouble=str(exc) or repr(exc), code=UNAVAILABLE)
        return Outcome(answer.status_code, retry_after_s=_retry_after_s(answer.headers))

    async def _redirected(self, answer: httpx.Response) -> httpx.Response:
        """The answer at the end of a chain of redirects, which is part of the same attempt; never off this machine."""
        for _ in range(_MOST_REDIRECTS):
            if answer.next_request is None or not is_loopback(str(answer.next_request.url)):
                break
            answer = await self._client.send(answer.next_request)
        return answer

    async def _authorization(self, call: Call) -> dict[str, str]:
        token: str | None = None
        if call.credentials is None:
            return {}
        match call.credentials.WhichOneof("authorization_header"):
            case "oidc_token":
                target = call.credentials.oidc_token
                token = await self._identity.id_token(target.audience or call.url, target.service_account_email)
            case "oauth_token":
                target = call.credentials.oauth_token
                token = await self._identity.access_token(target.service_account_email, target.scope)
        return {"Authorization": f"Bearer {token}"} if token else {}


def allowed_headers(headers: Mapping[str, str], own_prefix: str) -> dict[str, str]:
    """The headers a caller may set: less what Google reserves, and what the service itself says under its prefix."""
    reserved = (*_OWN_PREFIXES, own_prefix)
    return {
        name: value
        for name, value in headers.items()
        if name.lower() not in _OWN_HEADERS and not name.lower().startswith(reserved)
    }


def rpc_code(outcome: Outcome) -> int:
    """The google.rpc.Code that an attempt's status shows."""
    if outcome.status is None:
        return outcome.code
    return 0 if outcome.acknowledged else _CODES.get(outcome.status, _UNKNOWN)


def _retry_after_s(headers: httpx.Headers) -> float:
    """Retry-After as seconds; 0 without one, or with one that cannot be read."""
    text = headers.get("retry-after", "")
    if text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        sent = parsedate_to_datetime(headers["date"])
    except (ValueError, KeyError):
        return 0.0
    return max(0.0, (moment - sent).total_seconds())


class Dispatching(ABC):
    def __init__(self) -> None:
        self._sending: set[asyncio.Task[object]] = set()
        self._changed = asyncio.Event()

    @abstractmethod
    def send_due(self) -> float | None:
        """Send everything that may go now; seconds until something more may go (None: only after a change)."""

    def wake(self) -> None:
        """Something changed that may open or shorten the wait."""
        self._changed.set()

    async def run(self) -> None:
        """Deliver until cancelled; what is under way then is dropped, and repeated by the next start."""
        try:
            while True:
                self._changed.clear()
                try:
                    async with asyncio.timeout(self.send_due()):
                        await self._changed.wait()
                except TimeoutError:
                    continue
        finally:
            self._drop_all()
            await asyncio.gather(*self._sending, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, object]) -> None:
        sending = asyncio.create_task(work)
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    def _drop_all(self) -> None:
        for sending in self._sending:
            sending.cancel()


class Draw:
    """One chance: seeded, and counted when it comes true."""

    def __init__(self, rate: float = 0.0, seed: int = 0) -> None:
        self.rate = rate
        self.happened = 0
        self._random = random.Random(seed)  # noqa: S311 - reproducible on purpose

    def triggers(self) -> bool:
        if self.rate and self._random.random() < self.rate:
            self.happened += 1
            return True
        return False


class Duplicates:
    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._seed = 0
        self._draw = Draw()

    def order(self, settings: Mapping[str, Any]) -> None:
        """Replace the order: ``{"duplicate_rate": 0..1, "seed": int}``; the count starts again. Raises: ApiError."""
        rate, seed = read_rate(settings, "duplicate_rate"), settings.get("seed", 0)
        if set(settings) - {"duplicate_rate", "seed"} or not isinstance(seed, int):
            raise ApiError(400, f"Faults are duplicate_rate (0 to 1) and seed (a whole number), got {dict(settings)}.")
        self._seed, self._draw = seed, Draw(rate, seed)

    def must_repeat(self) -> bool:
        """Whether the delivery at hand is to be made twice."""
        return self._draw.triggers()

    def report(self) -> dict[str, Any]:
        return {"duplicate_rate": self._draw.rate, "seed": self._seed, "duplicated": self._draw.happened}


def read_rate(settings: Mapping[str, Any], name: str) -> float:
    """A chance from an order, 0 without one. Raises: ApiError."""
    rate = settings.get(name, 0.0)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise ApiError(400, f"{name} is a number from 0 to 1, got {rate!r}.")
    return float(rate)
