"""HTTP to programs on this machine, with a test's patience and not httpx's five seconds."""

import socket
from functools import partial

import httpx

from tests.waiting import PATIENCE_S

request = partial(httpx.request, timeout=PATIENCE_S, trust_env=False)
get = partial(httpx.get, timeout=PATIENCE_S, trust_env=False)
head = partial(httpx.head, timeout=PATIENCE_S, trust_env=False)
post = partial(httpx.post, timeout=PATIENCE_S, trust_env=False)


def answers(url: str) -> bool:
    """Whether a program answers there, and well."""
    try:
        return get(url).is_success
    except httpx.TransportError:
        return False


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
