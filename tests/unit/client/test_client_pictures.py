"""`--reference`, `--consent`, `--frame`: files are uploaded once each, and their addresses are sent in the request."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client.plan_page import markdown_page

Run = Callable[..., int]
MIRA = b"\x89PNG, as far as the client knows"
DIGEST = hashlib.sha256(MIRA).hexdigest()


@pytest.fixture
def uploads(fake_api: Any, answer: Any) -> None:
    """An API that offers one upload and accepts every request."""
    headers = {"Content-Type": "image/png", "x-goog-if-generation-match": "0"}
    offered = {"uri": "upload:abc123", "url": f"{fake_api.url}/bucket/abc123?sig=1", "headers": headers}
    fake_api.on("POST", "/v1/uploads", answer(201, offered))
    fake_api.on("PUT", "/bucket/abc123", answer(200))
    fake_api.on("POST", "/v1/jobs", answer(202, {"id": "film-1", "state": "PENDING"}))


def test_reference_is_uploaded_and_named_by_its_address(run: Run, fake_api: Any, uploads: None, tmp_path: Path) -> None:
    file = tmp_path / "mira.PNG"
    file.write_bytes(MIRA)
    words = ("--reference", f"character:Mira={file}", "--consent", "Mira=She agreed in writing.")

    assert run("submit", "A lighthouse", *words) == 0

    offer, put, submitted = fake_api.requests
    assert offer.body == {"content_type": "image/png", "sha256": DIGEST}
    assert (put.method, put.path, put.body) == ("PUT", "/bucket/abc123?sig=1", MIRA)
    assert put.headers["content-type"] == "image/png"
    assert put.headers["x-goog-if-generation-match"] == "0"
    assert "authorization" not in put.headers
    assert submitted.body["references"] == [
        {
            "kind": "character",
            "name": "Mira",
            "uri": "upload:abc123",
            "shows_real_person": True,
            "consent": "She agreed in writing.",
        }
    ]


def test_picture_that_is_there_already_is_no_error(
    run: Run, fake_api: Any, answer: Any, uploads: None, tmp_path: Path
) -> None:
    (tmp_path / "mira.png").write_bytes(MIRA)
    fake_api.on("PUT", "/bucket/abc123", answer(412))

    assert run("submit", "A lighthouse", "--reference", f"character:Mira={tmp_path / 'mira.png'}") == 0
    assert fake_api.requests[-1].path == "/v1/jobs"


def test_address_elsewhere_and_file_of_a_request_are_told_apart(
    run: Run, fake_api: Any, uploads: None, tmp_path: Path
) -> None:
    (tmp_path / "mira.png").write_bytes(MIRA)
    request = tmp_path / "film.yaml"
    request.write_text(
        "prompt: A lighthouse\nreferences:\n"
        f"- {{kind: character, name: Mira, uri: {tmp_path / 'mira.png'}}}\n"
        "- {kind: place, name: Harbour, uri: gs://brand-pictures/harbour.jpg}\n"
        "- {kind: style, name: Woodcut, uri: https://pictures.example/wood.png}\n"
        f"frames:\n- {{scene: 1, frame: start, uri: {tmp_path / 'mira.png'}}}\n"
    )

    assert run("submit", str(request)) == 0

    assert [one["uri"] for one in fake_api.requests[-1].body["references"]] == [
        "upload:abc123",
        "gs://brand-pictures/harbour.jpg",
        "https://pictures.example/wood.png",
    ]
    assert fake_api.requests[-1].body["frames"] == [{"scene": "1", "frame": "start", "uri": "upload:abc123"}]
    assert fake_api.paths().count("POST /v1/uploads") == 2


def test_own_frame_is_uploaded_and_named_with_its_place_and_fit(
    run: Run, fake_api: Any, uploads: None, tmp_path: Path
) -> None:
    (tmp_path / "mira.png").write_bytes(MIRA)
    words = ("--frame", f"3:start={tmp_path / 'mira.png'}", "--frame", "1:end:pad:#102030=gs://brand-pictures/a=b.png")

    assert run("submit", "A lighthouse", "--scenes", "3", *words) == 0

    assert fake_api.requests[-1].body["frames"] == [
        {"scene": 3, "frame": "start", "uri": "upload:abc123"},
        {"scene": 1, "frame": "end", "fit": "pad", "colour": "#102030", "uri": "gs://brand-pictures/a=b.png"},
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--frame", "start=mira.png"), "names no place"),
        (("--frame", "3=mira.png"), "names no place"),
        (("--frame", "3:start"), "is not SCENE:start=FILE"),
        (("--frame", "3:start=missing.png"), "missing.png cannot be read"),
        (("--reference", "Mira=mira.png"), "names no kind"),
        (("--reference", "character:Mira"), "is not KIND:NAME=FILE"),
        (("--reference", "character:Mira=mira.heic"), "PNG, JPEG and WebP can be uploaded"),
        (("--reference", "character:Mira=missing.png"), "missing.png cannot be read"),
        (("--reference", "character:Mira=upload:1", "--consent", "Tom=He agreed."), "there is no --reference of Tom"),
    ],
)
def test_option_is_refused_before_anything_is_sent(
    run: Run, fake_api: Any, uploads: None, words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("submit", "A lighthouse", *words) == 2

    assert message in " ".join(capsys.readouterr().err.split())
    assert fake_api.requests == []


def test_submission_shows_what_each_picture_is_drawn_into(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: Any = {
        "kind": "character",
        "name": "Mira",
        "description": None,
        "width_px": 900,
        "height_px": 700,
        "source": "upload:abc123",
        "consent": "She agreed.",
        "drawn_into": "keyframes",
    }
    answered = {"id": "film-1", "state": "PENDING", "references": [shown], "references_way": "Through its keyframes."}
    fake_api.on("POST", "/v1/jobs", answer(202, answered))

    assert run("submit", "A lighthouse") == 0

    printed = " ".join(capsys.readouterr().err.split())
    assert "Picture character Mira, 900x700, drawn into keyframes; with a statement of consent" in printed
    assert "Picture Through its keyframes." in printed
    board = {"style_guide": {"visual_style": "ink", "palette": ["red"], "camera": "still"}}
    page = markdown_page(
        {  # type: ignore[typeddict-item]
            "id": "film-1",
            "title": "Light",
            "request": {"prompt": "A lighthouse"},
            "board": board | {"characters": [], "settings": []},
            "budget": {"spent_usd": "0", "reserved_usd": "1", "limit_usd": "25"},
            "planned_duration_s": 4.0,
            "references": [shown],
            "scenes": [],
        }
    )
    assert "## Your pictures\n\n- **Mira:** character Mira, 900x700, drawn into keyframes" in page
