"""Read the caller from the token that Cloud Run's invoker check has verified.

Cloud Run checks ``X-Serverless-Authorization`` alone when a request has it, and hands ``Authorization`` to the service
unchecked (https://cloud.google.com/run/docs/authenticating/service-to-service). A request with both headers is
therefore refused: only with one header is it certain that the token read here is the one that was checked.
Behind Identity-Aware Proxy the caller comes from adapters/iap.py.
"""

import base64
import binascii
import json

from promptreel.errors import NotAllowed
from promptreel.ports import Headers

_PARTS = 3
_AUTHORIZATION, _SERVERLESS = "Authorization", "X-Serverless-Authorization"


class InvokerCheck:
    """Trusts the claims of the one token that the request carries."""

    def caller(self, headers: Headers) -> str:
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
