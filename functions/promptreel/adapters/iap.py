"""Who stands behind a request that came through Identity-Aware Proxy: its signed assertion, checked (DESIGN §9, H8).

Header, issuer, keys and audience as in Google's "Securing your app with signed headers". The unsigned headers with the
same e-mail address are never read: whoever got around the proxy could write them.
"""

import json
from datetime import datetime, timedelta

from promptreel.errors import NotAllowed, Transient
from promptreel.ports import Clock, Headers

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

    def caller(self, headers: Headers) -> str:
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
