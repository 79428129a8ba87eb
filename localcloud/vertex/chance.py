"""Choices that look random and are not: every draw is a hash of what it depends on, so a repeat draws the same."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_SPAN = 1 << 64


def number(*causes: object) -> int:
    """A whole number below 2**64 that depends on all causes and nothing else."""
    digest = hashlib.blake2b("\x1f".join(map(repr, causes)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def fraction(*causes: object) -> float:
    """A number in [0, 1)."""
    return number(*causes) / _SPAN


def between(low: float, high: float, *causes: object) -> float:
    return low + (high - low) * fraction(*causes)


def pick(options: Sequence[T], *causes: object) -> T:
    return options[number(*causes) % len(options)]
