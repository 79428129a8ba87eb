"""References on the whole stack: what comes in by each way is, byte for byte, what the image model is given."""

import hashlib
import json
from typing import Any

import pytest
from PIL import Image

from localcloud.tests import loopback
from localcloud.tests.waiting import eventually
from localstack.layout import PEOPLE
from tests.e2e.stack import OMNI, VEO_FAST, Stack
from tests.picture_files import a_picture, encoded

KLING = "kwaivgi/kling-v3-video"
MODELS = [VEO_FAST, OMNI, KLING]
ONE_SCENE = {"scenes": 1, "duration_s": 4}
OWNER = PEOPLE["owner"]
GPS = b"48.8583701,2.2944813"
PIECE = 256 * 1024


def uploaded(stack: Stack, data: bytes, content_type: str = "image/jpeg", **options: Any) -> str:
    """Upload a picture as its owner does; answers its address for a request."""
    offered = stack.api("POST", "/v1/uploads", json={"content_type": content_type}, **options).json()
    loopback.put(offered["url"], content=data, headers=offered["headers"]).raise_for_status()
    return str(offered["uri"])


def uploaded_in_pieces(stack: Stack, data: bytes, content_type: str) -> str:
    """Upload a picture by a session that is cut off after its first piece and gone on with."""
    body = {"content_type": content_type, "resumable": True}
    offered = stack.api("POST", "/v1/uploads", json=body).json()
    started = loopback.request(offered["method"], offered["url"], headers=offered["headers"]).raise_for_status()
    session, total = started.headers["location"], len(data)

    def send(piece: bytes, which: str) -> tuple[int, str | None]:
        answer = loopback.put(session, content=piece, headers={"Content-Range": f"bytes {which}/{total}"})
        return answer.status_code, answer.headers.get("range")

    assert total > PIECE
    assert send(data[:PIECE], f"0-{PIECE - 1}") == (308, f"bytes=0-{PIECE - 1}")
    assert send(b"", "*") == (308, f"bytes=0-{PIECE - 1}")
    assert send(data[PIECE:], f"{PIECE}-{total - 1}")[0] == 200
    shown = stack.api("GET", f"/v1/uploads/{offered['id']}").json()
    assert (shown["content_type"], shown["bytes"], shown["problem"]) == (content_type, total, None)
    assert shown["sha256"] == hashlib.sha256(data).hexdigest()
    return str(offered["uri"])


def on_the_web(stack: Stack, name: str, data: bytes) -> str:
    """Put a file where the local stack looks for hosts below .test; answers its https address."""
    bucket = f"{stack.project}-uploads"
    loopback.post(
        f"{stack.state['storage']}/upload/storage/v1/b/{bucket}/o",
        params={"uploadType": "media", "name": name},
        content=data,
    ).raise_for_status()
    path = name.replace("/", "%2F")
    return f"https://pictures.test/storage/v1/b/{bucket}/o/{path}?alt=media"


def stored(stack: Stack, uri: str) -> bytes:
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    path = name.replace("/", "%2F")
    answer = loopback.get(f"{stack.state['storage']}/storage/v1/b/{bucket}/o/{path}", params={"alt": "media"})
    return answer.raise_for_status().content


def given(stack: Stack, job_id: str) -> list[dict[str, str]]:
    """Address and digest of every reference that the image model was given for this job, picture by picture."""
    lines = loopback.get(f"{stack.state['vertex']}/_local/attached").json()
    return [one for line in lines for one in line["attached"] if f"/jobs/{job_id}/references/" in one["uri"]]


def calls_with_pictures(stack: Stack, job_id: str) -> list[list[str]]:
    """The addresses that each call for this job was given."""
    lines = loopback.get(f"{stack.state['vertex']}/_local/attached").json()
    found = ([one["uri"] for one in line["attached"]] for line in lines)
    return [uris for uris in found if any(f"/jobs/{job_id}/" in uri for uri in uris)]


def references(stack: Stack) -> list[dict[str, Any]]:
    """One by each way in: a character, a product and a style."""
    photo = encoded(a_picture(900, 700), "JPEG", comment=GPS)
    product, style = (
        encoded(a_picture(400, 400, "RGBA")),
        encoded(Image.effect_noise((900, 700), 90).convert("RGB"), "WEBP", lossless=True),
    )
    consent = "Mira agreed in writing on 2 November 2026 to appear in this film."
    return [
        {"kind": "character", "name": "Mira", "description": "grey hair, red coat", "uri": uploaded(stack, photo)}
        | {"shows_real_person": True, "consent": consent},
        {"kind": "product", "name": "Lumo lamp", "uri": on_the_web(stack, "web/lamp.png", product)},
        {"kind": "style", "name": "Woodcut", "uri": uploaded_in_pieces(stack, style, "image/webp")},
    ]


@pytest.mark.parametrize("model", MODELS)
def test_references_reach_every_keyframe_byte_for_byte_when_the_film_is_by(stack: Stack, model: str) -> None:
    asked = references(stack)
    job_id = stack.submit("A keeper waits in the tower", references=asked, models={"video": model}, **ONE_SCENE)
    job = stack.wait(job_id)

    assert job["state"] == "COMPLETE", job["error"]
    shown = job["references"]
    assert [(one["kind"], one["name"], one["source"]) for one in shown] == [
        (one["kind"], one["name"], one["uri"]) for one in asked
    ]
    assert {one["drawn_into"] for one in shown} == {"keyframes"}
    assert shown[0]["consent"].startswith("Mira agreed")
    assert "through its keyframes" in job["references_way"]
    pictures = {one["image"]["uri"]: stored(stack, one["image"]["uri"]) for one in shown}
    assert all(GPS not in picture and picture.startswith(b"\x89PNG") for picture in pictures.values())
    assert [loopback.get(one["image"]["url"]).content for one in shown] == list(pictures.values())

    seen = given(stack, job_id)
    assert [one["sha256"] for one in seen] == [hashlib.sha256(pictures[one["uri"]]).hexdigest() for one in seen]
    keyframes = {job["scenes"][0]["keyframes"][name]["uri"] for name in ("start", "end")}
    assert len(keyframes) == 2
    assert [one["uri"] for one in seen] == list(pictures) * 2, "character, product and style, for both keyframes"
    assert not [line for line in job["warnings"] if line.startswith("references.") and "scene" in line]


@pytest.mark.parametrize("model", MODELS)
def test_references_reach_sheets_and_keyframes_byte_for_byte_when_the_film_is_by(stack: Stack, model: str) -> None:
    asked = references(stack)
    fields = {"references": asked, "models": {"video": model}, "continuity": "sheet", **ONE_SCENE}
    job_id = stack.submit("A keeper waits in the tower", **fields)
    job = stack.wait(job_id)

    assert job["state"] == "COMPLETE", job["error"]
    ways = {one["name"]: one["drawn_into"] for one in job["references"]}
    assert ways == {"Mira": "its sheet", "Lumo lamp": "its sheet and keyframes", "Woodcut": "sheets and keyframes"}
    mira, lamp, woodcut = (one["image"]["uri"] for one in job["references"])
    digests = {uri: hashlib.sha256(stored(stack, uri)).hexdigest() for uri in (mira, lamp, woodcut)}
    assert {one["uri"]: one["sha256"] for one in given(stack, job_id)} == digests
    drawn = calls_with_pictures(stack, job_id)
    sheets = {sheet["name"]: sheet["image"]["uri"] for sheet in job["sheets"] if sheet["image"]}
    assert [mira, woodcut] in drawn, "Mira's sheet, from her picture and the style's"
    assert [lamp, woodcut] in drawn, "the lamp's sheet"
    keyframes = [uris for uris in drawn if sheets["Mira"] in uris]
    assert len(keyframes) == 2
    for uris in keyframes:
        assert {sheets["Mira"], sheets["Lumo lamp"], lamp, woodcut} <= set(uris)
        assert mira not in uris, "her sheet was drawn from it"


def test_reference_of_an_uploaded_request_is_taken_in(stack: Stack) -> None:
    picture = on_the_web(stack, "web/tower.png", encoded(a_picture(300, 300)))
    reference = {"kind": "place", "name": "Tower", "uri": picture}
    request = {"owner": OWNER, "prompt": "A keeper waits", "references": [reference], "stop_after": "storyboard"}
    stack.upload("tower.json", json.dumps(request | ONE_SCENE).encode(), "application/json")
    refused = request | {"references": [reference | {"uri": picture.replace("tower", "none")}]}
    stack.upload("none.json", json.dumps(refused).encode(), "application/json")

    job = stack.wait(stack.report("tower.json")["job_id"], "AWAITING_APPROVAL")

    assert [one["source"] for one in job["references"]] == [picture]
    assert stored(stack, job["references"][0]["image"]["uri"]).startswith(b"\x89PNG")
    report = stack.report("none.json")
    assert (report["state"], report["code"]) == ("rejected", "picture_unusable")
    assert "answers 404" in report["message"]


def test_pictures_of_others_and_of_nowhere_are_refused_and_leave_nothing(stack: Stack) -> None:
    mine = uploaded(stack, encoded(a_picture()), "image/png")
    reference = {"kind": "character", "name": "Mira"}
    refused = {
        mine: "operator",
        "https://169.254.169.254/computeMetadata/v1/": "owner",
        "https://localhost/a.png": "owner",
        f"gs://{stack.project}-prompts/a.png": "owner",
        on_the_web(stack, "web/cat.svg", b"<svg/>"): "owner",
        "upload:000000000000000000000000": "owner",
    }
    for uri, person in refused.items():
        body = {"prompt": "A keeper waits", "references": [reference | {"uri": uri}]}
        answer = stack.api("POST", "/v1/jobs", json=body, person=person)
        assert answer.status_code == 422, uri
        assert answer.json()["code"].startswith("picture_")
    bucket = f"{stack.project}-artifacts"
    listed = loopback.get(f"{stack.state['storage']}/storage/v1/b/{bucket}/o", params={"prefix": "intake/"}).json()
    jobs = {item["name"].split("/")[1] for item in listed.get("items", [])}
    assert all(stack.api("GET", f"/v1/jobs/{one}").status_code == 200 for one in jobs)


def test_deletion_removes_the_references(stack: Stack) -> None:
    job_id = stack.submit("A keeper waits", references=references(stack), approval="storyboard", **ONE_SCENE)
    uris = [one["image"]["uri"] for one in stack.wait(job_id, "AWAITING_APPROVAL")["references"]]
    assert all(stored(stack, uri) for uri in uris)

    assert stack.api("DELETE", f"/v1/jobs/{job_id}").status_code == 202

    def is_gone() -> bool:
        bucket = f"{stack.project}-artifacts"
        query = {"prefix": f"jobs/{job_id}/references/"}
        found = loopback.get(f"{stack.state['storage']}/storage/v1/b/{bucket}/o", params=query).json()
        return not found.get("items")

    eventually(is_gone, "no reference left")
