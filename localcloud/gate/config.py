"""The gate's file of services: who may call what, and where it runs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

DEFAULT_TIMEOUT_S = 300.0  # Cloud Run's own default; https://cloud.google.com/run/docs/configuring/request-timeout

# Cloud Run holds a request so long for an instance that starts; https://cloud.google.com/run/docs/about-instance-autoscaling
COLD_START_S = 10.0

# At its maximum a service lets a request wait so long for a place, or 3.5 times the start of an instance where that is
# longer; then it answers 429. https://cloud.google.com/run/docs/about-instance-autoscaling
PENDING_S = 10.0


@dataclass(frozen=True, slots=True)
class Service:
    """One guarded service: its listener, its backend and the rights on it."""

    name: str
    port: int
    backend: str
    """Origin the requests go on to, ``http://127.0.0.1:PORT``."""
    audience: str
    """What an ID token's ``aud`` must be."""
    invokers: frozenset[str] = frozenset()
    """E-mail addresses with the invoker role."""
    people: bool = False
    """Whether every signed-in person may call, as with IAP or a domain-wide grant."""
    timeout_s: float = DEFAULT_TIMEOUT_S
    cold_start_s: float = COLD_START_S
    """How long a request waits for a backend that does not listen yet, or again."""
    capacity: int | None = None
    """How many requests all instances together serve at once; None for no limit."""
    pending_s: float = PENDING_S
    """How long a request waits for a place when there is none."""


@dataclass(frozen=True, slots=True)
class GateConfig:
    certs_url: str
    """X.509 certificates by key id, the form of Google's ``/oauth2/v1/certs``."""
    services: tuple[Service, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        document = json.loads(path.read_text())
        services = (
            Service(**entry | {"invokers": frozenset(entry.get("invokers", ()))}) for entry in document["services"]
        )
        return cls(document["certs_url"], tuple(services))
