"""Waiting for what another process or thread does, with one patience for every room."""

import time
from collections.abc import Callable
from typing import TypeVar

# Only how long a test hangs before it gives up. A starved machine takes ten times as long for everything, and a
# shorter wait would find that machine, not a fault.
PATIENCE_S = 300.0

T = TypeVar("T")


def eventually(
    look: Callable[[], T | None], what: str = "it", within_s: float = PATIENCE_S, *, first_pause_s: float = 0.01
) -> T:
    """The first true value that looking again and again brings."""
    end = time.monotonic() + within_s
    pause_s = first_pause_s
    while not (seen := look()):
        assert time.monotonic() < end, f"{what}: not within {within_s:g} s, last seen: {seen!r}"
        time.sleep(pause_s)  # between two looks; never instead of one
        pause_s = min(pause_s * 1.1, 0.25)  # what takes long need not be asked for often
    return seen
