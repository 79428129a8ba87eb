"""Operators: listed addresses, and the members of listed groups (Cloud Identity).

An ID token names no groups, so membership is looked up, and cached for five minutes. Only direct members count:
Cloud Identity answers for groups within groups only in its more expensive editions.
Source: https://cloud.google.com/identity/docs/reference/rest/v1/groups.memberships/lookup
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlencode

from promptreel.ports.system import Clock

log = logging.getLogger(__name__)

CLOUD_IDENTITY_URL = "https://cloudidentity.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/cloud-identity.groups.readonly"
KEEP = timedelta(minutes=5)
TIMEOUT_S = 10.0
_GROUP = "group:"


class ListedOperators:
    """Operators by the deployment's list: addresses, and groups as ``group:ADDRESS``."""

    def __init__(self, listed: Iterable[str], clock: Clock, url: str = CLOUD_IDENTITY_URL) -> None:
        entries = [entry.lower() for entry in listed]
        self._people = {entry for entry in entries if not entry.startswith(_GROUP)}
        self._groups = [entry.removeprefix(_GROUP) for entry in entries if entry.startswith(_GROUP)]
        self._clock = clock
        self._url = url
        self._cached: dict[str, tuple[bool, datetime]] = {}

    def is_operator(self, email: str) -> bool:
        """Tell whether an address is listed or belongs to a listed group."""
        email = email.lower()
        if email in self._people:
            return True
        if not self._groups:
            return False
        now = self._clock.now()
        is_member, until = self._cached.get(email, (False, now))
        if until <= now:
            is_member = any(self._is_member(group, email) for group in self._groups)
            self._cached[email] = is_member, now + KEEP
        return is_member

    def _is_member(self, group: str, email: str) -> bool:
        """Cloud Identity answers 404 or 403 for an address that is no member; a failed look-up makes no operator."""
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - cold start

        try:
            if name := self._get(f"groups:lookup?{urlencode({'groupKey.id': group})}"):
                return bool(self._get(f"{name}/memberships:lookup?{urlencode({'memberKey.id': email})}"))
            reason = "no such group"
        except (GoogleAuthError, OSError, ValueError) as error:
            reason = repr(error)
        log.warning("group cannot be read", extra={"json_fields": {"group": group, "error": reason}})
        return False

    def _get(self, path: str) -> str:
        """Return the ``name`` in the answer; empty when it is not found or not visible to this service."""
        import google.auth  # noqa: PLC0415 - cold start
        from google.auth.transport.requests import AuthorizedSession  # noqa: PLC0415

        credentials, _ = google.auth.default(scopes=[SCOPE])
        answer = AuthorizedSession(credentials).get(f"{self._url}/v1/{path}", timeout=TIMEOUT_S)
        return str(answer.json()["name"]) if answer.ok else ""
