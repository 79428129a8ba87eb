"""What a V4 signed URL promises, and whether a request keeps it. Pure: the certificates and the time are passed in.

https://cloud.google.com/storage/docs/authentication/canonical-requests (read 2026-11)
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from urllib.parse import quote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import load_pem_x509_certificate

ALGORITHM = "GOOG4-RSA-SHA256"
LONGEST_EXPIRY_S = 7 * 24 * 3600

_SIGNATURE = "X-Goog-Signature"
_DATE_FORMAT = "%Y%m%dT%H%M%SZ"


class NotSigned(Exception):
    """The request carries no V4 signature at all."""


class Malformed(Exception):
    """A part of the signature is missing or cannot be read."""


class Expired(Exception):
    """The URL was good until a moment that has passed."""


class Mismatch(Exception):
    """The signature is not the account's, or not of this request."""


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """The request, as far as a signature can cover it."""

    method: str
    path: str
    """As sent, percent-encoded."""
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SignedUrl:
    account: str
    scope: str
    date: str
    signed_headers: str
    signature: bytes
    valid_from: datetime
    valid_until: datetime

    @classmethod
    def of(cls, query: Sequence[tuple[str, str]]) -> Self:
        """Raises: NotSigned, Malformed."""
        values = dict(query)
        if "X-Goog-Algorithm" not in values and _SIGNATURE not in values:
            raise NotSigned
        if values.get("X-Goog-Algorithm") != ALGORITHM:
            raise Malformed("X-Goog-Algorithm")
        try:
            account, scope = values["X-Goog-Credential"].split("/", 1)
            date = values["X-Goog-Date"]
            valid_from = datetime.strptime(date, _DATE_FORMAT).replace(tzinfo=UTC)
            expiry_s = int(values["X-Goog-Expires"])
            signature = bytes.fromhex(values[_SIGNATURE])
            signed_headers = values["X-Goog-SignedHeaders"]
        except (KeyError, ValueError) as exc:
            raise Malformed(str(exc)) from exc
        # A signature without the host would also be valid for another host.
        if not 0 < expiry_s <= LONGEST_EXPIRY_S or "host" not in signed_headers.split(";"):
            raise Malformed("X-Goog-Expires or X-Goog-SignedHeaders")
        if scope.split("/") != [date[:8], scope.split("/")[1], "storage", "goog4_request"]:
            raise Malformed("X-Goog-Credential")
        until = valid_from + timedelta(seconds=expiry_s)
        return cls(account, scope, date, signed_headers, signature, valid_from, until)

    def check(self, asked: ReceivedRequest, certificates: Mapping[str, str], now: datetime) -> None:
        """Raises: Expired, Mismatch."""
        if now > self.valid_until:
            raise Expired(self.valid_until.isoformat())
        covered = self.signed_headers.split(";")
        if any(name.lower().startswith("x-goog-") and name.lower() not in covered for name in asked.headers):
            raise Mismatch("an x-goog- header that the signature does not cover")
        message = self.string_to_sign(asked).encode()
        if not any(_signed_by(pem, self.signature, message) for pem in certificates.values()):
            raise Mismatch(self.string_to_sign(asked))

    def string_to_sign(self, asked: ReceivedRequest) -> str:
        digest = hashlib.sha256(self.canonical_request(asked).encode()).hexdigest()
        return f"{ALGORITHM}\n{self.date}\n{self.scope}\n{digest}"

    def canonical_request(self, asked: ReceivedRequest) -> str:
        covered = sorted((_quoted(name), _quoted(value)) for name, value in asked.query if name != _SIGNATURE)
        names = self.signed_headers.split(";")
        headers = "".join(f"{name}:{' '.join(asked.headers.get(name, '').split())}\n" for name in names)
        payload = asked.headers.get("x-goog-content-sha256", "UNSIGNED-PAYLOAD")
        query = "&".join(f"{name}={value}" for name, value in covered)
        return f"{asked.method}\n{asked.path}\n{query}\n{headers}\n{self.signed_headers}\n{payload}"


def _signed_by(pem: str, signature: bytes, message: bytes) -> bool:
    key = load_pem_x509_certificate(pem.encode()).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
