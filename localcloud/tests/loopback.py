"""HTTP to programs on this machine, with a test's patience and not httpx's five seconds."""

import atexit
import random
import socket
import ssl
from collections.abc import Iterator
from functools import cache, partial
from itertools import cycle

import httpx

from localcloud.serving import LOOPBACK
from localcloud.tests.waiting import PATIENCE_S

# Nothing here speaks TLS, and loading the machine's certificates costs more than a whole request.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# Below the range Linux takes for outgoing connections (32768 and up): no connection takes a port chosen here before
# its program listens on it.
_FREE_RANGE = range(28_000, 32_000)
_BLOCK = 200  # ports in a row that one process chooses from; the first one is kept bound as a sign that they are taken

request = partial(httpx.request, timeout=PATIENCE_S, trust_env=False, verify=_NO_TLS)
get = partial(httpx.get, timeout=PATIENCE_S, trust_env=False, verify=_NO_TLS)
head = partial(httpx.head, timeout=PATIENCE_S, trust_env=False, verify=_NO_TLS)
post = partial(httpx.post, timeout=PATIENCE_S, trust_env=False, verify=_NO_TLS)
put = partial(httpx.put, timeout=PATIENCE_S, trust_env=False, verify=_NO_TLS)
stream = partial(httpx.stream, timeout=PATIENCE_S, trust_env=False, verify=_NO_TLS)


def answers(url: str) -> bool:
    """Whether a program answers there, and well."""
    try:
        return get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def free_port() -> int:
    """A port that nobody listens on now, and that no other test process chooses.

    A program listens only some time after its port is chosen: ports drawn by chance were given out twice.
    """
    ports = _ports()
    return next(port for port in ports if _bind(port, keep=False))


@cache
def _ports() -> Iterator[int]:
    """The ports of this process's block, round and round."""
    firsts = list(_FREE_RANGE[::_BLOCK])
    random.shuffle(firsts)
    first = next(first for first in firsts if _bind(first, keep=True))
    return cycle(range(first + 1, first + _BLOCK))


def _bind(port: int, *, keep: bool) -> bool:
    """Whether the port is free; ``keep`` leaves it bound while this process lives."""
    probe = socket.socket()
    try:
        probe.bind((LOOPBACK, port))
    except OSError:
        probe.close()
        return False
    if keep:
        atexit.register(probe.close)
    else:
        probe.close()
    return True
