"""Time, randomness and the identity of callers."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

GetHeader = Callable[[str], str | None]
"""From the name of a request's header, in any case, to its value."""


class Clock(Protocol):
    """The current time, and waiting."""

    def now(self) -> datetime:
        """Return the current time in UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class Ids(Protocol):
    """Random values."""

    def new_token(self) -> str:
        """Return a new unguessable token, usable as a document id."""

    def jitter(self) -> float:
        """Return a random number from 0.0 up to 1.0."""


class Identity(Protocol):
    """The check of a caller's identity that was made before the request arrived."""

    def identify_caller(self, get_header: GetHeader) -> str:
        """Return the caller's verified e-mail address. Raises: NotAllowed, Transient."""


class Operators(Protocol):
    """The people who run this deployment."""

    def is_operator(self, email: str) -> bool:
        """Tell whether a verified address is an operator's; False also when the look-up fails."""
