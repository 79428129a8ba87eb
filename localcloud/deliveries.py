"""Duplicates on order: at-least-once delivery made visible.

The draw is seeded, so a test that saw a duplicate sees the same one again; every ordered duplicate is counted.
"""

import random
from collections.abc import Mapping
from typing import Any

from localcloud.serving import ApiError


class Draw:
    """One chance: seeded, and counted when it comes true."""

    def __init__(self, rate: float = 0.0, seed: int = 0) -> None:
        self.rate = rate
        self.happened = 0
        self._random = random.Random(seed)  # noqa: S311 - reproducible on purpose

    def triggers(self) -> bool:
        if self.rate and self._random.random() < self.rate:
            self.happened += 1
            return True
        return False


class Duplicates:
    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._seed = 0
        self._draw = Draw()

    def order(self, wish: Mapping[str, Any]) -> None:
        """Replace the order: ``{"duplicate_rate": 0..1, "seed": int}``; the count starts again. Raises: ApiError."""
        rate, seed = read_rate(wish, "duplicate_rate"), wish.get("seed", 0)
        if set(wish) - {"duplicate_rate", "seed"} or not isinstance(seed, int):
            raise ApiError(400, f"Faults are duplicate_rate (0 to 1) and seed (a whole number), got {dict(wish)}.")
        self._seed, self._draw = seed, Draw(rate, seed)

    def must_repeat(self) -> bool:
        """Whether the delivery at hand is to be made twice."""
        return self._draw.triggers()

    def report(self) -> dict[str, Any]:
        return {"duplicate_rate": self._draw.rate, "seed": self._seed, "duplicated": self._draw.happened}


def read_rate(wish: Mapping[str, Any], name: str) -> float:
    """A chance from an order, 0 without one. Raises: ApiError."""
    rate = wish.get(name, 0.0)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise ApiError(400, f"{name} is a number from 0 to 1, got {rate!r}.")
    return float(rate)
