"""Keyless signing: the IAM Credentials API signs as our own service account (signBlob)."""

import base64
import json
from typing import Any

from promptreel.errors import Transient

GOOGLE_URL = "https://iamcredentials.googleapis.com"
TIMEOUT_S = 10.0


class RemoteSigner:
    """Signs as the service account of this process. ``url`` is empty for Google's own address."""

    def __init__(self, url: str) -> None:
        """Make the credentials on first use."""
        self._url = url or GOOGLE_URL
        self._credentials: Any = None

    def credentials(self) -> Any:
        """Return signing credentials for google-cloud-storage; they are made once."""
        if self._credentials is None:
            self._credentials = _signing_credentials(self._url)
        return self._credentials


def _signing_credentials(url: str) -> Any:
    import google.auth  # noqa: PLC0415 - cold start
    from google.auth.credentials import Signing  # noqa: PLC0415
    from google.auth.transport.requests import AuthorizedSession, Request  # noqa: PLC0415

    own: Any
    own, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    own.refresh(Request())  # only then is the account's e-mail address known
    session = AuthorizedSession(own)

    class SignBlob(Signing):
        @property
        def signer_email(self) -> str:
            return str(own.service_account_email)

        @property
        def signer(self) -> None:
            return None

        def sign_bytes(self, message: bytes) -> bytes:
            answer = session.post(
                f"{url}/v1/projects/-/serviceAccounts/{self.signer_email}:signBlob",
                data=json.dumps({"payload": base64.b64encode(message).decode()}),
                headers={"Content-Type": "application/json"},
                timeout=TIMEOUT_S,
            )
            if not answer.ok:
                raise Transient(f"signBlob answered {answer.status_code}")
            return base64.b64decode(answer.json()["signedBlob"])

    return SignBlob()
