"""HTTP to programs on this machine, with a test's patience and not httpx's five seconds."""

import random
import ssl
from functools import partial

import httpx

from localstack.layout import free_ports
from tests.waiting import PATIENCE_S

# Nothing here speaks TLS, and loading the machine's certificates costs more than a whole request.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

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
    return free_ports(["port"], random.Random())["port"]
