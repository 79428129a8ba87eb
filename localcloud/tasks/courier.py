"""One HTTP delivery of one task: headers, token, deadline. Knows nothing of queues, rates or retries."""

import asyncio
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from localcloud.identity import Identity, is_loopback
from localcloud.tasks import names, wire
from localcloud.tasks.admission import USER_AGENT
from localcloud.tasks.store import StoredTask

_DEADLINE_EXCEEDED = 4  # google.rpc.Code
_UNAVAILABLE = 14
_MOST_REDIRECTS = 5  # Google says only that they "may be followed"
_OWN_PREFIXES = ("x-cloudtasks-", "x-google-", "x-appengine-")
_OWN_HEADERS = frozenset({"host", "content-length", "user-agent"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the worker answered; without a status there was no answer, and `trouble` says why."""

    status: int | None
    retry_after_s: float = 0.0
    trouble: str = ""
    code: int = 0  # google.rpc.Code when there was no answer


class Courier:
    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        # Deadlines are ours, and max_concurrent_dispatches is the only limit on connections.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        self._client = httpx.AsyncClient(trust_env=False, timeout=None, limits=limits)  # noqa: S113 - see deliver()

    async def close(self) -> None:
        await self._client.aclose()

    async def deliver(self, task: StoredTask) -> Outcome:
        """Send the task once and wait for the answer, never longer than its dispatch deadline."""
        request = task.message.http_request
        if not is_loopback(request.url):
            # As if the network were down: real workers are out of a stand-in's reach by design.
            return Outcome(None, trouble=f"{request.url} is not on this machine", code=_UNAVAILABLE)
        try:
            async with asyncio.timeout(wire.seconds(task.message.dispatch_deadline)):
                answer = await self._client.request(
                    wire.HttpMethod(request.http_method).name,
                    request.url,
                    content=request.body or None,
                    headers={**worker_headers(task), **await self._authorization(request)},
                )
                answer = await self._redirected(answer)
        except TimeoutError:
            return Outcome(None, trouble="the dispatch deadline passed", code=_DEADLINE_EXCEEDED)
        except Exception as exc:  # noqa: BLE001 - whatever goes wrong on the way is an attempt without an answer
            return Outcome(None, trouble=str(exc) or repr(exc), code=_UNAVAILABLE)
        return Outcome(answer.status_code, retry_after_s=_retry_after_s(answer.headers))

    async def _redirected(self, answer: httpx.Response) -> httpx.Response:
        """The answer at the end of a chain of redirects, which is part of the same attempt; never off this machine."""
        for _ in range(_MOST_REDIRECTS):
            if answer.next_request is None or not is_loopback(str(answer.next_request.url)):
                break
            answer = await self._client.send(answer.next_request)
        return answer

    async def _authorization(self, request: Any) -> dict[str, str]:
        token: str | None = None
        match request.WhichOneof("authorization_header"):
            case "oidc_token":
                wish = request.oidc_token
                token = await self._identity.id_token(wish.audience or request.url, wish.service_account_email)
            case "oauth_token":
                wish = request.oauth_token
                token = await self._identity.access_token(wish.service_account_email, wish.scope)
        return {"Authorization": f"Bearer {token}"} if token else {}


def worker_headers(task: StoredTask) -> dict[str, str]:
    """The task's own headers, less what the service reserves, plus what it adds to every dispatch."""
    message = task.message
    headers = {
        name: value
        for name, value in message.http_request.headers.items()
        if name.lower() not in _OWN_HEADERS and not name.lower().startswith(_OWN_PREFIXES)
    }
    retries = message.dispatch_count - 1
    headers |= {
        "User-Agent": USER_AGENT,
        "X-CloudTasks-QueueName": names.short(names.parent_of(message.name)),
        "X-CloudTasks-TaskName": names.short(message.name),
        "X-CloudTasks-TaskRetryCount": str(retries),
        "X-CloudTasks-TaskExecutionCount": str(task.executions),
        "X-CloudTasks-TaskETA": f"{wire.seconds(message.schedule_time):.6f}",
    }
    if retries:
        if task.previous_status is not None:
            headers["X-CloudTasks-TaskPreviousResponse"] = str(task.previous_status)
        headers["X-CloudTasks-TaskRetryReason"] = (
            "No response" if task.previous_status is None else f"HTTP status code {task.previous_status}"
        )
    return headers


def _retry_after_s(headers: httpx.Headers) -> float:
    """Retry-After as seconds; 0 without one, or with one nobody can read."""
    text = headers.get("retry-after", "")
    if text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        sent = parsedate_to_datetime(headers["date"])
    except (ValueError, KeyError):
        return 0.0
    return max(0.0, (moment - sent).total_seconds())
