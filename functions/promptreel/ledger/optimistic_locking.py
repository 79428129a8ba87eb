"""Compare-and-set, again and again: read, decide, write; when somebody else wrote first, read again.

Preconditions instead of transactions: sixty claims at once on one job take seconds this way and never end with
client transactions (measured on the emulator).
"""

from collections.abc import Callable
from typing import TypeVar

from promptreel.errors import Transient, VersionConflict
from promptreel.ports.system import Clock, Ids

T = TypeVar("T")

TRIES = 14
FIRST_WAIT_S = 0.03
LONGEST_WAIT_S = 1.0


def retry_on_conflict(attempt: Callable[[], T], clock: Clock, ids: Ids, again: type[Transient] = VersionConflict) -> T:
    """What `attempt` answers once it loses no race. It must read everything it decides on by itself.

    ``again`` is what is tried again: Transient for what must not stay unwritten while the store is away.

    Raises: Transient; of ``again`` after `TRIES` tries.
    """
    for number in range(TRIES - 1):
        try:
            return attempt()
        except again:
            clock.sleep(min(FIRST_WAIT_S * 2**number, LONGEST_WAIT_S) * (0.5 + ids.jitter()))
    return attempt()
