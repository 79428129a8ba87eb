"""A download that is cut off goes on, and what arrives is checked."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import google_crc32c
import pytest

from client.api import PromptreelClient
from client.downloads import DamagedDownload
from client.errors import NotReachable

FILM = b"all of the film"
REST = {"ETag": '"one"', "Content-Range": "bytes 6-14/15"}


def _hashes(content: bytes) -> dict[str, str]:
    crc32c = base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode()
    md5 = base64.b64encode(hashlib.md5(content).digest()).decode()
    return {"x-goog-hash": f"crc32c={crc32c},md5={md5}"}


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return tmp_path / "film.mp4"


def test_download_goes_on_where_it_was_cut_off(
    fake_api: Any, api_client: PromptreelClient, answer: Any, film: Path
) -> None:
    whole = answer(200, FILM, {"ETag": '"one"'}, cut_at=6)
    fake_api.on("GET", "/film.mp4", whole, answer(206, FILM[6:], REST | _hashes(FILM)))

    api_client.download(f"{fake_api.url}/film.mp4", film)

    assert film.read_bytes() == FILM
    assert [request.headers.get("range") for request in fake_api.requests] == [None, "bytes=6-"]
    assert [path.name for path in film.parent.iterdir()] == ["film.mp4"]


@pytest.mark.usefixtures("no_retries")
def test_download_goes_on_when_the_command_is_repeated(
    fake_api: Any, api_client: PromptreelClient, answer: Any, film: Path
) -> None:
    fake_api.on("GET", "/film.mp4", answer(200, FILM, {"ETag": '"one"'}, cut_at=6), answer(206, FILM[6:], REST))
    with pytest.raises(NotReachable):
        api_client.download(f"{fake_api.url}/film.mp4", film)
    assert not film.exists()

    api_client.download(f"{fake_api.url}/film.mp4", film)

    assert film.read_bytes() == FILM


@pytest.mark.parametrize(
    "rest",
    [
        (206, b"another film", {"ETag": '"two"', "Content-Range": "bytes 6-17/18"}),
        (206, b" the film", {"ETag": '"one"', "Content-Range": "bytes 8-14/15"}),
        (206, b" the film", {"Content-Range": "bytes 6-14/15"}),
        (416, None, {}),
    ],
    ids=["another file", "another place", "no etag", "no such range"],
)
def test_download_begins_again_when_the_rest_does_not_fit(
    fake_api: Any, api_client: PromptreelClient, answer: Any, film: Path, rest: tuple[Any, ...]
) -> None:
    cut = answer(200, FILM, {"ETag": '"one"'}, cut_at=6)
    fake_api.on("GET", "/film.mp4", cut, answer(*rest), answer(200, b"a new film", {"ETag": '"two"'}))

    api_client.download(f"{fake_api.url}/film.mp4", film)

    assert film.read_bytes() == b"a new film"
    assert [path.name for path in film.parent.iterdir()] == ["film.mp4"]


def test_download_begins_again_when_the_server_has_no_ranges(
    fake_api: Any, api_client: PromptreelClient, answer: Any, film: Path
) -> None:
    fake_api.on("GET", "/film.mp4", answer(200, FILM, cut_at=6), answer(200, FILM))

    api_client.download(f"{fake_api.url}/film.mp4", film)

    assert film.read_bytes() == FILM


@pytest.mark.parametrize("headers", [_hashes(b"something else"), {"x-goog-hash": "md5=AAAA"}])
def test_download_is_refused_when_a_checksum_differs(
    fake_api: Any, api_client: PromptreelClient, answer: Any, film: Path, headers: dict[str, str]
) -> None:
    fake_api.on("GET", "/film.mp4", answer(200, FILM, headers))

    with pytest.raises(DamagedDownload):
        api_client.download(f"{fake_api.url}/film.mp4", film)

    assert list(film.parent.iterdir()) == []


def test_download_is_refused_when_the_rest_does_not_make_the_announced_length(
    fake_api: Any, api_client: PromptreelClient, answer: Any, film: Path
) -> None:
    cut = answer(200, FILM, {"ETag": '"one"'}, cut_at=6)
    fake_api.on("GET", "/film.mp4", cut, answer(206, b" the", {"ETag": '"one"', "Content-Range": "bytes 6-9/15"}))

    with pytest.raises(DamagedDownload, match="10 bytes, and 15"):
        api_client.download(f"{fake_api.url}/film.mp4", film)


def test_download_sends_no_token_to_the_store(
    fake_api: Any, api_client: PromptreelClient, answer: Any, film: Path
) -> None:
    fake_api.on("GET", "/film.mp4", answer(200, FILM, _hashes(FILM)))

    api_client.download(f"{fake_api.url}/film.mp4", film)

    assert "authorization" not in fake_api.requests[0].headers
