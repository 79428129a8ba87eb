"""The stand-in's parts in one value, and what the control surface does to them as a whole."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.vertex import profile as profiles
from localcloud.vertex.faults import Faults
from localcloud.vertex.profile import Profile
from localcloud.vertex.quota import Quota
from localcloud.vertex.storage import Storage
from localcloud.vertex.store import Store


@dataclass(slots=True)
class Standin:
    """``workers`` paint and render, never more at once than there are cores; ``now`` is seconds since the epoch."""

    store: Store
    storage: Storage
    workers: ThreadPoolExecutor
    first_profile: Profile = field(default_factory=Profile)
    now: Callable[[], float] = time.time
    profile: Profile = field(init=False)
    faults: Faults = field(init=False)
    quota: Quota = field(init=False)

    def __post_init__(self) -> None:
        """Go on as before a restart: orders given over the control surface outlive the process."""
        saved = self.store.saved("profile")
        self.profile = profiles.read(saved) if saved else self.first_profile
        self.faults = Faults()
        if counted := self.store.saved("faults"):
            self.faults.load(counted)
        self.quota = Quota(self.now)

    @property
    def today(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    def behave(self, ordered: Mapping[str, Any]) -> None:
        """Raises: ValueError for something that is not a profile."""
        self.profile = profiles.read(ordered)
        self.store.save("profile", profiles.write(self.profile))

    def save_faults(self) -> None:
        self.store.save("faults", self.faults.json())

    def reset(self) -> None:
        """As at the first start: no operations, no bills, no orders. Running clips must have been stopped before."""
        self.store.clear()
        self.profile = self.first_profile
        self.faults = Faults()
        self.quota.clear()
