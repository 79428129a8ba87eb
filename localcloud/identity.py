"""Tokens for what the stand-ins send: a small client of the GCE metadata server.

Google signs a delivery in the name of the account that a task, job or trigger names; here the metadata stand-in does.
No token is cached: the server is next door, and after a restart it may sign with another key.
A token must never leave this machine, so the rule about which targets are allowed lives here too.
"""

import ipaddress
from collections.abc import Mapping
from typing import Self
from urllib.parse import quote, urlsplit

import httpx

_ACCOUNTS = "/computeMetadata/v1/instance/service-accounts"
_TIMEOUT_S = 10.0


class TokenUnavailable(Exception):
    """The metadata server is configured but did not give a token: the delivery cannot be signed."""


def is_loopback(url: str) -> bool:
    """Whether a URL stays on this machine: the only kind of target a stand-in may reach."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Identity:
    """Asks the metadata server for tokens; without one configured, deliveries go out unsigned."""

    def __init__(self, metadata_host: str | None) -> None:
        self._base = f"http://{metadata_host}{_ACCOUNTS}" if metadata_host else None
        self._client = httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT_S)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        return cls(environ.get("GCE_METADATA_HOST"))

    async def close(self) -> None:
        await self._client.aclose()

    async def id_token(self, audience: str, account: str) -> str | None:
        """An OIDC token of the account for the audience; None without a metadata server.

        Raises: TokenUnavailable.
        """
        answer = await self._ask(account, "identity", {"audience": audience, "format": "full"})
        return None if answer is None else answer.text.strip()

    async def access_token(self, account: str, scope: str = "") -> str | None:
        """An OAuth2 access token of the account; None without a metadata server.

        Raises: TokenUnavailable.
        """
        answer = await self._ask(account, "token", {"scopes": scope} if scope else {})
        if answer is None:
            return None
        try:
            return str(answer.json()["access_token"])
        except (ValueError, KeyError, TypeError) as exc:
            raise TokenUnavailable(f"The metadata server's access token for {account} is not readable.") from exc

    async def _ask(self, account: str, kind: str, query: Mapping[str, str]) -> httpx.Response | None:
        if self._base is None:
            return None
        url = f"{self._base}/{quote(account, safe='@')}/{kind}"
        try:
            answer = await self._client.get(url, params=dict(query), headers={"Metadata-Flavor": "Google"})
        except httpx.HTTPError as exc:
            raise TokenUnavailable(f"The metadata server did not answer for {account}: {exc!r}") from exc
        if answer.status_code != httpx.codes.OK:
            raise TokenUnavailable(f"The metadata server answered {answer.status_code} for {account}.")
        return answer
