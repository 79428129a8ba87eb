"""Tokens for ``auth`` blocks: from the metadata server when there is one, else signed with a key of our own."""

import time
from functools import cached_property
from typing import Any, Protocol

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt

_ACCOUNT = "/computeMetadata/v1/instance/service-accounts/default"
_HEADERS = {"Metadata-Flavor": "Google"}
_TIMEOUT_S = 10.0
_LIFETIME_S = 3600
_OWN_EMAIL = "workflows@local.iam.gserviceaccount.com"
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"


class NoToken(Exception):
    pass


class Identity(Protocol):
    """The service account an execution acts as."""

    async def identity_token(self, audience: str) -> str:
        """Raises: NoToken."""

    async def access_token(self, scopes: list[str]) -> str:
        """Raises: NoToken."""


class MetadataIdentity:
    """Asks the GCE metadata server, as every program on Google's machines does."""

    def __init__(self, host: str) -> None:
        self._base = f"http://{host}{_ACCOUNT}"
        # One client for all tokens, since making one loads the machine's certificates; it keeps no connection open.
        self._client = httpx.AsyncClient(
            trust_env=False, timeout=_TIMEOUT_S, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def identity_token(self, audience: str) -> str:
        return (await self._get("identity", {"audience": audience, "format": "full"})).text.strip()

    async def access_token(self, scopes: list[str]) -> str:
        answer = await self._get("token", {"scopes": ",".join(scopes)})
        try:
            return str(answer.json()["access_token"])
        except (ValueError, KeyError) as error:
            raise NoToken("the metadata server answered without an access token") from error

    async def _get(self, what: str, query: dict[str, str]) -> httpx.Response:
        try:
            answer = await self._client.get(f"{self._base}/{what}", params=query, headers=_HEADERS)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise NoToken(f"the metadata server gave no {what}: {error!r}") from error
        return answer


class OwnIdentity:
    """Signs for itself: the shape of Google's tokens, with a key that no other program trusts unless configured to."""

    def __init__(self, email: str) -> None:
        self._email = email

    @cached_property
    def _signer(self) -> Any:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return crypt.RSASigner.from_string(pem, key_id="local-workflows")

    async def identity_token(self, audience: str) -> str:
        return self._signed({"aud": audience})

    async def access_token(self, scopes: list[str]) -> str:
        return self._signed({"scope": " ".join(scopes)})

    def _signed(self, claims: dict[str, Any]) -> str:
        now_s = int(time.time())
        common = {
            "iss": "https://accounts.google.com",
            "sub": self._email,
            "email": self._email,
            "email_verified": True,
            "iat": now_s,
            "exp": now_s + _LIFETIME_S,
        }
        return bytes(jwt.encode(self._signer, {**common, **claims})).decode()


def identity_from(metadata_host: str) -> Identity:
    """The metadata server's account where one is named (GCE_METADATA_HOST), else our own."""
    return MetadataIdentity(metadata_host) if metadata_host else OwnIdentity(_OWN_EMAIL)
