"""The identity stand-ins as a process of their own, which is how every client meets them."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from localcloud.tests import loopback
from localcloud.tests.loopback import answers, free_port
from localcloud.tests.object_store import ObjectStore
from localcloud.tests.waiting import PATIENCE_S, eventually

OPEN_JOB = "film-open-job@local.iam.gserviceaccount.com"
WORKFLOW = "film-workflow@local.iam.gserviceaccount.com"
FILM = bytes(range(256)) * 40

# google-auth reads its environment at import: a fresh process is the only honest client. Every line asks for one URL.
CLIENT = """
import base64, datetime, json, sys
import google.auth
from google.auth.credentials import Signing
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud import storage

iam, media, wishes = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
own, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
own.refresh(Request())
session = AuthorizedSession(own)

class SignBlob(Signing):
    signer_email = own.service_account_email
    signer = None
    def sign_bytes(self, message):
        url = f"{iam}/v1/projects/-/serviceAccounts/{self.signer_email}:signBlob"
        answer = session.post(url, json={"payload": base64.b64encode(message).decode()})
        answer.raise_for_status()
        return base64.b64decode(answer.json()["signedBlob"])

client = storage.Client(project="local")
for wish in wishes:
    name, expires_s = wish.pop("name"), wish.pop("expires_s", 600)
    blob = client.bucket("films").blob(name)
    print(blob.generate_signed_url(version="v4", expiration=datetime.timedelta(seconds=expires_s),
                                   credentials=SignBlob(), api_access_endpoint=media, **wish))
"""


@contextmanager
def stand_in(name: str, *options: str, ports: tuple[int, ...]) -> Iterator[None]:
    """Run ``python -m localcloud NAME`` until every port answers its health check; stopped at the end."""
    process = subprocess.Popen([sys.executable, "-m", "localcloud", name, *options])
    try:
        for port in ports:
            eventually(partial(is_up, port, process), f"{name} on {port}")
        yield
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def is_up(port: int, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
    return answers(f"http://127.0.0.1:{port}/_local/health")


@pytest.fixture(scope="session")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def metadata_ports(tmp_path_factory: pytest.TempPathFactory, state_dir: Path) -> Iterator[dict[str, int]]:
    """A running metadata server: the port of ``main`` and of each account's own listener."""
    ports = {"main": free_port(), OPEN_JOB: free_port(), WORKFLOW: free_port()}
    identities = tmp_path_factory.mktemp("identities") / "identities.json"
    identities.write_text(json.dumps({"listeners": {ports[OPEN_JOB]: OPEN_JOB, ports[WORKFLOW]: WORKFLOW}}))
    options = ("--port", str(ports["main"]), "--state-dir", str(state_dir), "--identities", str(identities))
    with stand_in("metadata", *options, ports=tuple(ports.values())):
        yield ports


@pytest.fixture(scope="session")
def metadata_url(metadata_ports: dict[str, int]) -> str:
    return f"http://127.0.0.1:{metadata_ports['main']}"


@pytest.fixture(scope="session")
def id_token_of(metadata_url: str) -> Callable[[str, str], str]:
    """The ID token of an account, or of a person, for an audience."""

    def ask(email: str, audience: str) -> str:
        if email.endswith(".gserviceaccount.com"):
            path = f"/computeMetadata/v1/instance/service-accounts/{email}/identity"
            headers = {"Metadata-Flavor": "Google"}
            return loopback.get(metadata_url + path, params={"audience": audience}, headers=headers).text
        answer = loopback.post(f"{metadata_url}/_local/person", json={"email": email, "audience": audience})
        return str(answer.json()["id_token"])

    return ask


@pytest.fixture(scope="session")
def unused_port() -> Callable[[], int]:
    return free_port


@pytest.fixture(scope="session")
def running() -> Callable[..., AbstractContextManager[None]]:
    """Runs one stand-in as a process of its own for the length of a ``with`` block."""
    return stand_in


@dataclass(frozen=True, slots=True)
class Place:
    iam: str
    media: str
    sign: Callable[..., str]
    """A URL for an object of the bucket ``films``, by the official client."""
    client_env: dict[str, str]
    """The environment of a program that finds the metadata server."""


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    with ObjectStore.started() as store:
        for name in ("film.mp4", "Szene 1/ä&b.mp4"):
            store.put(name, FILM, "video/mp4")
        yield store


@pytest.fixture(scope="session")
def place(metadata_ports: dict[str, int], state_dir: Path, object_store: ObjectStore) -> Iterator[Place]:
    iam_port, media_port = free_port(), free_port()
    iam, media = f"http://127.0.0.1:{iam_port}", f"http://127.0.0.1:{media_port}"
    host = f"127.0.0.1:{metadata_ports[OPEN_JOB]}"
    client_env = {
        "GCE_METADATA_HOST": host,
        "GCE_METADATA_IP": host,
        "HOME": "/nonexistent",
    }

    def sign(name: str, **wish: object) -> str:
        argv = (sys.executable, "-c", CLIENT, iam, media, json.dumps([{"name": name} | wish]))
        return subprocess.run(argv, env=client_env, capture_output=True, text=True, check=True).stdout.strip()

    certs = f"{iam}/robot/v1/metadata/x509"
    with (
        stand_in("iamcredentials", "--port", str(iam_port), "--state-dir", str(state_dir), ports=(iam_port,)),
        stand_in(
            "media", "--port", str(media_port), "--backend", object_store.url, "--certs-url", certs, ports=(media_port,)
        ),
    ):
        yield Place(iam, media, sign, client_env)
