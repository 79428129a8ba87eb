"""A Secret Manager stand-in, spoken to by Google's own client with tokens of this stack's accounts."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.oauth2.credentials import Credentials

from localcloud.metadata.tokens import GOOGLE, Mint, SigningKey
from localcloud.tests.harness import StandIn, stand_in

KEEPER, READER, STRANGER = (f"{name}@local.iam.gserviceaccount.com" for name in ("keeper", "reader", "stranger"))
PERMISSIONS = {
    KEEPER: [f"secretmanager.{one}" for one in ("secrets.create", "versions.add", "versions.destroy")],
    READER: ["secretmanager.versions.access"],
}

Connect = Callable[[str], SecretManagerServiceClient]


@pytest.fixture(scope="module")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory, keys_dir: Path) -> tuple[str, ...]:
    folder = tmp_path_factory.mktemp("secrets")
    permissions = folder / "permissions.json"
    permissions.write_text(json.dumps(PERMISSIONS))
    return ("--keys-dir", str(keys_dir), "--state-dir", str(folder), "--permissions", str(permissions))


@pytest.fixture(scope="module")
def secret_manager(options: tuple[str, ...]) -> Iterator[StandIn]:
    with stand_in("secretmanager", *options) as process:
        yield process


@pytest.fixture(scope="module")
def token_of(keys_dir: Path) -> Callable[[str], str]:
    return Mint(SigningKey.kept_in(keys_dir, GOOGLE), time.time).access_token


@pytest.fixture(scope="module")
def client_of(secret_manager: StandIn, token_of: Callable[[str], str]) -> Connect:
    def connect(account: str) -> SecretManagerServiceClient:
        options, credentials = {"api_endpoint": secret_manager.url}, Credentials(token_of(account))
        return SecretManagerServiceClient(transport="rest", client_options=options, credentials=credentials)

    return connect
