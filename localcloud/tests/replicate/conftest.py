"""One stand-in for the session; every test begins with an empty ledger and no faults."""

from collections.abc import Iterator

import pytest
from replicate.client import Client

from localcloud.tests.harness import Worker, listening
from localcloud.tests.loopback import free_port
from localcloud.tests.replicate.harness import FakeReplicate, PictureServer


@pytest.fixture(scope="session")
def shared_replicate() -> Iterator[FakeReplicate]:
    with FakeReplicate(free_port()).started() as running:
        yield running


@pytest.fixture
def replicate(shared_replicate: FakeReplicate) -> Iterator[FakeReplicate]:
    shared_replicate.control("POST", "reset")
    yield shared_replicate
    shared_replicate.close_clients()


@pytest.fixture
def client(replicate: FakeReplicate) -> Client:
    return replicate.client()


@pytest.fixture
def receiver() -> Iterator[Worker]:
    """A server that records webhooks."""
    with listening(Worker()) as worker:
        yield worker


@pytest.fixture
def pictures() -> Iterator[PictureServer]:
    server = PictureServer()
    with listening(server):
        yield server
