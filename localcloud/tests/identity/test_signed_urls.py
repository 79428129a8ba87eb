"""Signed URLs from end to end: the official client makes them, IAM Credentials signs, the media server checks.

The object store behind is the real fake-gcs-server.
"""

import json
import time
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest

from localcloud.metadata.tokens import verify
from localcloud.tests import loopback
from localcloud.tests.identity.conftest import FILM, OPEN_JOB, Place
from localcloud.tests.object_store import ObjectStore
from localcloud.tests.waiting import eventually


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


def test_signed_url_serves_its_object_when_opened(film_url: str) -> None:
    answer = loopback.get(film_url)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.content == FILM


def test_signed_url_serves_only_the_range_when_one_is_requested(film_url: str) -> None:
    answer = loopback.get(film_url, headers={"Range": "bytes=100-299"})

    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes 100-299/{len(FILM)}"
    assert answer.content == FILM[100:300]


def test_object_with_a_difficult_name_is_served_when_signed(place: Place) -> None:
    assert loopback.get(place.sign("Szene 1/ä&b.mp4")).content == FILM


def test_signed_url_sends_the_requested_file_name_when_opened(place: Place) -> None:
    url = place.sign("film.mp4", response_disposition='attachment; filename="My film.mp4"')

    assert loopback.get(url).headers["content-disposition"] == 'attachment; filename="My film.mp4"'


def test_object_is_denied_when_its_request_has_no_signature(place: Place) -> None:
    answer = loopback.get(f"{place.media}/films/film.mp4")

    assert answer.status_code == 403
    assert "<Code>AccessDenied</Code>" in answer.text


def test_expired_url_is_expired_token_when_opened(place: Place) -> None:
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
def test_altered_url_is_refused_when_opened(film_url: str, change: dict[str, str]) -> None:
    assert loopback.get(changed(film_url, **change)).status_code in {400, 403}


def test_signature_of_one_object_is_refused_when_used_for_another(film_url: str) -> None:
    answer = loopback.get(film_url.replace("film.mp4", "other.mp4"))

    assert answer.status_code == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in answer.text


def test_url_signed_to_read_is_refused_when_another_method_is_used(film_url: str) -> None:
    assert loopback.head(film_url).status_code == 403


def test_url_signed_for_head_answers_the_length_when_requested_with_head(place: Place) -> None:
    answer = loopback.head(place.sign("film.mp4", method="HEAD"))

    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(FILM)))


UPLOAD = {"Content-Type": "image/png", "x-goog-content-length-range": "1,10", "x-goog-if-generation-match": "0"}


def test_signed_upload_is_written_once_and_within_what_was_signed(place: Place, object_store: ObjectStore) -> None:
    url = place.sign("new.png", method="PUT", headers=UPLOAD)

    def put(content: bytes, **headers: str) -> int:
        return loopback.put(url, content=content, headers={**UPLOAD, **headers}).status_code

    assert put(b"eleven byte") == 400
    assert put(b"") == 400
    assert put(b"file", **{"Content-Type": "text/html"}) == 403
    assert put(b"file", **{"x-goog-content-length-range": "1,99"}) == 403
    assert put(b"file", **{"x-goog-acl": "public-read"}) == 403
    assert loopback.put(url, content=b"file").status_code == 403
    assert loopback.get(url).status_code == 403
    assert put(b"file") == 200
    assert put(b"other") == 412
    answer = loopback.get(place.sign("new.png"))
    assert (answer.content, answer.headers["content-type"]) == (b"file", "image/png")


def test_url_signed_for_this_host_is_refused_when_sent_to_another(film_url: str) -> None:
    assert loopback.get(film_url, headers={"Host": "elsewhere.example"}).status_code == 403


def test_signed_url_answers_no_such_key_when_its_object_is_missing(place: Place) -> None:
    answer = loopback.get(place.sign("nothing.mp4"))

    assert answer.status_code == 404
    assert "<Code>NoSuchKey</Code>" in answer.text


def test_blob_is_answered_with_401_when_signed_without_a_token(place: Place) -> None:
    answer = loopback.post(f"{place.iam}/v1/projects/-/serviceAccounts/{OPEN_JOB}:signBlob", json={"payload": "QQ=="})

    assert answer.status_code == 401
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"


def test_blob_is_answered_with_403_when_signed_for_another_account(place: Place, access_token: str) -> None:
    other = "film-api@local.iam.gserviceaccount.com"
    headers = {"Authorization": f"Bearer {access_token}"}

    answer = loopback.post(
        f"{place.iam}/v1/projects/-/serviceAccounts/{other}:signBlob", json={"payload": "QQ=="}, headers=headers
    )

    assert answer.status_code == 403
    assert "iam.serviceAccounts.signBlob" in answer.json()["error"]["message"]


def test_blob_is_answered_with_400_when_not_base64(place: Place, access_token: str) -> None:
    headers = {"Authorization": f"Bearer {access_token}"}
    url = f"{place.iam}/v1/projects/-/serviceAccounts/{OPEN_JOB}:signBlob"

    assert loopback.post(url, json={"payload": "not base64!"}, headers=headers).status_code == 400


def test_generated_access_token_belongs_to_the_account_when_looked_up(
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


def test_generated_id_token_names_the_account_when_verified(place: Place, access_token: str, metadata_url: str) -> None:
    answer = loopback.post(
        f"{place.iam}/v1/projects/-/serviceAccounts/{OPEN_JOB}:generateIdToken",
        json={"audience": "https://a.example", "includeEmail": True},
        headers={"Authorization": f"Bearer {access_token}"},
    )
    certificates = loopback.get(f"{metadata_url}/oauth2/v1/certs").json()

    assert verify(answer.json()["token"], certificates, "https://a.example")["email"] == OPEN_JOB


def test_signed_jwt_holds_the_claims_when_verified_with_the_accounts_certificate(
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

    assert verify(answer.json()["signedJwt"], certificates, "https://a.example") == claims


def test_signature_of_an_account_is_refused_when_used_as_an_id_token(
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
