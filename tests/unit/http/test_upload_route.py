"""POST /v1/uploads: a link for one picture of the caller, and the request that names it."""

import hashlib

from flask.testing import FlaskClient

from promptreel.usecases.take_in_pictures import upload_folder
from tests.fakes.services import FakeServices
from tests.picture_files import a_picture, encoded
from tests.unit.http.api_requests import bearer, submit

MIRA = "mira@example.com"
SHA256 = "ab" * 32


def test_link_writes_one_object_of_the_caller_once(http: FlaskClient, world: FakeServices) -> None:
    answer = http.post("/v1/uploads", json={"content_type": "image/png"}, headers=bearer(MIRA))

    offered = answer.get_json()
    ((uri, method, headers, expires_s),) = world.uploads.signed
    assert answer.status_code == 201
    assert uri == world.uploads.uri(f"{upload_folder(MIRA)}{offered['id']}")
    assert offered["uri"] == f"upload:{offered['id']}"
    assert offered["method"] == method == "PUT"
    assert (offered["headers"], offered["max_bytes"], expires_s) == (headers, 20_000_000, 900)
    assert headers == {
        "Content-Type": "image/png",
        "x-goog-content-length-range": "1,20000000",
        "x-goog-if-generation-match": "0",
    }


def test_same_file_has_the_same_address_and_another_owner_another(http: FlaskClient, world: FakeServices) -> None:
    body = {"content_type": "image/png", "sha256": SHA256}

    addresses = [
        http.post("/v1/uploads", json=body, headers=bearer(who)).get_json()["uri"]
        for who in (MIRA, MIRA, "tom@example.com")
    ]

    assert len(set(addresses)) == 1
    places = [uri for uri, _, _, _ in world.uploads.signed]
    assert places[0] == places[1] != places[2]


def test_upload_is_shown_with_the_job_that_names_it(http: FlaskClient, world: FakeServices) -> None:
    offered = http.post("/v1/uploads", json={"content_type": "image/png"}, headers=bearer(MIRA)).get_json()
    world.uploads.objects[world.uploads.signed[0][0]] = encoded(a_picture())
    reference = {"kind": "place", "name": "Harbour", "uri": offered["uri"]}

    accepted = submit(http, {"prompt": "A lighthouse keeper waits", "references": [reference]}).get_json()
    shown = http.get(f"/v1/jobs/{accepted['id']}", headers=bearer(MIRA)).get_json()

    expected = {"kind": "place", "name": "Harbour", "description": None, "source": offered["uri"], "consent": None}
    expected |= {"width_px": 320, "height_px": 240, "drawn_into": "keyframes"}
    assert accepted["references"] == [expected]
    assert "through its keyframes" in accepted["references_way"] == shown["references_way"]
    (one,) = shown["references"]
    assert one["image"]["url"].startswith("https://signed.example/artifacts/jobs/")
    assert {name: one[name] for name in expected} == expected


def test_field_is_refused_by_name(http: FlaskClient) -> None:
    for body, words in (
        ({}, "content_type: Field required"),
        ({"content_type": "image/svg+xml"}, "content_type: Input should be 'image/png', 'image/jpeg' or 'image/webp'"),
        ({"content_type": "image/png", "sha256": "../x"}, "sha256: String should match pattern"),
        ({"content_type": "image/png", "name": "a"}, "name: there is no such field"),
    ):
        answer = http.post("/v1/uploads", json=body, headers=bearer(MIRA))
        assert answer.status_code == 422
        assert words in answer.get_json()["message"]
    assert http.post("/v1/uploads", json={"content_type": "image/png"}).status_code == 403


def test_job_without_references_says_nothing_of_them(http: FlaskClient) -> None:
    answer = submit(http).get_json()

    assert (answer["references"], answer["references_way"]) == ([], None)


def test_link_starts_a_session_when_the_upload_is_to_be_resumable(http: FlaskClient, world: FakeServices) -> None:
    answer = http.post("/v1/uploads", json={"content_type": "image/png", "resumable": True}, headers=bearer(MIRA))

    offered = answer.get_json()
    ((_, method, headers, _),) = world.uploads.signed
    assert offered["method"] == method == "POST"
    assert offered["headers"] == headers
    assert headers["x-goog-resumable"] == "start"
    assert headers["x-goog-if-generation-match"] == "0"


def test_kind_is_refused_by_name_when_it_is_not_built_yet(http: FlaskClient, world: FakeServices) -> None:
    for kind in ("music", "narration"):
        body = {"content_type": "image/png", "kind": kind}
        answer = http.post("/v1/uploads", json=body, headers=bearer(MIRA))
        assert (answer.status_code, answer.get_json()["code"]) == (422, "not_supported_yet")
        assert f"kind: {kind}" in answer.get_json()["message"]
    assert world.uploads.signed == []


def test_upload_is_shown_as_what_it_is(http: FlaskClient, world: FakeServices) -> None:
    body = {"content_type": "image/webp"}
    offered = http.post("/v1/uploads", json=body, headers=bearer(MIRA)).get_json()
    data = encoded(a_picture())  # a PNG, whatever was said
    world.uploads.objects[world.uploads.signed[0][0]] = data

    shown = http.get(f"/v1/uploads/{offered['id']}", headers=bearer(MIRA))

    assert shown.get_json() == {
        "id": offered["id"],
        "uri": offered["uri"],
        "kind": "picture",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "content_type": "image/png",
        "width_px": 320,
        "height_px": 240,
        "remarks": [],
        "problem": None,
    }


def test_upload_is_shown_with_its_problem_when_it_cannot_be_used(http: FlaskClient, world: FakeServices) -> None:
    offered = http.post("/v1/uploads", json={"content_type": "image/png"}, headers=bearer(MIRA)).get_json()
    world.uploads.objects[world.uploads.signed[0][0]] = b"%PDF-1.7"

    shown = http.get(f"/v1/uploads/{offered['id']}", headers=bearer(MIRA)).get_json()

    assert (shown["content_type"], shown["width_px"], shown["problem"]["code"]) == (None, None, "picture_unreadable")


def test_upload_is_not_found_when_it_is_missing_or_of_another(http: FlaskClient, world: FakeServices) -> None:
    offered = http.post("/v1/uploads", json={"content_type": "image/png"}, headers=bearer(MIRA)).get_json()
    path = f"/v1/uploads/{offered['id']}"
    missing = http.get(path, headers=bearer(MIRA))
    world.uploads.objects[world.uploads.signed[0][0]] = encoded(a_picture())

    foreign = http.get(path, headers=bearer("tom@example.com"))

    assert (missing.status_code, foreign.status_code) == (404, 404)
    assert missing.get_json() == foreign.get_json()
    assert http.get(path).status_code == 403
