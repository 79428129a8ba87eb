"""Time, randomness and the identity of callers."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time, injected."""

    def now(self) -> datetime:
        """Aware, UTC."""

    def sleep(self, seconds: float) -> None: ...


class Ids(Protocol):
    """Randomness, injected."""

    def new_token(self) -> str:
        """Unguessable, new every time; fits an id."""

    def jitter(self) -> float:
        """0.0 up to 1.0."""


class Headers(Protocol):
    """A request's headers, whatever the case of their names."""

    def get(self, key: str, default: str) -> str: ...
    def __contains__(self, key: str, /) -> bool: ...


class Identity(Protocol):
    """Whatever stands before us and knows who is asking."""

    def identify_caller(self, headers: Headers) -> str:
        """A verified e-mail address. Raises: NotAllowed."""


class Operators(Protocol):
    """The people who run this deployment."""

    def is_operator(self, email: str) -> bool:
        """Whether this verified address is an operator's; False also when that cannot be found out now."""
