"""Signed URLs from end to end: the official client makes them, IAM Credentials signs, the media server checks.

The object store behind is the real fake-gcs-server.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import httpx
import pytest

from localcloud.metadata.tokens import verified
from localstack.emulators import object_store_command
from tests import loopback
from tests.waiting import PATIENCE_S, eventually

OPEN_JOB = "film-open-job@local.iam.gserviceaccount.com"
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

# Our own adapter, in the same place.
ADAPTER = """
import json, sys
from promptreel.adapters.gcs import GcsArtifacts
from promptreel.adapters.signer import RemoteSigner

iam, media, names = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
artifacts = GcsArtifacts("local", "films", RemoteSigner(iam), media)
print(json.dumps(artifacts.signed_urls(map(artifacts.uri, names), 600)))
"""


@dataclass(frozen=True, slots=True)
class Place:
    iam: str
    media: str
    sign: Callable[..., str]
    """A URL for an object of the bucket ``films``, by the official client."""
    sign_by_adapter: Callable[[list[str]], dict[str, str]]
    """URLs of many objects by their addresses."""


@pytest.fixture(scope="module")
def object_store(tmp_path_factory: pytest.TempPathFactory, unused_port: Callable[[], int]) -> Iterator[str]:
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(object_store_command(tmp_path_factory.mktemp("objects"), port))
    with httpx.Client(base_url=url, transport=httpx.HTTPTransport(retries=10), timeout=PATIENCE_S) as client:
        client.post("/storage/v1/b", params={"project": "local"}, json={"name": "films"}).raise_for_status()
        for name in ("film.mp4", "Szene 1/ä&b.mp4"):
            wish = {"uploadType": "media", "name": name}
            client.post(
                "/upload/storage/v1/b/films/o", params=wish, content=FILM, headers={"Content-Type": "video/mp4"}
            )
    yield url
    process.terminate()
    process.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def place(
    metadata_ports: dict[str, int],
    state_dir: Path,
    object_store: str,
    unused_port: Callable[[], int],
    running: Callable[..., AbstractContextManager[None]],
) -> Iterator[Place]:
    iam_port, media_port = unused_port(), unused_port()
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

    def sign_by_adapter(names: list[str]) -> dict[str, str]:
        argv = (sys.executable, "-c", ADAPTER, iam, media, json.dumps(names))
        signed = subprocess.run(argv, env=client_env, capture_output=True, text=True, check=True).stdout
        links: dict[str, str] = json.loads(signed)
        return links

    certs = f"{iam}/robot/v1/metadata/x509"
    with (
        running("iamcredentials", "--port", str(iam_port), "--state-dir", str(state_dir), ports=(iam_port,)),
        running(
            "media", "--port", str(media_port), "--backend", object_store, "--certs-url", certs, ports=(media_port,)
        ),
    ):
        yield Place(iam, media, sign, sign_by_adapter)


@pytest.fixture(scope="module")
def film_url(place: Place) -> str:
    return place.sign("film.mp4")


@pytest.fixture
def access_token(metadata_ports: dict[str, int]) -> str:
    url = f"http://127.0.0.1:{metadata_ports[OPEN_JOB]}/computeMetadata/v1/instance/service-accounts/default/token"
    return str(loopback.get(url, headers={"Metadata-Flavor": "Google"}).json()["access_token"])


def changed(url: str, **query: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode(dict(parse_qsl(parts.query)) | query)))


def test_signed_url_when_opened_then_the_object(film_url: str) -> None:
    answer = loopback.get(film_url)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.content == FILM


def test_links_of_a_long_film_when_signed_at_once_then_each_opens_its_own_file(place: Place) -> None:
    names = ["film.mp4", "Szene 1/ä&b.mp4", *(f"clips/{number}.mp4" for number in range(180))]

    links = place.sign_by_adapter(names)

    assert [urlsplit(link).path for link in links.values()] == [f"/films/{quote(name)}" for name in names]
    assert list(links) == [f"gs://films/{name}" for name in names]
    assert [loopback.get(links[f"gs://films/{name}"]).status_code for name in names[:3]] == [200, 200, 404]
    assert place.sign_by_adapter([]) == {}


def test_signed_url_when_a_range_is_asked_then_that_part(film_url: str) -> None:
    answer = loopback.get(film_url, headers={"Range": "bytes=100-299"})

    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes 100-299/{len(FILM)}"
    assert answer.content == FILM[100:300]


def test_object_with_a_difficult_name_when_signed_then_served(place: Place) -> None:
    assert loopback.get(place.sign("Szene 1/ä&b.mp4")).content == FILM


def test_wished_file_name_when_signed_then_sent(place: Place) -> None:
    url = place.sign("film.mp4", response_disposition='attachment; filename="My film.mp4"')

    assert loopback.get(url).headers["content-disposition"] == 'attachment; filename="My film.mp4"'


def test_object_when_asked_without_signature_then_access_denied(place: Place) -> None:
    answer = loopback.get(f"{place.media}/films/film.mp4")

    assert answer.status_code == 403
    assert "<Code>AccessDenied</Code>" in answer.text


def test_expired_url_when_opened_then_expired_token(place: Place) -> None:
    url = place.sign("film.mp4", expires_s=1)

    answer = eventually(lambda: None if (seen := loopback.get(url)).status_code == 200 else seen, "expiry")

    assert answer.status_code == 400
    assert "<Code>ExpiredToken</Code>" in answer.text


@pytest.mark.parametrize(
    "change",
    [
        {"X-Goog-Expires": "604800"},
        {"X-Goog-Credential": "film-api@local.iam.gserviceaccount.com/20260101/auto/storage/goog4_request"},
        {"X-Goog-Signature": "00" * 256},
        {"response-content-type": "text/html"},
    ],
    ids=["longer life", "another account", "no signature of anyone", "another content type"],
)
def test_altered_url_when_opened_then_refused(film_url: str, change: dict[str, str]) -> None:
    assert loopback.get(changed(film_url, **change)).status_code in {400, 403}


def test_signature_of_one_object_when_used_for_another_then_refused(film_url: str) -> None:
    answer = loopback.get(film_url.replace("film.mp4", "other.mp4"))

    assert answer.status_code == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in answer.text


def test_url_signed_to_read_when_another_method_is_used_then_refused(film_url: str) -> None:
    assert loopback.head(film_url).status_code == 403


def test_url_signed_for_head_when_asked_with_head_then_the_length(place: Place) -> None:
    answer = loopback.head(place.sign("film.mp4", method="HEAD"))

    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(FILM)))


def test_url_signed_for_this_host_when_sent_to_another_then_refused(film_url: str) -> None:
    assert loopback.get(film_url, headers={"Host": "elsewhere.example"}).status_code == 403


def test_missing_object_when_signed_then_no_such_key(place: Place) -> None:
    answer = loopback.get(place.sign("nothing.mp4"))

    assert answer.status_code == 404
    assert "<Code>NoSuchKey</Code>" in answer.text


def test_blob_when_signed_without_a_token_then_401(place: Place) -> None:
    answer = loopback.post(f"{place.iam}/v1/projects/-/serviceAccounts/{OPEN_JOB}:signBlob", json={"payload": "QQ=="})

    assert answer.status_code == 401
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"


def test_blob_when_signed_for_another_account_then_403(place: Place, access_token: str) -> None:
    other = "film-api@local.iam.gserviceaccount.com"
    headers = {"Authorization": f"Bearer {access_token}"}

    answer = loopback.post(
        f"{place.iam}/v1/projects/-/serviceAccounts/{other}:signBlob", json={"payload": "QQ=="}, headers=headers
    )

    assert answer.status_code == 403
    assert "iam.serviceAccounts.signBlob" in answer.json()["error"]["message"]


def test_blob_when_not_base64_then_400(place: Place, access_token: str) -> None:
    headers = {"Authorization": f"Bearer {access_token}"}
    url = f"{place.iam}/v1/projects/-/serviceAccounts/{OPEN_JOB}:signBlob"

    assert loopback.post(url, json={"payload": "not base64!"}, headers=headers).status_code == 400


def test_generated_access_token_when_looked_up_then_belongs_to_the_account(
    place: Place, access_token: str, metadata_url: str
) -> None:
    answer = loopback.post(
        f"{place.iam}/v1/projects/-/serviceAccounts/{OPEN_JOB}:generateAccessToken",
        json={"scope": ["https://www.googleapis.com/auth/cloud-platform"], "lifetime": "300s"},
        headers={"Authorization": f"Bearer {access_token}"},
    )
    told = loopback.get(
        f"{metadata_url}/_local/tokeninfo", params={"access_token": answer.json()["accessToken"]}
    ).json()

    assert told["email"] == OPEN_JOB
    assert told["expires_in"] <= 300


def test_generated_id_token_when_verified_then_names_the_account(
    place: Place, access_token: str, metadata_url: str
) -> None:
    answer = loopback.post(
        f"{place.iam}/v1/projects/-/serviceAccounts/{OPEN_JOB}:generateIdToken",
        json={"audience": "https://a.example", "includeEmail": True},
        headers={"Authorization": f"Bearer {access_token}"},
    )
    certificates = loopback.get(f"{metadata_url}/oauth2/v1/certs").json()

    assert verified(answer.json()["token"], certificates, "https://a.example")["email"] == OPEN_JOB


def test_signed_jwt_when_verified_with_the_accounts_certificate_then_holds_the_claims(
    place: Place, access_token: str
) -> None:
    now_s = int(time.time())
    claims = {"iss": OPEN_JOB, "aud": "https://a.example", "iat": now_s, "exp": now_s + 60, "scene": 3}
    answer = loopback.post(
        f"{place.iam}/v1/projects/-/serviceAccounts/{OPEN_JOB}:signJwt",
        json={"payload": json.dumps(claims)},
        headers={"Authorization": f"Bearer {access_token}"},
    )
    certificates = loopback.get(f"{place.iam}/robot/v1/metadata/x509/{OPEN_JOB}").json()

    assert verified(answer.json()["signedJwt"], certificates, "https://a.example") == claims


def test_what_an_account_signs_when_used_as_an_id_token_then_is_none(
    place: Place, access_token: str, metadata_url: str
) -> None:
    """An account signs with a key of its own: else signBlob could forge tokens of Google's."""
    signed = loopback.post(
        f"{place.iam}/v1/projects/-/serviceAccounts/{OPEN_JOB}:signBlob",
        json={"payload": "QQ=="},
        headers={"Authorization": f"Bearer {access_token}"},
    ).json()

    assert signed["keyId"] not in loopback.get(f"{metadata_url}/oauth2/v1/certs").json()
    assert signed["keyId"] in loopback.get(f"{place.iam}/robot/v1/metadata/x509/{OPEN_JOB}").json()
