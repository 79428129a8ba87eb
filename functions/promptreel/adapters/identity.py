"""The caller's identity, from one of two checks made before the request arrives: Cloud Run's invoker check, or IAP.

Cloud Run checks ``X-Serverless-Authorization`` alone when a request has it, and passes ``Authorization`` to the service
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
from promptreel.ports.system import Clock, GetHeader

AUTHORIZATION = "Authorization"
SERVERLESS_AUTHORIZATION = "X-Serverless-Authorization"
TOKEN_PARTS = 3  # header, claims and signature
IAP_ASSERTION = "X-Goog-IAP-JWT-Assertion"
IAP_ISSUER = "https://cloud.google.com/iap"
IAP_KEYS_URL = "https://www.gstatic.com/iap/verify/public_key"
KEEP_KEYS = timedelta(hours=1)
REFETCH_KEYS_AFTER = timedelta(minutes=1)  # when an assertion names a key that is not among them
CLOCK_SKEW_S = 30
TIMEOUT_S = 10.0


class InvokerCheck:
    """Reads the claims of the one token that Cloud Run has checked."""

    def identify_caller(self, get_header: GetHeader) -> str:
        """Return the verified e-mail address in the forwarded token; a request with two tokens has none."""
        authorization, serverless = get_header(AUTHORIZATION), get_header(SERVERLESS_AUTHORIZATION)
        if authorization is not None and serverless is not None:
            raise NotAllowed(
                f"The request has both {AUTHORIZATION} and {SERVERLESS_AUTHORIZATION}.",
                code="two_identities",
                remedy="Send the ID token in one of the two headers and leave the other one out.",
            )
        scheme, _, token = (serverless or authorization or "").partition(" ")
        parts = token.split(".")
        if scheme.lower() != "bearer" or len(parts) != TOKEN_PARTS:
            raise NotAllowed("Sign in first.", code="not_signed_in", remedy="Send an ID token: Authorization: Bearer …")
        try:
            claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except (binascii.Error, ValueError) as error:
            raise NotAllowed("The token cannot be read.", code="not_signed_in") from error
        email = claims.get("email") if isinstance(claims, dict) else None
        if not isinstance(email, str) or not email.isprintable() or not claims.get("email_verified"):
            raise NotAllowed("The token names no verified e-mail address.", code="not_signed_in")
        return email


class IdentityAwareProxy:
    """Verifies the proxy's signed assertion, for a service with this audience.

    ``audience`` is ``/projects/NUMBER/locations/REGION/services/SERVICE`` for a Cloud Run service.
    """

    def __init__(self, audience: str, clock: Clock, keys_url: str = IAP_KEYS_URL) -> None:
        self._audience = audience
        self._clock = clock
        self._keys_url = keys_url
        self._keys: dict[str, str] = {}
        self._fetched: datetime | None = None

    def identify_caller(self, get_header: GetHeader) -> str:
        """Return the signed e-mail address. Raises: NotAllowed; Transient when the proxy's keys cannot be fetched."""
        from google.auth import jwt  # noqa: PLC0415 - cold start

        assertion = get_header(IAP_ASSERTION)
        if not assertion:
            raise NotAllowed(
                "This address is for people who come through Identity-Aware Proxy.",
                code="not_signed_in",
                remedy="Open it in a browser; programs call the API's own address.",
            )
        try:
            keys = self._keys_with(jwt.decode_header(assertion).get("kid"))
            claims = jwt.decode(assertion, certs=keys, audience=self._audience, clock_skew_in_seconds=CLOCK_SKEW_S)
        except ValueError as error:
            raise NotAllowed("The proxy's assertion does not hold.", code="not_signed_in") from error
        email = claims.get("email")
        if claims.get("iss") != IAP_ISSUER or not isinstance(email, str) or not email:
            raise NotAllowed("The assertion is not Identity-Aware Proxy's, or names nobody.", code="not_signed_in")
        return email

    def _keys_with(self, key_id: object) -> dict[str, str]:
        """Return the cached keys, fetched when they are old or lack this one."""
        now = self._clock.now()
        age = timedelta.max if self._fetched is None else now - self._fetched
        if age > KEEP_KEYS or (key_id not in self._keys and age > REFETCH_KEYS_AFTER):
            self._keys, self._fetched = _fetch_keys(self._keys_url), now
        return self._keys


def _fetch_keys(url: str) -> dict[str, str]:
    from google.auth.exceptions import TransportError  # noqa: PLC0415 - cold start
    from google.auth.transport.requests import Request  # noqa: PLC0415

    try:
        response = Request()(url=url, method="GET", timeout=TIMEOUT_S)
        keys = json.loads(response.data)
    except (TransportError, ValueError) as error:
        raise Transient("Identity-Aware Proxy's keys could not be fetched.") from error
    if response.status != 200 or not isinstance(keys, dict):  # noqa: PLR2004 - OK
        raise Transient(f"Identity-Aware Proxy's page of keys cannot be used (HTTP status {response.status}).")
    return keys
