"""One Cloud Tasks stand-in for each test module, spoken to by Google's own client."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from localcloud.tests.harness import Metadata, StandIn, Worker, listening, stand_in
from localcloud.tests.loopback import free_port

LOCATION = "projects/local/locations/us-central1"


@pytest.fixture(scope="module")
def metadata() -> Iterator[Metadata]:
    with listening(Metadata()) as server:
        assert isinstance(server, Metadata)
        yield server


@pytest.fixture(scope="module")
def grpc_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def running(metadata: Metadata, grpc_port: int) -> Iterator[StandIn]:
    environ = {"GCE_METADATA_HOST": metadata.url.removeprefix("http://")}
    with stand_in("tasks", "--grpc-port", str(grpc_port), environ=environ) as process:
        yield process


@pytest.fixture(scope="module")
def connect() -> Callable[[StandIn], tasks_v2.CloudTasksClient]:
    def to(process: StandIn) -> tasks_v2.CloudTasksClient:
        anonymous = AnonymousCredentials()
        return tasks_v2.CloudTasksClient(
            transport="rest", client_options={"api_endpoint": process.url}, credentials=anonymous
        )

    return to


@pytest.fixture(scope="module", params=["rest", "grpc"])
def client(
    request: pytest.FixtureRequest,
    running: StandIn,
    grpc_port: int,
    connect: Callable[[StandIn], tasks_v2.CloudTasksClient],
) -> Iterator[tasks_v2.CloudTasksClient]:
    """The client twice: over REST, and over gRPC, its own choice."""
    if request.param == "rest":
        yield connect(running)
        return
    with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
        yield tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))


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
