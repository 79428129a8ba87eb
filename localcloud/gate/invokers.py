"""Who may call a service: the file of services, and the decision that Cloud Run makes from one header.

That header is ``X-Serverless-Authorization`` when the request has it, else ``Authorization``. "If both headers are
provided, only the X-Serverless-Authorization header is checked": the other one reaches the service as it was sent.
Source: https://cloud.google.com/run/docs/authenticating/service-to-service
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from localcloud.metadata.tokens import TokenRefused, is_service_account, key_id_of, verify

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


_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_KEYS_LIVE_S = 3600.0  # the max-age Google's certificates are sent with
SERVERLESS = "x-serverless-authorization"
_SIGNATURE_REMOVED = "SIGNATURE_REMOVED_BY_GOOGLE"


class Unauthenticated(Exception):
    """401: the request proves no identity."""


class Forbidden(Exception):
    """403: the identity is proven and has no right here."""


@dataclass(slots=True)
class Certificates:
    """The signers' certificates, fetched when first needed and again when one is unknown or the set is old."""

    url: str
    client: httpx.AsyncClient
    clock_s: Callable[[], float] = time.monotonic
    _by_key_id: Mapping[str, str] = field(default_factory=dict)
    _fetched_s: float = 0.0

    async def current(self, key_id: str) -> Mapping[str, str]:
        if key_id not in self._by_key_id or self.clock_s() - self._fetched_s > _KEYS_LIVE_S:
            try:
                answer = await self.client.get(self.url)
                answer.raise_for_status()
            except httpx.HTTPError as exc:
                raise Unauthenticated(f"the signing keys cannot be read: {exc}") from exc
            self._by_key_id = answer.json()
            self._fetched_s = self.clock_s()
        return self._by_key_id


def checked_header(headers: Mapping[str, str]) -> str:
    """The name of the header whose token decides; ``headers`` compares names without case."""
    return SERVERLESS if SERVERLESS in headers else "authorization"


async def check_invoker(authorization: str, service: Service, certificates: Certificates) -> str:
    """The checked header as the service may see it: the same token, its signature taken off.

    Raises:
        Unauthenticated: no ID token, or one that is forged, expired or meant for another audience.
        Forbidden: the token's owner is no invoker of this service.
    """
    bearer = _BEARER.fullmatch(authorization.strip())
    if bearer is None:
        raise Unauthenticated("a request needs an ID token as Bearer")
    token = bearer[1]
    try:
        claims = verify(token, await certificates.current(key_id_of(token)), service.audience)
    except TokenRefused as exc:
        raise Unauthenticated(str(exc)) from exc
    if not _is_invoker(claims, service):
        raise Forbidden(f"{claims.get('email')} is no invoker of {service.name}")
    header, payload, _ = token.split(".")
    return f"Bearer {header}.{payload}.{_SIGNATURE_REMOVED}"


def _is_invoker(claims: Mapping[str, Any], service: Service) -> bool:
    email = claims.get("email")
    if not isinstance(email, str) or claims.get("email_verified") is not True:
        return False
    return email in service.invokers or (service.people and not is_service_account(email))
