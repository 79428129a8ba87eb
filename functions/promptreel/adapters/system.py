"""Time and randomness of the machine."""

import random
import secrets
import time
from datetime import UTC, datetime


class SystemClock:
    """A `Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SystemIds:
    """`Ids` from the operating system."""

    def new_token(self) -> str:
        return secrets.token_hex(12)

    def jitter(self) -> float:
        return random.random()  # noqa: S311 - spreads retries, guards nothing
