"""Signing secrets of owners in Secret Manager: one secret for each owner, one version for each rotation."""

import base64
import secrets
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from promptreel.adapters.google_errors import translate_google_errors
from promptreel.errors import NotFound, VersionConflict
from promptreel.ports.webhooks import SigningSecret

if TYPE_CHECKING:
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

TIMEOUT_S = 20.0
PREFIX = "promptreel-webhooks-"  # the grants hold for secrets of these names alone (infra/secrets.tf)
SECRET_BYTES = 32  # Standard Webhooks: 24 to 64


class SecretManagerSecrets:
    """`SigningSecrets` of one project, kept in the deployment's region alone."""

    def __init__(self, project: str, region: str, url: str) -> None:
        """Make the client on first use; ``url`` is empty for Google's own address."""
        self._project = f"projects/{project}"
        self._region = region
        self._url = url

    def add(self, name: str) -> SigningSecret:
        """Make a random version, and the secret if there is none."""
        value = f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
        try:
            return self._add_version(name, value)
        except NotFound:
            self._create(name)
        return self._add_version(name, value)

    def read(self, name: str, version: str) -> SigningSecret:
        """Read a version."""
        path = f"{self._path(name)}/versions/{version}"
        with translate_google_errors("read signing secret"):
            answer = self._client.access_secret_version(name=path, timeout=TIMEOUT_S)
        return SigningSecret(version, answer.payload.data.decode())

    def destroy(self, name: str, version: str) -> None:
        """Destroy a version."""
        path = f"{self._path(name)}/versions/{version}"
        with suppress(NotFound), translate_google_errors("destroy signing secret"):
            self._client.destroy_secret_version(name=path, timeout=TIMEOUT_S)

    def _add_version(self, name: str, value: str) -> SigningSecret:
        from google.cloud.secretmanager_v1 import SecretPayload  # noqa: PLC0415 - cold start

        payload = SecretPayload(data=value.encode())
        with translate_google_errors("store signing secret"):
            added = self._client.add_secret_version(parent=self._path(name), payload=payload, timeout=TIMEOUT_S)
        return SigningSecret(added.name.rsplit("/", 1)[1], value)

    def _create(self, name: str) -> None:
        from google.cloud.secretmanager_v1 import Replication, Secret  # noqa: PLC0415 - cold start

        here = Replication.UserManaged(replicas=[Replication.UserManaged.Replica(location=self._region)])
        secret = Secret(replication=Replication(user_managed=here), labels={"app": "promptreel"})
        with suppress(VersionConflict), translate_google_errors("create signing secret"):  # another caller was first
            self._client.create_secret(
                parent=self._project, secret_id=f"{PREFIX}{name}", secret=secret, timeout=TIMEOUT_S
            )

    def _path(self, name: str) -> str:
        return f"{self._project}/secrets/{PREFIX}{name}"

    @cached_property
    def _client(self) -> "SecretManagerServiceClient":
        from google.cloud.secretmanager_v1 import SecretManagerServiceClient  # noqa: PLC0415 - cold start

        options = {"api_endpoint": self._url} if self._url else None
        return SecretManagerServiceClient(transport="rest", client_options=options)
