"""Send slots: the requests a minute that a video model's provider accepts, taken by priority (docs/adr/0032).

The rule is the generic cell rate algorithm: one time stamp for each model says until when its slots are taken. Pure.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from promptreel.domain import identifiers
from promptreel.domain.document import Document, UtcDatetime

Priority = Literal["standard", "high"]

WINDOW_S = 60.0  # over which providers count requests
ON_THE_WAY_S = 2.0  # of real time, by which requests may reach the provider closer together than they left
HIGH_SHARE = 5  # one of so many requests of a window may be sent at once, by a job of high priority alone


@dataclass(frozen=True, slots=True)
class Cadence:
    """The seconds from one slot of a model to the next, and how many slots high priority may take at once."""

    interval_s: float
    burst: int

    @classmethod
    def of(cls, quota_per_minute: int, pace: float) -> "Cadence":
        """The shortest cadence by which no window holds more requests than the quota."""
        burst = max(1, quota_per_minute // HIGH_SHARE)
        window_s = WINDOW_S * pace + ON_THE_WAY_S
        return cls(interval_s=window_s / (quota_per_minute - burst + 1), burst=burst)

    def send_at(self, taken_until: datetime, priority: Priority, now: datetime) -> datetime:
        """When a request may be sent: standard ones in the first free slot, high ones up to a burst earlier."""
        early_s = (self.burst - 1) * self.interval_s if priority == "high" else 0.0
        return max(now, taken_until - timedelta(seconds=early_s))

    def take(self, taken_until: datetime, now: datetime) -> datetime:
        """Until when slots are taken once one more is."""
        return max(now, taken_until) + timedelta(seconds=self.interval_s)


class SendSlots(Document):
    """``send_slots/{digest of the model}``: one for each video model, with nothing of a job or an owner."""

    id: str
    model: str
    taken_until: UtcDatetime
    updated: UtcDatetime

    def evolve(self, *, taken_until: datetime, updated: datetime) -> "SendSlots":
        """The slots with these fields changed."""
        return self._copy_with({"taken_until": taken_until, "updated": updated})


def slots_id(model: str) -> str:
    """The id of a model's document."""
    return identifiers.digest("send_slots", model)
