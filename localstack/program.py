"""A process of the stack as a value: what is run, with what environment, and how it shows that it is ready."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HANG_S = 60.0  # a busy machine stands still for half of that


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(repr=False)
    """The whole environment: nothing else is inherited."""
    health_urls: tuple[str, ...] = ()
    """Ready when each answers below 500. A function has no page of its own to ask; its framework's 404 will do."""
    hang_s: float | None = HANG_S
    """Unanswered for so long it is as good as dead; None for one whose threads may all be busy with real work."""
