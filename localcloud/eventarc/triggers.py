"""Triggers: which bucket change goes where, and the file that says so. Values only; no calls may enter here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.identity import is_loopback


class BadConfig(Exception):
    """The configuration file is not usable; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Service:
    """An HTTP service that receives the event in CloudEvents' binary mode."""

    url: str
    audience: str  # of the OIDC token


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow that is executed with the event as its argument."""

    name: str  # projects/P/locations/L/workflows/W
    executions_api: str  # origin of the Workflow Executions API

    @property
    def url(self) -> str:
        return f"{self.executions_api}/v1/{self.name}/executions"


@dataclass(frozen=True, slots=True)
class Trigger:
    name: str
    bucket: str
    event: str  # a CloudEvent type such as google.cloud.storage.object.v1.finalized
    account: str  # e-mail address; without one the delivery is not signed
    destination: Service | Workflow

    def wants(self, event_type: str, bucket: str) -> bool:
        return (self.event, self.bucket) == (event_type, bucket)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits between deliveries. Eventarc waits 10 s to 600 s; on one machine that is long, so the file may say less."""

    min_s: float = 0.5
    max_s: float = 60.0

    def wait_s(self, failures: int) -> float:
        """Seconds after the n-th failure, counted from 1."""
        # 2**64 of anything is past every max_s; the bound keeps the arithmetic in floats.
        return min(self.min_s * 2.0 ** min(failures - 1, 64), self.max_s)


@dataclass(frozen=True, slots=True)
class Config:
    triggers: tuple[Trigger, ...]
    backoff: Backoff


def load(file: Path) -> Config:
    """``{"triggers": […], "backoff"?: {"min_s", "max_s"}}``.

    A trigger goes to a workflow (``workflow`` and ``workflows_url``) or to a service (``url``).

    Raises: BadConfig.
    """
    try:
        document = json.loads(file.read_text())
        triggers = tuple(_trigger(entry) for entry in document["triggers"])
        backoff = Backoff(**document.get("backoff", {}))
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise BadConfig(f"{file}: {exc!r}") from exc
    if len({trigger.name for trigger in triggers}) < len(triggers):
        raise BadConfig(f"{file}: two triggers have the same name.")
    return Config(triggers, backoff)


def _trigger(entry: Mapping[str, Any]) -> Trigger:
    destination: Service | Workflow
    if "workflow" in entry:
        destination = Workflow(str(entry["workflow"]), str(entry["workflows_url"]).rstrip("/"))
    else:
        destination = Service(str(entry["url"]), str(entry.get("audience") or entry["url"]))
    if not is_loopback(destination.url):
        raise BadConfig(f"Trigger {entry['name']} delivers to {destination.url}, which is not on this machine.")
    return Trigger(
        name=str(entry["name"]),
        bucket=str(entry["bucket"]),
        event=str(entry["event"]),
        account=str(entry.get("account") or ""),
        destination=destination,
    )
