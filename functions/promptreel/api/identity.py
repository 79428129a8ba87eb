"""Who is asking. The invoker check in front of us has verified the token and taken its signature away.

Behind Identity-Aware Proxy it is adapters/iap.py that tells (DESIGN §9).
"""

import base64
import binascii
import json

from promptreel.errors import NotAllowed
from promptreel.ports import Headers

_PARTS = 3


class InvokerCheck:
    """Trusts the claims of the token that was let in."""

    def caller(self, headers: Headers) -> str:
        """The verified e-mail address in the forwarded token. Raises: NotAllowed."""
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        parts = token.split(".")
        if scheme.lower() != "bearer" or len(parts) != _PARTS:
            raise NotAllowed("Sign in first.", code="not_signed_in", remedy="Send an ID token: Authorization: Bearer …")
        try:
            claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except (binascii.Error, ValueError) as error:
            raise NotAllowed("The token cannot be read.", code="not_signed_in") from error
        email = claims.get("email") if isinstance(claims, dict) else None
        if not isinstance(email, str) or not claims.get("email_verified"):
            raise NotAllowed("The token names no verified e-mail address.", code="not_signed_in")
        return email
