"""One local stack for all tests of a run; a test that stops its stack starts its own."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.stack import Stack, running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/e2e/" in str(item.path):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
def stack(shared_stack: Stack) -> Iterator[Stack]:
    """The shared stack; faults and latencies of the fake Vertex AI are reset after the test."""
    yield shared_stack
    shared_stack.vertex("DELETE", "faults")
    shared_stack.vertex("POST", "profile", {"time_scale": 0.05})


@pytest.fixture
def gcloud(stack: Stack) -> Callable[..., Any]:
    """The gcloud program with the environment that the stack prints; these tests need gcloud on the machine."""
    return stack.gcloud
