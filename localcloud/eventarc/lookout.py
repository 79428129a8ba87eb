"""Finds changes that nobody heard, by listing the watched buckets from time to time.

The object store reports each change once, to a listener that is there; and its reporter, once refused, waits longer and
longer (up to two minutes) before it tries again. So reports are the fast way and listing is the sure one.

On the very first look everything is old news, as for a new trigger; later a generation never seen before becomes an
event. Of an object overwritten between two looks, the listing shows only the last state.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import quote

import httpx

from localcloud.eventarc.events import FINALIZED
from localcloud.eventarc.outbox import Outbox
from localcloud.eventarc.router import Router

_log = logging.getLogger(__name__)

_TIMEOUT_S = 5.0
_GROWTH = 1.1


class BucketPoller:
    def __init__(self, storage: str, router: Router, outbox: Outbox) -> None:
        """Watch the router's buckets in the object store at this origin; without an origin, nothing."""
        self._buckets = sorted(router.buckets) if storage else []
        self._router = router
        self._outbox = outbox
        self._client = httpx.AsyncClient(base_url=storage, trust_env=False, timeout=_TIMEOUT_S)

    async def close(self) -> None:
        await self._client.aclose()

    async def look(self) -> bool:
        """Look once at each bucket; whether there was news. A store that is not up is looked at again next time."""
        has_news = False
        for bucket in self._buckets:
            try:
                resources = [resource async for resource in _listing(self._client, bucket)]
            except httpx.HTTPError as exc:
                _log.debug("action=look bucket=%s trouble=%r", bucket, exc)
                continue
            is_first = not self._outbox.is_watched(bucket)
            for resource in resources:
                if is_first:
                    self._router.mark_processed(FINALIZED, resource)
                elif not self._outbox.has_seen(resource):
                    self._router.accept(FINALIZED, resource)
                    has_news = True
            self._outbox.watch(bucket, resources)
        return has_news

    async def keep_polling(
        self, shortest_s: float, longest_s: float, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        """Look again and again; the wait grows to `longest_s`, and is short again after news, which nobody reported."""
        wait_s = shortest_s
        while True:
            await sleep(wait_s)
            wait_s = shortest_s if await self.look() else min(wait_s * _GROWTH, longest_s)


async def _listing(client: httpx.AsyncClient, bucket: str) -> AsyncIterator[dict[str, Any]]:
    """The bucket's objects; none while the bucket does not exist."""
    token = ""
    while True:
        answer = await client.get(
            f"/storage/v1/b/{quote(bucket, safe='')}/o", params={"pageToken": token} if token else {}
        )
        if answer.status_code == httpx.codes.NOT_FOUND:
            return
        page = answer.raise_for_status().json()
        for resource in page.get("items", []):
            yield resource
        token = page.get("nextPageToken", "")
        if not token:
            return
