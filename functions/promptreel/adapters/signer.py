"""Keyless signing: the IAM Credentials API signs as our own service account (signBlob)."""

import base64
from functools import cached_property
from typing import Any

from promptreel.errors import Transient

GOOGLE_URL = "https://iamcredentials.googleapis.com"
TIMEOUT_S = 10.0


class RemoteSigner:
    """Signs as the service account of this process. ``url`` is empty for Google's own address."""

    def __init__(self, url: str) -> None:
        self._url = url or GOOGLE_URL

    @cached_property
    def credentials(self) -> Any:
        """Signing credentials for google-cloud-storage."""
        import google.auth  # noqa: PLC0415 - cold start
        from google.auth.credentials import Signing  # noqa: PLC0415
        from google.auth.transport.requests import AuthorizedSession, Request  # noqa: PLC0415

        url = self._url
        own: Any = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])[0]
        own.refresh(Request())  # only then is the account's e-mail address known
        session = AuthorizedSession(own)

        class SignBlob(Signing):
            signer = None
            signer_email = own.service_account_email

            def sign_bytes(self, message: bytes) -> bytes:
                answer = session.post(
                    f"{url}/v1/projects/-/serviceAccounts/{self.signer_email}:signBlob",
                    json={"payload": base64.b64encode(message).decode()},
                    timeout=TIMEOUT_S,
                )
                if not answer.ok:
                    raise Transient(f"signBlob answered {answer.status_code}")
                return base64.b64decode(answer.json()["signedBlob"])

        return SignBlob()
