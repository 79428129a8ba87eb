"""streamGenerateContent through the real client: the same answer in pieces, billed once."""

import httpx2
import pytest
from google import genai
from google.genai import types
from pydantic import BaseModel

from localcloud.tests import loopback
from localcloud.tests.vertex.harness import IMAGE_MODEL, TEXT_MODEL, FakeVertex, pictures_of

STORY = "An old keeper wakes before dawn. A storm rolls in from the sea. The boat reaches the harbour."


class Scene(BaseModel):
    text: str


def test_pieces_make_the_same_answer_and_are_billed_once_when_text_is_streamed(
    vertex: FakeVertex, client: genai.Client
) -> None:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Scene)
    whole = client.models.generate_content(model=TEXT_MODEL, contents=STORY, config=config)
    pieces = list(client.models.generate_content_stream(model=TEXT_MODEL, contents=STORY, config=config))

    assert len(pieces) > 1
    assert "".join(piece.text or "" for piece in pieces) == whole.text
    endings = [piece.candidates[0].finish_reason for piece in pieces if piece.candidates]
    assert endings == [None] * (len(pieces) - 1) + [types.FinishReason.STOP]
    assert pieces[-1].usage_metadata == whole.usage_metadata
    assert len({entry["micros"] for entry in vertex.ledger()}) == 1
    assert len(vertex.ledger()) == 2


def test_picture_comes_after_the_thought_when_streamed(client: genai.Client) -> None:
    pieces = list(client.models.generate_content_stream(model=IMAGE_MODEL, contents="A boat"))

    assert [len(pictures_of(piece)) for piece in pieces] == [0, 1]


def test_one_piece_says_so_when_prompt_is_blocked_in_a_stream(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("blocked")
    (piece,) = client.models.generate_content_stream(model=TEXT_MODEL, contents=STORY)

    assert piece.prompt_feedback is not None
    assert piece.prompt_feedback.block_reason is types.BlockedReason.PROHIBITED_CONTENT


def test_answer_is_billed_when_lost_in_a_stream(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("reset_after", method="streamGenerateContent")
    with pytest.raises(httpx2.ReadError):
        list(client.models.generate_content_stream(model=TEXT_MODEL, contents=STORY))

    assert [entry["outcome"] for entry in vertex.ledger()] == ["answer_lost"]


def test_stream_is_one_json_list_when_not_asked_for_as_events(vertex: FakeVertex) -> None:
    url = f"{vertex.url}/v1/projects/p/locations/global/publishers/google/models/{TEXT_MODEL}:streamGenerateContent"
    body = {"contents": {"role": "user", "parts": {"text": STORY}}}
    answer = loopback.post(url, json=body, headers={"Authorization": "Bearer x"}).raise_for_status().json()

    assert isinstance(answer, list)
    assert answer[-1]["candidates"][0]["finishReason"] == "STOP"
