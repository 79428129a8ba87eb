"""Duplicates on order: at-least-once delivery made visible.

The draw is seeded, so a test that saw a duplicate sees the same one again; every ordered duplicate is counted.
"""

import random
from collections.abc import Mapping
from typing import Any

from localcloud.serving import ApiError


class Duplicates:
    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._rate = 0.0
        self._seed = 0
        self._random = random.Random(self._seed)  # noqa: S311 - reproducible on purpose
        self.happened = 0

    def order(self, wish: Mapping[str, Any]) -> None:
        """Replace the order: ``{"duplicate_rate": 0..1, "seed": int}``; the count starts again."""
        rate, seed = wish.get("duplicate_rate", 0.0), wish.get("seed", 0)
        unknown = sorted(set(wish) - {"duplicate_rate", "seed"})
        numeric = isinstance(rate, int | float) and not isinstance(rate, bool) and 0 <= rate <= 1
        if unknown or not numeric or not isinstance(seed, int):
            raise ApiError(400, f"Faults are duplicate_rate (0 to 1) and seed (a whole number), got {dict(wish)}.")
        self.clear()
        self._rate, self._seed = float(rate), seed
        self._random = random.Random(seed)  # noqa: S311 - reproducible on purpose

    def drawn(self) -> bool:
        """Whether the delivery at hand is to be made twice."""
        if self._rate and self._random.random() < self._rate:
            self.happened += 1
            return True
        return False

    def report(self) -> dict[str, Any]:
        return {"duplicate_rate": self._rate, "seed": self._seed, "duplicated": self.happened}
