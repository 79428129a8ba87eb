"""How often a caller may ask, and whether it has credit left: as the service limits an account.

600 creates and 3000 other requests a minute; with less than 5 dollars of credit 6 creates a minute, one at a time.
Source: https://replicate.com/docs/topics/predictions/rate-limits and recorded answers of 2026.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from localcloud.replicate.problems import ApiProblem, insufficient_credit, throttled

CREATES_PER_MIN = 600
OTHERS_PER_MIN = 3000
_LOW_CREDIT_PER_MIN = 6
_LOW_CREDIT_MICROS = 5_000_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit, as the answer's headers say it."""

    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        return {"ratelimit-remaining": str(self.remaining), "ratelimit-reset": str(self.reset_s)}


@dataclass(frozen=True, slots=True)
class Limit:
    per_min: int
    burst: int
    low_credit: bool = False


def create_limit(ordered_per_min: int | None, credit_micros: int | None) -> Limit:
    """The limit of creates: an order of the profile counts before the service's own, low credit before both."""
    if credit_micros is not None and credit_micros < _LOW_CREDIT_MICROS:
        return Limit(_LOW_CREDIT_PER_MIN, 1, low_credit=True)
    per_min = CREATES_PER_MIN if ordered_per_min is None else ordered_per_min
    return Limit(per_min, per_min)


OTHERS = Limit(OTHERS_PER_MIN, OTHERS_PER_MIN)


class ThrottledError(ApiProblem):
    """429; its headers say that nothing is left."""

    def __init__(self, retry_after_s: int, *, low_credit: bool) -> None:
        said = throttled(retry_after_s, low_credit=low_credit)
        super().__init__(said.status, said.detail, said.title, **said.more)
        self.headers = Allowance(0, retry_after_s).headers()


class Throttle:
    """Token buckets by what they limit; refused requests take nothing."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._buckets: dict[tuple[str, Limit], _Bucket] = {}

    def take(self, what: str, limit: Limit, minute_s: float) -> Allowance:
        """Raises: ThrottledError."""
        now = self._now()
        bucket = self._buckets.setdefault((what, limit), _Bucket(limit.burst, now))
        per_s = limit.per_min / minute_s if minute_s else math.inf
        if per_s and now > bucket.at_s:
            bucket.tokens = min(float(limit.burst), bucket.tokens + (now - bucket.at_s) * per_s)
        bucket.at_s = now
        if bucket.tokens < 1:
            wait_s = (1 - bucket.tokens) / per_s if per_s else minute_s
            raise ThrottledError(max(1, math.ceil(wait_s)), low_credit=limit.low_credit)
        bucket.tokens -= 1
        return Allowance(int(bucket.tokens), 1)

    def clear(self) -> None:
        self._buckets.clear()


def check_credit(credit_micros: int | None) -> None:
    """Without an order there is credit for ever. Raises: ApiProblem 402 when none is left."""
    if credit_micros is not None and credit_micros <= 0:
        raise insufficient_credit()
