"""What follows an attempt: done, another attempt after a wait, or given up. Pure rules; no I/O may enter here.

Rule source, read 2026-11: RetryConfig in google.cloud.tasks_v2.
"""

from dataclasses import dataclass
from enum import Enum

UNLIMITED = -1
OVERLOAD = frozenset({429, 503})


class Fate(Enum):
    DONE = "done"
    AGAIN = "again"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class RetryRule:
    max_attempts: int  # counts the first attempt; UNLIMITED for no end
    max_retry_s: float  # since the first attempt; 0 for no limit
    min_backoff_s: float
    max_backoff_s: float
    max_doublings: int

    def wait_s(self, failures: int) -> float:
        """Seconds between the n-th failure (counted from 1) and the next attempt.

        Doubles `max_doublings` times, then grows linearly: 10 s, 300 s and 3 give 10, 20, 40, 80, 160, 240, 300, 300.
        """
        doublings = min(self.max_doublings, failures - 1)
        steps = max(1, failures - self.max_doublings)
        # 2**64 of anything is past every legal max_backoff; the bound keeps the arithmetic in floats.
        return min(self.min_backoff_s * 2.0 ** min(doublings, 64) * steps, self.max_backoff_s)

    def gives_up(self, attempts: int, age_s: float) -> bool:
        """Both limits must be used up: the count of attempts, and the time since the first of them."""
        spent_attempts = self.max_attempts != UNLIMITED and attempts >= self.max_attempts
        if self.max_retry_s <= 0:
            return spent_attempts
        return age_s >= self.max_retry_s and (spent_attempts or self.max_attempts == UNLIMITED)

    def fate(self, status: int | None, attempts: int, age_s: float) -> Fate:
        """What becomes of a task after `attempts` attempts, the last answered with `status` (None: no answer)."""
        if status is not None and 200 <= status < 300:  # noqa: PLR2004 - the whole 2xx range is success
            return Fate.DONE
        return Fate.GIVEN_UP if self.gives_up(attempts, age_s) else Fate.AGAIN
