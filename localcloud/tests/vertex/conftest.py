"""One stand-in and one object store for the session; every test begins with an empty ledger and no faults."""

from collections.abc import Iterator

import pytest
from google import genai

from localcloud.tests.loopback import free_port
from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import FakeVertex


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    with ObjectStore.started() as store:
        yield store


@pytest.fixture(scope="session")
def shared_vertex(object_store: ObjectStore) -> Iterator[FakeVertex]:
    with FakeVertex(free_port(), object_store.url).started() as vertex:
        yield vertex


@pytest.fixture
def vertex(shared_vertex: FakeVertex) -> FakeVertex:
    shared_vertex.control("POST", "reset")
    return shared_vertex


@pytest.fixture
def client(vertex: FakeVertex) -> genai.Client:
    return vertex.client()
