"""Which port each listener of the stack gets."""

import random
import socket
from collections.abc import Iterable

from localcloud.serving import LOOPBACK

# Below the range Linux takes for outgoing connections (32768 and up): a port chosen there could be taken by any
# connection between the choice, or a process's death, and the moment its owner listens on it again.
FREE_RANGE = range(20_000, 32_000)
FIXED_FROM = 9400


class PortTaken(Exception):
    """Another program listens where the stack must."""


def free_ports(names: Iterable[str], chance: random.Random) -> dict[str, int]:
    """A free port for each name; two stacks that start together do not meet, thanks to the chance."""
    candidates = chance.sample(FREE_RANGE, len(FREE_RANGE))
    free = (port for port in candidates if _is_free(port))
    return {name: next(free) for name in names}


def fixed_ports(names: Iterable[str]) -> dict[str, int]:
    """The same port for each name at every start.

    Raises:
        PortTaken: one of them is in use.
    """
    ports = {name: FIXED_FROM + place for place, name in enumerate(names)}
    taken = [f"{port} ({name})" for name, port in ports.items() if not _is_free(port)]
    if taken:
        some = ", ".join(taken[:3]) + (" …" if taken[3:] else "")
        raise PortTaken(f"in use already: {some}. Is another stack running? `--fixed-ports` can be left out.")
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
