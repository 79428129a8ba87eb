"""A large picture goes on where it was cut off; a small one is sent at once."""

from typing import Any

import pytest

from client.api import PromptreelClient
from client.errors import ProblemError
from client.uploads import RESUMABLE_BYTES

CONTENT = bytes(range(256)) * (RESUMABLE_BYTES // 256)
TOTAL, PIECE = len(CONTENT), 262_144
LINK, SESSION = "/bucket/one", "/bucket/one/session"
HEADERS = {"x-goog-resumable": "start", "Content-Type": "image/png"}


@pytest.fixture
def offered(fake_api: Any, answer: Any) -> None:
    body = {"uri": "upload:one", "method": "POST", "url": f"{fake_api.url}{LINK}", "headers": HEADERS}
    fake_api.on("POST", "/v1/uploads", answer(201, body))
    fake_api.on("POST", LINK, answer(201, b"", {"Location": f"{fake_api.url}{SESSION}"}))


def upload(client: PromptreelClient, content: bytes = CONTENT) -> str:
    return client.upload_picture(content, "image/png", "ab" * 32)


def pieces(fake_api: Any) -> list[tuple[str, int]]:
    """What was sent to the session: each Content-Range, and the length of its body."""
    sent = [request for request in fake_api.requests if request.path == SESSION]
    return [(request.headers["content-range"], int(request.headers["content-length"])) for request in sent]


@pytest.mark.usefixtures("offered")
def test_large_picture_is_sent_in_a_session_without_the_token(
    fake_api: Any, api_client: PromptreelClient, answer: Any
) -> None:
    fake_api.on("PUT", SESSION, answer(308), answer(200))

    assert upload(api_client) == "upload:one"

    assert fake_api.requests[0].body["resumable"] is True
    start = fake_api.requests[1]
    assert {name: start.headers[name.lower()] for name in HEADERS} == HEADERS
    assert pieces(fake_api) == [(f"bytes */{TOTAL}", 0), (f"bytes 0-{TOTAL - 1}/{TOTAL}", TOTAL)]
    assert not any("authorization" in request.headers for request in fake_api.requests[1:])


@pytest.mark.usefixtures("offered")
def test_large_picture_goes_on_where_it_was_cut_off(fake_api: Any, api_client: PromptreelClient, answer: Any) -> None:
    arrived = answer(308, b"", {"Range": f"bytes=0-{PIECE - 1}"})
    fake_api.on("PUT", SESSION, answer(308), answer(503), arrived, answer(200))

    upload(api_client)

    assert pieces(fake_api)[2:] == [(f"bytes */{TOTAL}", 0), (f"bytes {PIECE}-{TOTAL - 1}/{TOTAL}", TOTAL - PIECE)]


@pytest.mark.usefixtures("offered")
def test_nothing_is_sent_again_when_only_the_last_answer_was_lost(
    fake_api: Any, api_client: PromptreelClient, answer: Any
) -> None:
    fake_api.on("PUT", SESSION, answer(308), answer(503), answer(200))

    upload(api_client)

    assert pieces(fake_api)[2:] == [(f"bytes */{TOTAL}", 0)]


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize("place", ["start", "end"])
def test_picture_that_is_there_already_is_taken(
    fake_api: Any, api_client: PromptreelClient, answer: Any, place: str
) -> None:
    if place == "start":
        fake_api.on("POST", LINK, answer(412))
    fake_api.on("PUT", SESSION, answer(308), answer(412))

    assert upload(api_client) == "upload:one"


@pytest.mark.usefixtures("offered")
def test_refusal_of_a_piece_is_reported(fake_api: Any, api_client: PromptreelClient, answer: Any) -> None:
    fake_api.on("PUT", SESSION, answer(308), answer(400, b"<Error/>"))

    with pytest.raises(ProblemError) as refused:
        upload(api_client)

    assert refused.value.status == 400


def test_small_picture_is_sent_at_once(fake_api: Any, api_client: PromptreelClient, answer: Any) -> None:
    body = {"uri": "upload:one", "method": "PUT", "url": f"{fake_api.url}{LINK}", "headers": {}}
    fake_api.on("POST", "/v1/uploads", answer(201, body))
    fake_api.on("PUT", LINK, answer(200))

    upload(api_client, CONTENT[:-1])

    assert "resumable" not in fake_api.requests[0].body
    assert fake_api.paths() == ["POST /v1/uploads", f"PUT {LINK}"]
