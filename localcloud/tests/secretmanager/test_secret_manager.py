"""Secret Manager's stand-in by Google's own client: versions count up, a destroyed one is gone, nobody is let in."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from google.api_core import exceptions as google
from google.cloud.secretmanager_v1 import SecretManagerServiceClient, SecretPayload, SecretVersion

from localcloud.tests import loopback
from localcloud.tests.harness import StandIn, stand_in
from localcloud.tests.secretmanager.conftest import KEEPER, READER, STRANGER, Connect

PROJECT = "projects/local"
HERE = {"user_managed": {"replicas": [{"location": "us-central1"}]}}


@pytest.fixture
def keeper(client_of: Connect) -> SecretManagerServiceClient:
    return client_of(KEEPER)


@pytest.fixture
def reader(client_of: Connect) -> SecretManagerServiceClient:
    return client_of(READER)


def create(client: SecretManagerServiceClient) -> str:
    secret = {"replication": HERE}
    name: str = client.create_secret(parent=PROJECT, secret_id=f"s-{uuid4().hex}", secret=secret).name  # type: ignore[arg-type]
    return name


def add(client: SecretManagerServiceClient, secret: str, data: bytes) -> SecretVersion:
    return client.add_secret_version(parent=secret, payload=SecretPayload(data=data))


def test_versions_count_up_and_each_keeps_its_value(
    keeper: SecretManagerServiceClient, reader: SecretManagerServiceClient
) -> None:
    secret = create(keeper)

    first, second = add(keeper, secret, b"one"), add(keeper, secret, b"two")

    assert [one.name for one in (first, second)] == [f"{secret}/versions/1", f"{secret}/versions/2"]
    assert first.state is SecretVersion.State.ENABLED
    assert reader.access_secret_version(name=first.name).payload.data == b"one"
    assert reader.access_secret_version(name=f"{secret}/versions/latest").payload.data == b"two"
    assert reader.access_secret_version(name=second.name).payload.data_crc32c > 0


def test_destroyed_version_is_refused_as_a_failed_precondition(
    keeper: SecretManagerServiceClient, reader: SecretManagerServiceClient
) -> None:
    version = add(keeper, create(keeper), b"one")

    destroyed = keeper.destroy_secret_version(name=version.name)

    assert destroyed.state is SecretVersion.State.DESTROYED
    with pytest.raises(google.BadRequest, match="DESTROYED") as caught:
        reader.access_secret_version(name=version.name)
    assert caught.value.response.json()["error"]["status"] == "FAILED_PRECONDITION"
    with pytest.raises(google.BadRequest, match="DESTROYED"):
        keeper.destroy_secret_version(name=version.name)


def test_what_does_not_exist_is_not_found_and_a_taken_name_conflicts(
    keeper: SecretManagerServiceClient, reader: SecretManagerServiceClient
) -> None:
    secret = create(keeper)

    with pytest.raises(google.NotFound):
        reader.access_secret_version(name=f"{secret}/versions/1")
    with pytest.raises(google.NotFound):
        add(keeper, f"{PROJECT}/secrets/none", b"one")
    with pytest.raises(google.Conflict):
        keeper.create_secret(parent=PROJECT, secret_id=secret.rsplit("/", 1)[1], secret={"replication": HERE})  # type: ignore[arg-type]


def test_bad_request_is_refused(keeper: SecretManagerServiceClient) -> None:
    secret = create(keeper)
    acts: list[Callable[[], object]] = [
        lambda: keeper.create_secret(parent=PROJECT, secret_id="a b", secret={"replication": HERE}),  # type: ignore[arg-type]
        lambda: keeper.create_secret(parent=PROJECT, secret_id="without-a-place"),
        lambda: add(keeper, secret, b""),
        lambda: add(keeper, secret, b"x" * 65_537),
        lambda: keeper.add_secret_version(parent=secret, payload=SecretPayload(data=b"x", data_crc32c=1)),
    ]
    for act in acts:
        with pytest.raises(google.BadRequest):
            act()


def test_caller_without_the_permission_is_refused(client_of: Connect, keeper: SecretManagerServiceClient) -> None:
    version = add(keeper, create(keeper), b"one")

    for account in (KEEPER, STRANGER):
        with pytest.raises(google.Forbidden):
            client_of(account).access_secret_version(name=version.name)
    with pytest.raises(google.Forbidden):
        create(client_of(READER))


def test_caller_without_a_token_is_refused(secret_manager: StandIn) -> None:
    url = f"{secret_manager.url}/v1/{PROJECT}/secrets/s/versions/1:access"

    assert loopback.get(url).status_code == 401
    assert loopback.get(url, headers={"Authorization": "Bearer ya29.x"}).status_code == 401


def test_secrets_survive_a_kill(options: tuple[str, ...], token_of: Callable[[str], str]) -> None:
    headers = {"Authorization": f"Bearer {token_of(KEEPER)}"}
    name = f"s-{uuid4().hex}"
    with stand_in("secretmanager", *options) as first:
        made = loopback.post(
            f"{first.url}/v1/{PROJECT}/secrets?secretId={name}",
            json={"replication": {"automatic": {}}},
            headers=headers,
        )
        assert made.status_code == 200
        first.kill()

    with stand_in("secretmanager", *options) as second:
        body = {"payload": {"data": "b25l"}}
        added = loopback.post(f"{second.url}/v1/{PROJECT}/secrets/{name}:addVersion", json=body, headers=headers)

    assert added.json()["name"] == f"{PROJECT}/secrets/{name}/versions/1"
