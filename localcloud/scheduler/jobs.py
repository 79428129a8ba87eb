"""Jobs of the Cloud Scheduler stand-in, their file and their timetable. Values and pure rules; no calls."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.identity import is_loopback


class BadConfig(Exception):
    """The configuration file is not usable; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    url: str  # loopback only
    every_s: float
    audience: str  # of the OIDC token
    account: str  # e-mail address; without one the call is not signed

    def due_after(self, now_s: float, first_s: float) -> float:
        """The next moment of the timetable strictly after `now_s`; it ticks from `first_s` on, whatever a run takes."""
        if now_s < first_s:
            return first_s
        return first_s + (math.floor((now_s - first_s) / self.every_s) + 1) * self.every_s


def load(file: Path) -> tuple[Job, ...]:
    """The jobs of ``{"jobs": [{"name", "url", "every_s", "audience"?, "account"?}]}``. Raises: BadConfig."""
    try:
        listed = json.loads(file.read_text())["jobs"]
        jobs = tuple(_job(entry) for entry in listed)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise BadConfig(f"{file}: {exc!r}") from exc
    if len({job.name for job in jobs}) < len(jobs):
        raise BadConfig(f"{file}: two jobs have the same name.")
    return jobs


def _job(entry: Mapping[str, Any]) -> Job:
    job = Job(
        name=str(entry["name"]),
        url=str(entry["url"]),
        every_s=float(entry["every_s"]),
        audience=str(entry.get("audience") or entry["url"]),
        account=str(entry.get("account") or ""),
    )
    if not is_loopback(job.url):
        raise BadConfig(f"Job {job.name} calls {job.url}, which is not on this machine.")
    if not job.every_s > 0:
        raise BadConfig(f"Job {job.name} must have every_s above 0.")
    return job
