"""HTTP to programs on this machine, with a test's patience and not httpx's five seconds."""

import random
import socket
import ssl
from functools import partial

import httpx

from localcloud.serving import LOOPBACK
from localcloud.tests.waiting import PATIENCE_S

# Nothing here speaks TLS, and loading the machine's certificates costs more than a whole request.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# Below the range Linux takes for outgoing connections (32768 and up): no connection takes a port chosen here before
# its program listens on it.
_FREE_RANGE = range(28_000, 32_000)

request = partial(httpx.request, timeout=PATIENCE_S, trust_env=False, verify=_NO_TLS)
get = partial(httpx.get, timeout=PATIENCE_S, trust_env=False, verify=_NO_TLS)
head = partial(httpx.head, timeout=PATIENCE_S, trust_env=False, verify=_NO_TLS)
post = partial(httpx.post, timeout=PATIENCE_S, trust_env=False, verify=_NO_TLS)


def answers(url: str) -> bool:
    """Whether a program answers there, and well."""
    try:
        return get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def free_port() -> int:
    """A port that nobody listens on now."""
    while True:
        with socket.socket() as probe:
            port = random.choice(_FREE_RANGE)
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
