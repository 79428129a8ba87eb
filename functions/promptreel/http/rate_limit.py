"""A limit on the requests of each caller, counted by every instance for itself (docs/adr/0028)."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from threading import Lock

from flask import Flask, request

from promptreel.errors import TooMany
from promptreel.services import Services

MAX_CALLERS = 10_000  # that an instance remembers; the one that was quiet the longest is forgotten
WINDOW_S = 60.0


def limit_requests(flask: Flask, services: Callable[[], Services]) -> None:
    """Refuse the requests of a caller who sends more than the deployment allows."""
    limiter = RateLimiter()

    @flask.before_request
    def count() -> None:
        if (
            request.endpoint == "get_openapi"
            or request.url_rule is None
            or not request.url_rule.rule.startswith("/v1/")
        ):
            return
        given = services()
        caller, limit = given.identity.identify_caller(request.headers.get), given.limits.requests_per_minute
        wait_s = limiter.take(caller, limit / (WINDOW_S * given.pace), limit, given.clock.now())
        if wait_s:
            raise TooMany(
                f"You send more than {limit} requests a minute.",
                code="rate_limited",
                remedy="Wait as long as Retry-After says, and ask less often.",
                retry_after_s=ceil(wait_s),
            )


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: datetime


class RateLimiter:
    """A token bucket for each caller."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = Lock()

    def take(self, caller: str, per_s: float, burst: int, now: datetime) -> float:
        """Count a request. Returns: 0.0, or the seconds until the caller may send one when there are too many."""
        with self._lock:
            bucket = self._buckets.pop(caller, None) or _Bucket(float(burst), now)
            self._buckets[caller] = bucket  # the latest
            if len(self._buckets) > MAX_CALLERS:
                self._buckets.popitem(last=False)
            passed_s = max(0.0, (now - bucket.at).total_seconds())
            bucket.tokens = min(float(burst), bucket.tokens + passed_s * per_s)
            bucket.at = max(bucket.at, now)
            if bucket.tokens < 1:
                return (1 - bucket.tokens) / per_s
            bucket.tokens -= 1
            return 0.0
