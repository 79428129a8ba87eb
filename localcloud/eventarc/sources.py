"""How changes of objects become known: the store publishes them, and the watched buckets are listed from time to time.

The store publishes each change once, to a listener that is there; after a refused connection it waits up to two minutes
before it tries again. So notifications are fast, and listing finds what was not notified. At the first listing every
object counts as already processed, as for a new trigger; later every new generation becomes an event. Of an object
overwritten between two listings only the last state is seen.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from itertools import count
from typing import Any
from urllib.parse import quote

import grpc
import httpx
from google.protobuf.empty_pb2 import Empty  # type: ignore[attr-defined]
from google.pubsub_v1 import types

from localcloud.eventarc.delivery import Router
from localcloud.eventarc.events import FINALIZED
from localcloud.eventarc.outbox import Outbox

# Called with each message: its attributes and its data. The answer is sent only after it returns.
Listener = Callable[[Mapping[str, str], bytes], None]

_SERVICE = "google.pubsub.v1.Publisher"


def publisher(listener: Listener) -> Any:
    """A gRPC handler that passes published messages on."""
    topics: dict[str, Any] = {}
    numbers = count(1)

    async def publish(request: Any, _: Any) -> Any:
        for message in request.messages:
            listener(dict(message.attributes), message.data)
        return types.PublishResponse(message_ids=[str(next(numbers)) for _ in request.messages])

    async def create_topic(request: Any, _: Any) -> Any:
        return topics.setdefault(request.name, request)

    async def get_topic(request: Any, _: Any) -> Any:
        return topics.setdefault(request.topic, types.Topic(name=request.topic))

    async def list_topics(request: Any, _: Any) -> Any:
        return types.ListTopicsResponse(
            topics=[topic for name, topic in topics.items() if name.startswith(f"{request.project}/")]
        )

    async def delete_topic(request: Any, _: Any) -> Any:
        topics.pop(request.topic, None)
        return Empty()

    methods = {
        "Publish": _unary(publish, types.PublishRequest, types.PublishResponse.serialize),
        "CreateTopic": _unary(create_topic, types.Topic, types.Topic.serialize),
        "GetTopic": _unary(get_topic, types.GetTopicRequest, types.Topic.serialize),
        "ListTopics": _unary(list_topics, types.ListTopicsRequest, types.ListTopicsResponse.serialize),
        "DeleteTopic": _unary(delete_topic, types.DeleteTopicRequest, Empty.SerializeToString),
    }
    return grpc.method_handlers_generic_handler(_SERVICE, methods)


def _unary(behaviour: Any, request_type: Any, serialize: Any) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        behaviour, request_deserializer=request_type.deserialize, response_serializer=serialize
    )


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

    async def poll(self) -> bool:
        """List each bucket once; whether a change was new. A store that is not up is listed at the next turn."""
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
        """Keep listing; the wait grows to `longest_s` and is short after a change that was not notified."""
        wait_s = shortest_s
        while True:
            await sleep(wait_s)
            wait_s = shortest_s if await self.poll() else min(wait_s * _GROWTH, longest_s)


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
