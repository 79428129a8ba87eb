"""Which jobs of an owner are unfinished: the places of the owner's quota (docs/adr/0028)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from promptreel.domain import identifiers
from promptreel.domain.document import Document, UtcDatetime


@dataclass(frozen=True, slots=True)
class Limits:
    """What an owner may do at once: ``active_jobs`` unfinished jobs, ``requests_per_minute`` to an instance."""

    active_jobs: int
    requests_per_minute: int


class ActiveJobs(Document):
    """``active/{digest of the owner}``: jobs that were unfinished when one was last stored or resumed; no name."""

    id: str
    jobs: tuple[str, ...] = ()
    created: UtcDatetime
    updated: UtcDatetime

    @classmethod
    def of_nothing(cls, owner: str, now: datetime) -> "ActiveJobs":
        """The document of an owner without jobs."""
        return cls(id=active_jobs_id(owner), created=now, updated=now)

    def with_jobs(self, jobs: Collection[str], now: datetime) -> "ActiveJobs":
        """The document with these jobs."""
        return self._copy_with({"jobs": tuple(jobs), "updated": now})


def active_jobs_id(owner: str) -> str:
    """The id of an owner's document."""
    return identifiers.digest("active", owner)
