"""One Cloud Scheduler stand-in for each test module, spoken to by Google's own client."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import scheduler_v1
from google.cloud.scheduler_v1.services.cloud_scheduler.transports import CloudSchedulerGrpcTransport

from localcloud.tests.harness import Metadata, StandIn, Worker, listening, stand_in
from localcloud.tests.loopback import free_port

LOCATION = "projects/local/locations/us-central1"

Scheduler = scheduler_v1.CloudSchedulerClient


@pytest.fixture(scope="module")
def grpc_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def running(grpc_port: int) -> Iterator[StandIn]:
    with listening(Metadata()) as metadata:
        environ = {"GCE_METADATA_HOST": metadata.url.removeprefix("http://")}
        with stand_in("scheduler", "--grpc-port", str(grpc_port), environ=environ) as process:
            yield process


@pytest.fixture(scope="module")
def connect() -> Callable[[StandIn], Scheduler]:
    def to(process: StandIn) -> Scheduler:
        endpoint = {"api_endpoint": process.url}
        return Scheduler(transport="rest", client_options=endpoint, credentials=AnonymousCredentials())

    return to


@pytest.fixture(scope="module", params=["rest", "grpc"])
def client(
    request: pytest.FixtureRequest, running: StandIn, grpc_port: int, connect: Callable[[StandIn], Scheduler]
) -> Iterator[Scheduler]:
    """The client twice: over REST, and over gRPC, its own choice."""
    if request.param == "rest":
        yield connect(running)
        return
    with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
        yield Scheduler(transport=CloudSchedulerGrpcTransport(channel=channel))


@pytest.fixture
def worker() -> Iterator[Worker]:
    with listening(Worker()) as server:
        yield server


@pytest.fixture
def a_job(worker: Worker) -> Callable[..., scheduler_v1.Job]:
    """A job for the worker, under a name of its own; `target` and the job's own fields override the defaults."""

    def make(*, target: dict[str, Any] | None = None, **fields: Any) -> scheduler_v1.Job:
        defaults: dict[str, Any] = {"name": f"{LOCATION}/jobs/j-{uuid4().hex}", "schedule": "0 4 * * *"}
        return scheduler_v1.Job({"http_target": {"uri": f"{worker.url}/sweep", **(target or {})}, **defaults, **fields})

    return make
