"""ID tokens for an audience and access tokens for an account, as Google's token services issue them, and their keys.

The keys are kept in a folder that several stand-ins share, so that a restart changes no signature. `GOOGLE` signs
tokens, as Google's own keys do; `ACCOUNTS` signs what service accounts sign. They differ because a blob that an account
may sign freely must never pass for a token of Google's. Nothing about HTTP may enter here.
"""

import base64
import binascii
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from google.auth import exceptions, jwt

GOOGLE = "google"
ACCOUNTS = "accounts"

# The certificate only carries the public key; its dates say nothing about when the key may be used.
_VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)
_VALID_UNTIL = datetime(2120, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One RSA key pair; signs with PKCS#1 v1.5 and SHA-256, the RS256 of JWTs and Google's signBlob."""

    private: rsa.RSAPrivateKey
    key_id: str
    certificate: str
    """Self-signed X.509 (PEM), the form of Google's ``/oauth2/v1/certs`` and ``/robot/v1/metadata/x509``."""

    @classmethod
    def kept_in(cls, folder: Path, name: str) -> Self:
        """The key ``folder/name.pem``; made on first use. Processes that start together get the same key."""
        path = folder / f"{name}.pem"
        if not path.exists():
            _create(path)
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(private, rsa.RSAPrivateKey):
            raise TypeError(f"{path} holds no RSA key")
        key_id = hashlib.sha256(_public_der(private)).hexdigest()[:32]
        return cls(private, key_id, _self_signed(private, key_id))

    def sign(self, message: bytes) -> bytes:
        return self.private.sign(message, padding.PKCS1v15(), hashes.SHA256())

    def jwk(self) -> dict[str, Any]:
        """The public key as RFC 7517 spells it, the form of Google's ``/oauth2/v3/certs``."""
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": self.key_id,
            "n": _base64url_uint(numbers.n),
            "e": _base64url_uint(numbers.e),
        }


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    handle, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    # A link, unlike a rename, refuses to replace: of two processes that start together the first one's key stays.
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()


def _self_signed(private: rsa.RSAPrivateKey, key_id: str) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localcloud")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(int(key_id, 16))
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_UNTIL)
        .sign(private, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _public_der(private: rsa.RSAPrivateKey) -> bytes:
    return private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _base64url_uint(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


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
