"""Time and random values of this machine."""

import random
import secrets
import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """A `Clock`, ``ahead_s`` seconds ahead of this machine's."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        """Take how far it is ahead."""
        self._ahead = timedelta(seconds=ahead_s)

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC) + self._ahead

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class SystemIds:
    """`Ids` from the operating system."""

    def new_token(self) -> str:
        """Return 24 random hexadecimal digits."""
        return secrets.token_hex(12)

    def jitter(self) -> float:
        """Return a random number from 0.0 up to 1.0."""
        return random.random()  # noqa: S311 - spreads retries, guards nothing
