"""An owner's webhooks: register an address, remove it, try it, and change the signing secret."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, TypeVar

from pydantic import Field, StringConstraints

from promptreel.domain import identifiers
from promptreel.domain.document import Frozen
from promptreel.domain.request import validate_fields
from promptreel.domain.webhooks import (
    EVENT_TYPES,
    MAX_EARLIER,
    MAX_ENDPOINTS,
    MAX_URL_CHARS,
    OVERLAP_S,
    TEST_EVENT,
    Endpoint,
    EventType,
    Webhooks,
    endpoint_id,
    make_body,
    webhooks_id,
)
from promptreel.errors import Conflict, Invalid, NotFound, PromptreelError, VersionConflict
from promptreel.ports.pictures import Unfetchable
from promptreel.ports.storage import Create, Replace, Versioned
from promptreel.ports.webhooks import Sent, WebhookMessage
from promptreel.services import Services
from promptreel.usecases.deliver_webhook import read_secrets

log = logging.getLogger(__name__)

TEST_TIMEOUT_S = 10.0

T = TypeVar("T")


class WebhookRequest(Frozen):
    """The body of a registration: an https address, and which events are sent there (all of them by default)."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=MAX_URL_CHARS)]
    events: Annotated[tuple[EventType, ...], Field(min_length=1)] = EVENT_TYPES


@dataclass(frozen=True, slots=True)
class Registered:
    """The endpoint, and the owner's secret when this registration made it."""

    endpoint: Endpoint
    secret: str | None


@dataclass(frozen=True, slots=True)
class Rotated:
    """The new secret. Until ``previous_until`` the one before signs as well."""

    secret: str
    previous_until: datetime


def list_endpoints(owner: str, services: Services) -> tuple[Endpoint, ...]:
    """The endpoints of an owner, in the order of their registration."""
    read = services.jobs.get_webhooks(owner)
    return read.value.endpoints if read else ()


def register(owner: str, payload: object, services: Services) -> Registered:
    """Register an address. Idempotent: the same address is the same endpoint, with the events named last.

    Raises: Invalid for an address that is not on the public Internet; Conflict for one endpoint too many.
    """
    asked = validate_fields(WebhookRequest, payload)
    try:
        services.webhooks.check(asked.url)
    except Unfetchable as error:
        raise Invalid(
            f"url: cannot be used: {error}.",
            remedy="Name an https address on the public Internet, without a port, user name or password.",
        ) from error
    name, now = webhooks_id(owner), services.clock.now()
    events = tuple(dict.fromkeys(asked.events))
    endpoint = Endpoint(id=endpoint_id(owner, asked.url), url=asked.url, events=events, created=now)
    if services.jobs.get_webhooks(owner) is None:
        secret = services.secrets.add(name)
        first = Webhooks(id=name, endpoints=(endpoint,), secret=secret.version, created=now, updated=now)
        try:
            services.jobs.write(Create("", first))
        except VersionConflict:  # another registration was first, and its secret stays
            _destroy(name, secret.version, services)
        else:
            return Registered(endpoint, secret.value)
    return Registered(_change(owner, services, lambda webhooks: _add(webhooks, endpoint, now)), None)


def remove(owner: str, endpoint: str, services: Services) -> None:
    """Remove an endpoint: nothing more is sent there, what waits for it is dropped. Raises: NotFound."""

    def change(webhooks: Webhooks) -> tuple[Webhooks, None]:
        removed = _require(webhooks, endpoint)
        others = tuple(one for one in webhooks.endpoints if one is not removed)
        return webhooks.evolve(endpoints=others, updated=services.clock.now()), None

    _change(owner, services, change)


def rotate(owner: str, services: Services) -> Rotated:
    """Make a new secret. For a day, messages carry the signatures of both.

    A rotation that is repeated because its answer was lost shortens no other secret's day.

    Raises: NotFound without an endpoint; Conflict for too many rotations in a day.
    """
    name, read = webhooks_id(owner), services.jobs.get_webhooks(owner)
    if read is None:
        raise _no_webhooks()
    if len(read.value.signing_versions(services.clock.now())) > MAX_EARLIER:
        raise Conflict(
            f"{MAX_EARLIER} secrets of the last day still sign, which is the limit.",
            code="too_many_rotations",
            remedy="Rotate again tomorrow.",
        )
    secret = services.secrets.add(name)
    until = services.clock.now() + timedelta(seconds=OVERLAP_S * services.pace)

    def change(webhooks: Webhooks) -> tuple[Webhooks, set[str]]:
        changed = webhooks.with_secret(secret.version, until, services.clock.now())
        kept = {one.version for one in changed.earlier}
        return changed, {one.version for one in webhooks.earlier} - kept

    for version in sorted(_change(owner, services, change)):  # they sign nothing any more
        _destroy(name, version, services)
    return Rotated(secret.value, until)


def send_test(owner: str, endpoint: str, services: Services) -> Sent:
    """Send one event of type ``webhook.test`` now, once. Raises: NotFound."""
    read, now = services.jobs.get_webhooks(owner), services.clock.now()
    if read is None:
        raise _no_webhooks()
    target = _require(read.value, endpoint)
    body = make_body(TEST_EVENT, {"webhook": target.id}, now)
    secrets = read_secrets(read.value, now, services)
    event = f"evt-{identifiers.digest(TEST_EVENT, services.ids.new_token())}"
    return services.webhooks.send(WebhookMessage(event, target.url, body, secrets), now, TEST_TIMEOUT_S)


def _add(webhooks: Webhooks, endpoint: Endpoint, now: datetime) -> tuple[Webhooks, Endpoint]:
    known = webhooks.find(endpoint.id)
    if known is not None:
        endpoint = endpoint.evolve(created=known.created)
    elif len(webhooks.endpoints) >= MAX_ENDPOINTS:
        raise Conflict(
            f"url: there are {MAX_ENDPOINTS} webhooks already, which is the limit.",
            code="too_many_webhooks",
            remedy="Delete one of them first.",
        )
    return webhooks.with_endpoint(endpoint, now), endpoint


def _change(owner: str, services: Services, change: Callable[[Webhooks], tuple[Webhooks, T]]) -> T:
    """Change the owner's webhooks by compare-and-set. Raises: NotFound."""
    jobs = services.jobs

    def attempt() -> T:
        read: Versioned[Webhooks] | None = jobs.get_webhooks(owner)
        if read is None:
            raise _no_webhooks()
        changed, result = change(read.value)
        jobs.write(Replace("", read, changed))
        return result

    return jobs.retry_on_conflict(attempt)


def _destroy(name: str, version: str, services: Services) -> None:
    """Destroy a version that signs nothing; one that stays is no reason to fail."""
    try:
        services.secrets.destroy(name, version)
    except PromptreelError as error:
        log.warning("signing secret left", extra={"json_fields": {"secret": name, "error": str(error)}})


def _require(webhooks: Webhooks, endpoint: str) -> Endpoint:
    found = webhooks.find(endpoint)
    if found is None:
        raise NotFound(f"There is no webhook {endpoint[:80]}.")
    return found


def _no_webhooks() -> NotFound:
    return NotFound("You have no webhook.", remedy="Register one with POST /v1/webhooks.")
