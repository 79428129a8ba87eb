"""One Cloud Tasks stand-in for each test module, spoken to by Google's own client."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import tasks_v2

from tests.contract.tasks.harness import Metadata, StandIn, Worker, listening, stand_in

LOCATION = "projects/local/locations/us-central1"


@pytest.fixture(scope="module")
def metadata() -> Iterator[Metadata]:
    with listening(Metadata()) as server:
        assert isinstance(server, Metadata)
        yield server


@pytest.fixture(scope="module")
def running(metadata: Metadata) -> Iterator[StandIn]:
    with stand_in("tasks", environ={"GCE_METADATA_HOST": metadata.url.removeprefix("http://")}) as process:
        yield process


@pytest.fixture(scope="module")
def connect() -> Callable[[StandIn], tasks_v2.CloudTasksClient]:
    def to(process: StandIn) -> tasks_v2.CloudTasksClient:
        anonymous = AnonymousCredentials()
        return tasks_v2.CloudTasksClient(
            transport="rest", client_options={"api_endpoint": process.url}, credentials=anonymous
        )

    return to


@pytest.fixture(scope="module")
def client(running: StandIn, connect: Callable[[StandIn], tasks_v2.CloudTasksClient]) -> tasks_v2.CloudTasksClient:
    return connect(running)


@pytest.fixture
def a_queue(client: tasks_v2.CloudTasksClient) -> Callable[..., tasks_v2.Queue]:
    """Creates a queue nobody else uses; settings by name."""

    def create(**settings: Any) -> tasks_v2.Queue:
        queue = tasks_v2.Queue({"name": f"{LOCATION}/queues/q-{uuid4().hex}", **settings})
        return client.create_queue(parent=LOCATION, queue=queue)

    return create


@pytest.fixture
def worker() -> Iterator[Worker]:
    with listening(Worker()) as server:
        yield server


@pytest.fixture
def a_task(worker: Worker) -> Callable[..., tasks_v2.Task]:
    """A task for the worker; `request` and the task's own fields override the defaults."""

    def make(*, request: dict[str, Any] | None = None, **fields: Any) -> tasks_v2.Task:
        defaults: dict[str, Any] = {"url": f"{worker.url}/work", "body": b"{}"}
        return tasks_v2.Task({"http_request": {**defaults, **(request or {})}, **fields})

    return make
