"""The Publisher service that the object store reports to, as Google's own Pub/Sub client sees it."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.pubsub_v1 import PublisherAsyncClient, PubsubMessage
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport

from localcloud.eventarc.sources import Listener, publisher

TOPIC = "projects/local/topics/changes"


def spoken_to(listener: Listener, talk: Callable[[PublisherAsyncClient], Any]) -> None:
    async def serve() -> None:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((publisher(listener),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                await talk(PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=channel)))
        finally:
            await server.stop(grace=None)

    asyncio.run(serve())


def test_message_is_heard_and_gets_an_id_of_its_own_when_published() -> None:
    heard: list[tuple[dict[str, str], bytes]] = []

    async def talk(client: PublisherAsyncClient) -> None:
        messages = [PubsubMessage(data=b"1", attributes={"eventType": "OBJECT_FINALIZE"}), PubsubMessage(data=b"2")]
        answer = await client.publish(topic=TOPIC, messages=messages)

        assert len(set(answer.message_ids)) == 2

    spoken_to(lambda attributes, data: heard.append((dict(attributes), data)), talk)

    assert heard == [({"eventType": "OBJECT_FINALIZE"}, b"1"), ({}, b"2")]


def test_publisher_gets_an_error_when_its_message_cannot_be_kept() -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    async def talk(client: PublisherAsyncClient) -> None:
        with pytest.raises(exceptions.GoogleAPICallError):
            await client.publish(topic=TOPIC, messages=[PubsubMessage(data=b"1")], retry=None)

    spoken_to(fail, talk)


def test_topics_are_as_the_client_expects_when_created_listed_and_deleted() -> None:
    async def talk(client: PublisherAsyncClient) -> None:
        created = await client.create_topic(name=TOPIC)
        got = await client.get_topic(topic=TOPIC)
        listed = [topic.name async for topic in await client.list_topics(project="projects/local")]
        others = [topic.name async for topic in await client.list_topics(project="projects/other")]
        await client.delete_topic(topic=TOPIC)
        left = [topic.name async for topic in await client.list_topics(project="projects/local")]

        assert (created.name, got.name) == (TOPIC, TOPIC)
        assert (listed, others, left) == ([TOPIC], [], [])

    spoken_to(lambda *_: None, talk)
