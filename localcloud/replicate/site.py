"""What all calls share: models, store, profile, faults, limits and the address under which the stand-in is reached."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.replicate.faults import Faults
from localcloud.replicate.limits import Throttle
from localcloud.replicate.registry import Models
from localcloud.replicate.store import Store
from localcloud.vertex.faults import Hits
from localcloud.vertex.standin import Profile
from localcloud.vertex.standin import read as read_profile
from localcloud.vertex.standin import write as write_profile

KIND = "video"  # what the profile's latencies call it
_MINUTE_S = 60.0


@dataclass(slots=True)
class Site:
    """``workers`` render, never more at once than there are cores; ``now`` is seconds since the epoch."""

    models: Models
    store: Store
    workers: ThreadPoolExecutor
    base_url: str
    token: str | None = None  # the only one that is let in; None: any
    first_profile: Profile = field(default_factory=Profile)
    now: Callable[[], float] = time.time
    profile: Profile = field(init=False)
    faults: Faults = field(init=False)
    throttle: Throttle = field(init=False)

    def __post_init__(self) -> None:
        """Go on as before a restart: orders given over the control surface outlive the process."""
        saved = self.store.saved("profile")
        self.profile = read_profile(saved) if saved else self.first_profile
        self.faults = Faults()
        if counted := self.store.saved("faults"):
            self.faults.load(counted)
        self.throttle = Throttle(self.now)

    @property
    def minute_s(self) -> float:
        """Real seconds of one minute of the profile."""
        return _MINUTE_S * self.profile.time_scale

    @property
    def today(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    @property
    def credit_micros(self) -> int | None:
        """What is left of the credit that was ordered; None without an order."""
        granted = self.store.saved("credit")
        return None if granted is None else int(granted) - self.store.ledger.spent_micros()

    def strike(self, model_id: str, method: str, kind: str) -> Hits:
        """The faults of this call; asking counts the call."""
        hits = self.faults.strike(model_id, method, kind, self.profile.seed)
        if self.faults.rules:
            self.save_faults()
        return hits

    def save_faults(self) -> None:
        self.store.save("faults", self.faults.json())

    def behave(self, ordered: Mapping[str, Any]) -> None:
        """Raises: ValueError for something that is not a profile."""
        self.profile = read_profile(ordered)
        self.store.save("profile", write_profile(self.profile))

    def grant(self, micros: int | None) -> None:
        """Set the credit that is left from now on; None: there is always enough."""
        self.store.save("credit", None if micros is None else micros + self.store.ledger.spent_micros())

    def reset(self) -> None:
        """As at the first start. Running predictions must have been stopped before."""
        self.store.clear()
        self.profile = self.first_profile
        self.faults = Faults()
        self.throttle.clear()


def iso(moment_s: float) -> str:
    """The moment as the API writes it: UTC, with microseconds and a Z."""
    return datetime.fromtimestamp(moment_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
