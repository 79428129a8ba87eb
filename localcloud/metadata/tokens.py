"""What Google's token services issue: ID tokens for an audience, access tokens for an account.

Tokens are self-contained and signed, so a restarted stand-in still knows those it issued before. Time is passed in.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.auth import exceptions, jwt

from localcloud.metadata.keys import SigningKey

ISSUER = "https://accounts.google.com"
TOKEN_LIFETIME_S = 3600  # one hour, as Google's

_ACCESS_PREFIX = "ya29."
_ACCESS_AUDIENCE = "https://oauth2.googleapis.com/token"


class TokenRefused(Exception):
    """The text is not a token of this stack, or no longer a valid one."""


@dataclass(frozen=True, slots=True)
class Mint:
    """Issues tokens with one key; ``now_s`` is the Unix time of the moment."""

    key: SigningKey
    now_s: Callable[[], float]

    def id_token(self, email: str, audience: str, lifetime_s: int = TOKEN_LIFETIME_S) -> str:
        issued = int(self.now_s())
        claims = {
            "iss": ISSUER,
            "aud": audience,
            "azp": subject(email),
            "sub": subject(email),
            "email": email,
            "email_verified": True,
            "iat": issued,
            "exp": issued + lifetime_s,
        }
        return sign_jwt(self.key, claims)

    def access_token(self, email: str, lifetime_s: int = TOKEN_LIFETIME_S) -> str:
        """Opaque to its holder, who may only pass it on."""
        issued = int(self.now_s())
        claims = {"aud": _ACCESS_AUDIENCE, "email": email, "iat": issued, "exp": issued + lifetime_s}
        return _ACCESS_PREFIX + base64.urlsafe_b64encode(sign_jwt(self.key, claims).encode()).decode()

    def holder(self, access_token: str) -> dict[str, Any]:
        """The claims of a valid access token: ``email``, ``iat``, ``exp``.

        Raises:
            TokenRefused: it is not ours, or has expired.
        """
        try:
            inner = base64.urlsafe_b64decode(access_token.removeprefix(_ACCESS_PREFIX)).decode()
        except (binascii.Error, ValueError) as exc:
            raise TokenRefused("not an access token") from exc
        return verify(inner, {self.key.key_id: self.key.certificate}, _ACCESS_AUDIENCE)


def verify(token: str, certificates: Mapping[str, str], audience: str) -> dict[str, Any]:
    """The claims of a JWT signed by one of the certificates (by key id), for this audience and not expired.

    Raises:
        TokenRefused: it is not that.
    """
    try:
        claims = jwt.decode(token, certs=certificates, audience=audience)
    except (exceptions.GoogleAuthError, ValueError) as exc:
        raise TokenRefused(str(exc)) from exc
    return dict(claims)


def sign_jwt(key: SigningKey, claims: dict[str, Any]) -> str:
    header = {"alg": "RS256", "kid": key.key_id, "typ": "JWT"}
    signed = f"{_base64url_json(header)}.{_base64url_json(claims)}"
    return f"{signed}.{_base64url(key.sign(signed.encode()))}"


def key_id_of(token: str) -> str:
    """Which key a JWT claims to be signed with; nothing is verified yet.

    Raises:
        TokenRefused: it is no JWT.
    """
    try:
        return str(jwt.decode_header(token).get("kid"))
    except (exceptions.GoogleAuthError, ValueError) as exc:
        raise TokenRefused(str(exc)) from exc


def is_service_account(email: str) -> bool:
    return "@" in email and email.endswith(".gserviceaccount.com")


def subject(email: str) -> str:
    """A stable stand-in for Google's numeric unique id of an account: 21 digits."""
    return str(10**20 + int.from_bytes(hashlib.sha256(email.encode()).digest()[:8], "big"))


def _base64url_json(value: dict[str, Any]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
