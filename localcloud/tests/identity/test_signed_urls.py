"""Signed URLs from end to end: the official client makes them, IAM Credentials signs, the media server checks.

The object store behind is the real fake-gcs-server.
"""

import io
import json
import socket
import time
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest
import requests
from google.cloud.storage._media.requests import ResumableUpload

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


PIECE = 256 * 1024
RESUMABLE = {
    "Content-Type": "image/png",
    "x-goog-content-length-range": "1,2000000",
    "x-goog-if-generation-match": "0",
    "x-goog-resumable": "start",
}


def start_session(place: Place, name: str) -> str:
    """A session's address, of which the caller needs nothing else."""
    url = place.sign(name, method="POST", headers=RESUMABLE)
    answer = loopback.post(url, headers=RESUMABLE)
    assert answer.status_code == 201
    return answer.headers["location"]


def send(session: str, content: bytes, content_range: str) -> tuple[int, str | None]:
    answer = loopback.put(session, content=content, headers={"Content-Range": content_range})
    return answer.status_code, answer.headers.get("range")


def test_session_takes_pieces_and_says_what_has_arrived(place: Place) -> None:
    content = bytes(range(256)) * 1024 * 3 + b"end"
    total = len(content)
    session = start_session(place, "pieces.png")

    assert send(session, b"", f"bytes */{total}") == (308, None)
    assert send(session, content[:PIECE], f"bytes 0-{PIECE - 1}/{total}") == (308, f"bytes=0-{PIECE - 1}")
    assert send(session, b"", "bytes */*") == (308, f"bytes=0-{PIECE - 1}")
    again = content[: 2 * PIECE]  # the beginning has arrived and is left aside
    assert send(session, again, f"bytes 0-{2 * PIECE - 1}/{total}") == (308, f"bytes=0-{2 * PIECE - 1}")
    assert send(session, content[2 * PIECE :], f"bytes {2 * PIECE}-{total - 1}/{total}")[0] == 200
    assert send(session, b"", f"bytes */{total}")[0] == 200
    stored = loopback.get(place.sign("pieces.png"))
    assert (stored.content == content, stored.headers["content-type"]) == (True, "image/png")


def test_piece_that_was_cut_off_is_continued_where_it_ended(place: Place) -> None:
    content = bytes(range(256)) * 4096
    total = len(content)
    session = start_session(place, "cut.png")
    parts = urlsplit(session)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {total}\r\n"
        connection.sendall(f"{head}Content-Range: bytes 0-{total - 1}/{total}\r\n\r\n".encode())
        connection.sendall(content[: PIECE + 1000])

    arrived = eventually(lambda: send(session, b"", f"bytes */{total}")[1], "the first piece has arrived")

    assert arrived == f"bytes=0-{PIECE - 1}"
    assert send(session, content[PIECE:], f"bytes {PIECE}-{total - 1}/{total}")[0] == 200
    assert loopback.get(place.sign("cut.png")).content == content


def test_googles_own_client_uploads_and_recovers_in_a_session(place: Place) -> None:
    content = bytes(range(256)) * 4096
    upload = ResumableUpload("unused", PIECE, checksum=None)
    upload._resumable_url, upload._stream, upload._content_type = (
        start_session(place, "own.png"),
        io.BytesIO(content),
        "",
    )
    upload._total_bytes = len(content)
    transport = requests.Session()

    upload.transmit_next_chunk(transport)
    upload._invalid = True  # as after an answer that was lost
    upload._stream.seek(0)
    upload.recover(transport)
    assert upload.bytes_uploaded == PIECE
    while not upload.finished:
        upload.transmit_next_chunk(transport)

    assert loopback.get(place.sign("own.png")).content == content


def test_session_is_refused_when_its_start_is_not_as_signed(place: Place) -> None:
    url = place.sign("other.png", method="POST", headers=RESUMABLE)

    for headers in (
        {**RESUMABLE, "Content-Type": "text/html"},
        {**RESUMABLE, "x-goog-content-length-range": "1,99999999"},
        {**RESUMABLE, "x-goog-if-generation-match": "1"},
        {name: value for name, value in RESUMABLE.items() if name != "x-goog-resumable"},
    ):
        assert loopback.post(url, headers=headers).status_code == 403
    assert loopback.post(url, headers=RESUMABLE, content=b"body").status_code == 400
    assert loopback.put(url, headers=RESUMABLE).status_code == 403


@pytest.mark.parametrize(
    ("content", "content_range"),
    [
        (b"x" * 10, "bytes 5-14/20"),  # after a gap
        (b"x" * 10, "bytes 0-9/20"),  # not the last, and no multiple
        (b"x" * 10, "bytes 0-10/11"),  # another length than the body's
        (b"x" * 10, "bytes 0-9/5"),
        (b"x", "bytes */1"),
        (b"x", "items 0-0/1"),
        (b"", "bytes 3-2/4"),
    ],
)
def test_piece_is_refused_when_it_does_not_continue_the_object(
    place: Place, content: bytes, content_range: str
) -> None:
    session = start_session(place, "wrong.png")

    assert send(session, content, content_range) == (400, None)
    assert send(session, b"", "bytes */*") == (308, None)


def test_object_of_a_session_is_written_once_and_within_what_was_signed(place: Place) -> None:
    first, second = start_session(place, "twice.png"), start_session(place, "twice.png")
    large = bytes(PIECE * 8)

    assert send(start_session(place, "large.png"), large, f"bytes 0-{len(large) - 1}/{len(large)}")[0] == 400
    assert loopback.get(place.sign("large.png")).status_code == 404
    assert send(first, b"one", "bytes 0-2/3")[0] == 200
    assert send(second, b"two", "bytes 0-2/3")[0] == 412
    assert loopback.get(place.sign("twice.png")).content == b"one"


def test_session_is_not_found_when_its_id_or_object_is_another(place: Place) -> None:
    session = start_session(place, "mine.png")
    path = urlsplit(session).path

    assert send(session.replace(path, "/films/theirs.png"), b"one", "bytes 0-2/3")[0] == 404
    assert send(f"{place.media}/films/mine.png?upload_id=guess", b"one", "bytes 0-2/3")[0] == 404


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
