"""Finds changes that nobody heard: the object store reports each change once, and only to a listener that is there.

At every start, and all the time when there is no ear for reports, the watched buckets are listed. On
the very first look everything is old news, as for a new trigger; later a generation never seen before becomes an
event. Of an object overwritten meanwhile only the last state is seen.
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

_RETRY_S = 0.5


async def catch_up(
    storage: str,
    router: Router,
    outbox: Outbox,
    *,
    every_s: float | None,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Look at each watched bucket, once or every so many seconds; a store that is not up yet is waited for."""
    async with httpx.AsyncClient(base_url=storage, trust_env=False, timeout=30) as client:
        unseen = set(router.buckets)
        while unseen or every_s is not None:
            for bucket in sorted(unseen or router.buckets):
                try:
                    _compare([resource async for resource in _listing(client, bucket)], bucket, router, outbox)
                except httpx.HTTPError as exc:
                    _log.debug("action=catch_up bucket=%s trouble=%r", bucket, exc)
                else:
                    unseen.discard(bucket)
            await sleep(_RETRY_S if unseen or every_s is None else every_s)


def _compare(resources: list[dict[str, Any]], bucket: str, router: Router, outbox: Outbox) -> None:
    if outbox.is_watched(bucket):
        for resource in resources:
            if not outbox.has_seen(resource):
                router.accept(FINALIZED, resource)
    outbox.watch(bucket, resources)


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
