"""Callback endpoints: an execution makes a URL, hands it out, and waits until it is called."""

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from localcloud.workflows.faults import fault, value_fault
from localcloud.workflows.values import Value

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")


@dataclass(slots=True, eq=False)
class Callback:
    """``received`` holds the one request that is not taken yet; ``waiters`` those who wait for one."""

    id: str
    url: str
    method: str
    received: Mapping[str, Value] | None = None
    waiters: "list[asyncio.Future[Value]]" = field(default_factory=list)

    def deliver(self, request: Mapping[str, Value]) -> bool:
        """Hand the request over, or keep it for the next ``await``; False while another one is still kept."""
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(request)
                return True
        if self.received is not None:
            return False
        self.received = request
        return True

    async def wait(self, timeout_s: float) -> Value:
        if self.received is not None:
            request, self.received = self.received, None
            return request
        waiter: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout_s):
                return await waiter
        except TimeoutError as error:
            raise fault("TimeoutError", f"no callback within {timeout_s} seconds") from error
        finally:
            self.waiters.remove(waiter)


class Callbacks:
    """The callbacks of one execution; their URLs begin with ``base``."""

    def __init__(self, base: str) -> None:
        self._base = base
        self.by_id: dict[str, Callback] = {}

    def create(self, method: str) -> Callback:
        id_ = str(uuid.uuid4())
        callback = Callback(id_, f"{self._base}/{id_}", method)
        self.by_id[id_] = callback
        return callback

    def at(self, url: Value) -> Callback:
        found = next((callback for callback in self.by_id.values() if callback.url == url), None)
        if found is None:
            raise value_fault(f"{url!r} is not a callback endpoint of this execution")
        return found
