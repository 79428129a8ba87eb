"""How fast a queue may dispatch: pure rules over an epoch time that is passed in; no I/O may enter here.

Rule sources, read 2026-11 in google.cloud.tasks_v2's RateLimits and HttpRequest: a token bucket of `max_burst_size`
refilled with `max_dispatches_per_second`; at most `max_concurrent_dispatches` under way; and a queue whose worker
answers 429 or 503 is slowed as a whole.
"""

from dataclasses import dataclass, replace
from typing import Self

# A queue is held for at most this many times its shortest backoff: it must slow down, not fall asleep.
_LONGEST_HOLD = 32


@dataclass(frozen=True, slots=True)
class TokenBucket:
    per_second: float
    burst: int
    tokens: float
    at_s: float  # epoch seconds of the last refill

    def refilled(self, now_s: float) -> Self:
        gained = max(0.0, now_s - self.at_s) * self.per_second
        return replace(self, tokens=min(self.burst, self.tokens + gained), at_s=max(self.at_s, now_s))

    def taken(self) -> Self:
        return replace(self, tokens=self.tokens - 1)

    def wait_s(self, now_s: float) -> float:
        """Seconds until a whole token is there; 0 if one is there now."""
        missing = 1 - self.refilled(now_s).tokens
        # A hair of rounding must not turn into an extra wait of a nanosecond, for ever.
        return missing / self.per_second if missing > 1e-9 else 0.0  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Hold:
    """A queue's pause after its worker said 429 or 503; it doubles while the worker goes on saying so."""

    strikes: int = 0
    since_s: float = 0.0
    until_s: float = 0.0

    def struck(self, *, sent_s: float, now_s: float, shortest_s: float, longest_s: float, asked_s: float) -> Self:
        """The hold after one more overload answer to a request sent at `sent_s`; `asked_s` is its Retry-After.

        A request that left before the hold began tells nothing new, so eight answers at once count as one strike.
        """
        strikes = self.strikes + 1 if sent_s >= self.since_s else self.strikes
        wait_s = min(shortest_s * min(2.0 ** (strikes - 1), _LONGEST_HOLD), longest_s)
        return replace(
            self,
            strikes=strikes,
            since_s=now_s if strikes > self.strikes else self.since_s,
            until_s=max(self.until_s, now_s + max(wait_s, asked_s)) if strikes > self.strikes else self.until_s,
        )

    def relieved(self, *, sent_s: float) -> Self:
        """A success that was sent after the hold began: the worker has recovered."""
        return type(self)() if sent_s >= self.since_s else self


@dataclass(frozen=True, slots=True)
class Lane:
    """Everything that decides whether a queue may dispatch at this moment."""

    bucket: TokenBucket
    max_concurrent: int
    hold: Hold = Hold()
    under_way: int = 0

    def reconfigured(self, *, per_second: float, burst: int, max_concurrent: int, now_s: float) -> Self:
        if (per_second, burst, max_concurrent) == (self.bucket.per_second, self.bucket.burst, self.max_concurrent):
            return self
        earned = self.bucket.refilled(now_s).tokens
        bucket = TokenBucket(per_second, burst, min(earned, burst), now_s)
        return replace(self, bucket=bucket, max_concurrent=max_concurrent)

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until the next dispatch is allowed, 0 for now; None if only a finished dispatch can open the lane."""
        if self.under_way >= self.max_concurrent:
            return None
        return max(self.hold.until_s - now_s, self.bucket.wait_s(now_s), 0.0)

    def dispatched(self, now_s: float) -> Self:
        return replace(self, bucket=self.bucket.refilled(now_s).taken(), under_way=self.under_way + 1)

    def finished(self) -> Self:
        return replace(self, under_way=max(0, self.under_way - 1))
