"""The caller's identity, by one of two checks made before the request arrives: Cloud Run's invoker check, or IAP.

Cloud Run checks ``X-Serverless-Authorization`` alone when a request has it, and hands ``Authorization`` to the service
unchecked (https://cloud.google.com/run/docs/authenticating/service-to-service). A request with both headers is
therefore refused: only with one header is it certain that the token read here is the one that was checked.

Identity-Aware Proxy signs an assertion. Header, issuer, keys and audience are those of
https://cloud.google.com/iap/docs/signed-headers-howto. The unsigned headers with the same e-mail address are never
read: a caller that reached the service without the proxy could write them.
"""

import base64
import binascii
import json
from datetime import datetime, timedelta

from promptreel.errors import NotAllowed, Transient
from promptreel.ports.system import Clock, Headers

_PARTS = 3
_AUTHORIZATION, _SERVERLESS = "Authorization", "X-Serverless-Authorization"


class InvokerCheck:
    """Trusts the claims of the one token that the request carries."""

    def identify_caller(self, headers: Headers) -> str:
        """The verified e-mail address in the forwarded token.

        Raises: NotAllowed without a token, with two of them, or without a verified address in it.
        """
        if _SERVERLESS in headers and _AUTHORIZATION in headers:
            raise NotAllowed(
                f"The request has both {_AUTHORIZATION} and {_SERVERLESS}.",
                code="two_identities",
                remedy="Send the ID token in one of the two headers and leave the other one out.",
            )
        scheme, _, token = headers.get(_SERVERLESS if _SERVERLESS in headers else _AUTHORIZATION, "").partition(" ")
        parts = token.split(".")
        if scheme.lower() != "bearer" or len(parts) != _PARTS:
            raise NotAllowed("Sign in first.", code="not_signed_in", remedy="Send an ID token: Authorization: Bearer …")
        try:
            claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except (binascii.Error, ValueError) as error:
            raise NotAllowed("The token cannot be read.", code="not_signed_in") from error
        email = claims.get("email") if isinstance(claims, dict) else None
        if not isinstance(email, str) or not email.isprintable() or not claims.get("email_verified"):
            raise NotAllowed("The token names no verified e-mail address.", code="not_signed_in")
        return email


HEADER = "X-Goog-IAP-JWT-Assertion"
ISSUER = "https://cloud.google.com/iap"
KEYS_URL = "https://www.gstatic.com/iap/verify/public_key"
KEYS_KEPT = timedelta(hours=1)
KEYS_ASKED_AGAIN = timedelta(minutes=1)  # at the earliest, for a key that is not among them
SKEW_S = 30
TIMEOUT_S = 10.0


class IdentityAwareProxy:
    """Takes a caller's name from the proxy's assertion and from nothing else.

    ``audience`` is ``/projects/NUMBER/locations/REGION/services/SERVICE`` for a Cloud Run service.
    """

    def __init__(self, audience: str, clock: Clock, keys_url: str = KEYS_URL) -> None:
        self._audience = audience
        self._clock = clock
        self._keys_url = keys_url
        self._keys: dict[str, str] = {}
        self._asked: datetime | None = None

    def identify_caller(self, headers: Headers) -> str:
        """The signed e-mail address. Raises: NotAllowed; Transient when Google's keys cannot be had."""
        from google.auth import jwt  # noqa: PLC0415 - cold start

        assertion = headers.get(HEADER, "")
        if not assertion:
            raise NotAllowed(
                "This address is for people who come through Identity-Aware Proxy.",
                code="not_signed_in",
                remedy="Open it in a browser; programs call the API's own address.",
            )
        try:
            key_id = jwt.decode_header(assertion).get("kid")
            claims = jwt.decode(
                assertion, certs=self._keys_with(key_id), audience=self._audience, clock_skew_in_seconds=SKEW_S
            )
        except ValueError as error:
            raise NotAllowed("The proxy's assertion does not hold.", code="not_signed_in") from error
        email = claims.get("email")
        if claims.get("iss") != ISSUER or not isinstance(email, str) or not email:
            raise NotAllowed("The assertion is not Identity-Aware Proxy's, or names nobody.", code="not_signed_in")
        return email

    def _keys_with(self, key_id: object) -> dict[str, str]:
        """Google's keys, not older than an hour; asked for again when this one is not among them."""
        now = self._clock.now()
        age = timedelta.max if self._asked is None else now - self._asked
        if age > KEYS_KEPT or (key_id not in self._keys and age > KEYS_ASKED_AGAIN):
            self._keys, self._asked = _fetched(self._keys_url), now
        return self._keys


def _fetched(url: str) -> dict[str, str]:
    from google.auth.exceptions import TransportError  # noqa: PLC0415 - cold start
    from google.auth.transport.requests import Request  # noqa: PLC0415

    try:
        answer = Request()(url=url, method="GET", timeout=TIMEOUT_S)
    except TransportError as error:
        raise Transient("Identity-Aware Proxy's keys could not be reached.") from error
    if answer.status != 200:  # noqa: PLR2004 - OK
        raise Transient(f"Identity-Aware Proxy's keys: answered {answer.status}")
    keys: dict[str, str] = json.loads(answer.data)
    return keys
