"""One local stack for all tests of a run."""

import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import psutil
import pytest

from tests.e2e.stack import Stack, running
from tests.processes import is_alive


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/e2e/" in str(item.path):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack; at the end it must listen on loopback only, and leave no process."""
    with running(tmp_path_factory.mktemp("stack")) as stack:
        yield stack
        processes = stack.processes()
        assert [address for process in processes for address in listening(process) if not is_loopback(address)] == []
        assert stack.stop() == 0
        assert [process for process in processes if is_alive(process)] == []


def is_loopback(address: str) -> bool:
    """Whether an address is local; Java writes 127.0.0.1 as ::ffff:127.0.0.1."""
    return ip_address(address.removeprefix("::ffff:")).is_loopback


def listening(process: psutil.Process) -> set[str]:
    try:
        return {
            connection.laddr.ip
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN and connection.family in {socket.AF_INET, socket.AF_INET6}
        }
    except psutil.NoSuchProcess:
        return set()


@pytest.fixture
def stack(shared_stack: Stack) -> Iterator[Stack]:
    """The shared stack; faults and latencies of the model stand-ins are reset after the test."""
    yield shared_stack
    for order in (shared_stack.vertex, shared_stack.replicate):
        order("DELETE", "faults")
        order("POST", "profile", {"time_scale": 0.05})


@pytest.fixture
def gcloud(stack: Stack) -> Callable[..., Any]:
    """The gcloud program with the environment that the stack prints; these tests need gcloud on the machine."""
    return stack.gcloud
