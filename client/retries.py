"""Asking again: only what may be repeated, a bounded number of times, with jitter, never sooner than the server wishes.

Knows HTTP faults, nothing of jobs.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

import httpx

from client.problems import NotReachable, ProblemError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how fast; waits are drawn between 0 and a bound that doubles (full jitter)."""

    tries: int = 4  # the first one included
    first_wait_s: float = 0.5
    longest_wait_s: float = 8.0
    longest_asked_s: float = 60.0  # a server that asks for more is answered by giving up, not by coming sooner
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random

    def wait_s(self, failed: int, asked_s: float | None) -> float | None:
        """Seconds before the next try after `failed` failures (from 1), or None to give up."""
        if failed >= self.tries or (asked_s or 0.0) > self.longest_asked_s:
            return None
        bound_s = min(self.first_wait_s * 2 ** (failed - 1), self.longest_wait_s)
        return (asked_s or 0.0) + self.chance() * float(bound_s)


def repeated(attempt: Callable[[], T], *, repeatable: bool, retries: Retries) -> T:
    """The first good outcome of `attempt`, called again while that is safe and worth it.

    Raises: ProblemError when the API says no, NotReachable when no whole answer came.
    """
    for failed in count(1):
        try:
            return attempt()
        except ProblemError as problem:
            wait_s = retries.wait_s(failed, problem.retry_after_s) if problem.may_pass else None
            if not repeatable or wait_s is None:
                raise
        except httpx.RequestError as error:
            wait_s = retries.wait_s(failed, None)
            if not repeatable or wait_s is None:
                raise NotReachable(
                    f"No answer from {error.request.url.netloc.decode()}: {error}.",
                    remedy="Check the address in PROMPTREEL_API and that the API is running.",
                ) from error
        retries.sleep(wait_s)
    raise AssertionError  # count() never ends
