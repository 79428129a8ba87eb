"""Judging through the real client: the answer depends on what is seen, in whatever words it is asked for."""

from pathlib import Path
from typing import Any, Literal

import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel, Field

from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import TEXT_MODEL, FakeVertex, a_picture
from localcloud.vertex.clip.render import Clip, render
from localcloud.vertex.picture.paint import PictureRequest, paint

FOX = "A fox in the forest"


class Verdict(BaseModel):
    score: int = Field(ge=0, le=100)
    likeness: float
    usable: bool
    is_broken: bool
    outcome: Literal["pass", "fail"]
    problems: list[str]
    reason: str


def a_scene(prompt: str) -> bytes:
    return paint(PictureRequest(prompt, (), "1K", 1376, 768, "1"))


def picture(content: bytes) -> types.Part:
    return types.Part.from_bytes(data=content, mime_type="image/png")


@pytest.fixture
def film(tmp_path: Path) -> Any:
    """Renders a clip of the fox, with the flaws named."""

    def make(*flaws: str) -> bytes:
        file = tmp_path / "clip.mp4"
        render(Clip(FOX, 7, 0, 4, 640, 360, audio=True, first=a_scene(FOX), flaws={flaw: {} for flaw in flaws}), file)
        return file.read_bytes()

    return make


def judged(client: genai.Client, *parts: types.Part, schema: type[BaseModel] = Verdict) -> Any:
    contents: list[Any] = [*parts, types.Part.from_text(text="Judge it. Score 0 to 100, pass from 70 points.")]
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=schema)
    return client.models.generate_content(model=TEXT_MODEL, contents=contents, config=config).parsed


def clip(content: bytes) -> types.Part:
    return types.Part.from_bytes(data=content, mime_type="video/mp4")


def test_good_clip_passes_without_problems_when_judged_with_its_first_picture(client: genai.Client, film: Any) -> None:
    verdict = judged(client, picture(a_scene(FOX)), clip(film()))

    assert verdict.score >= 80
    assert verdict.likeness >= 0.8
    assert (verdict.usable, verdict.is_broken, verdict.outcome, verdict.problems) == (True, False, "pass", [])


@pytest.mark.parametrize(("flaw", "word"), [("black_clip", "black"), ("frozen_clip", "frozen")])
def test_clip_fails_and_the_reason_says_so_when_it_is_black_or_frozen(
    client: genai.Client, film: Any, flaw: str, word: str
) -> None:
    verdict = judged(client, clip(film(flaw)))

    assert verdict.score <= 40
    assert (verdict.usable, verdict.is_broken, verdict.outcome) == (False, True, "fail")
    assert word in verdict.reason
    assert word in verdict.problems[0]


def test_pictures_get_less_than_equal_ones_when_one_is_of_something_else(client: genai.Client) -> None:
    fox, rocket = picture(a_scene(FOX)), picture(a_scene("A rocket on mars at night"))
    equal, unlike = judged(client, fox, fox), judged(client, fox, rocket)

    assert equal.score > 90
    assert unlike.score < 60
    assert (equal.usable, unlike.usable) == (True, False)


def test_clip_gets_less_when_it_belongs_to_another_picture(client: genai.Client, film: Any) -> None:
    own, foreign = picture(a_scene(FOX)), picture(a_scene("A rocket on mars at night"))

    assert judged(client, own, clip(film())).score > judged(client, foreign, clip(film())).score + 20


def test_clip_is_judged_like_the_same_bytes_inline_when_it_lies_in_a_bucket(
    client: genai.Client, object_store: ObjectStore, film: Any
) -> None:
    for flaws in ((), ("black_clip",)):
        content = film(*flaws)
        uri = object_store.put("judged/clip.mp4", content)
        stored = judged(client, types.Part.from_uri(file_uri=uri, mime_type="video/mp4"))

        assert stored == judged(client, clip(content))


def test_unbounded_mark_lies_on_it_when_the_prompt_names_the_scale(client: genai.Client) -> None:
    class Rating(BaseModel):
        rating: float

    assert 80 <= judged(client, picture(a_scene(FOX)), schema=Rating).rating <= 100


def test_story_is_told_and_no_mark_given_when_a_story_is_asked_for(
    client: genai.Client,
) -> None:
    class Scene(BaseModel):
        text: str
        seconds: int = Field(ge=4, le=8)

    class Script(BaseModel):
        scenes: list[Scene]

    prompt = "Write 2 scenes of 6 seconds. <story>A fox wakes up early. It walks into the cold rain.</story>"
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Script)
    contents: list[Any] = [picture(a_picture()), prompt]
    script = client.models.generate_content(model=TEXT_MODEL, contents=contents, config=config).parsed

    assert isinstance(script, Script)
    assert [scene.seconds for scene in script.scenes] == [6, 6]
    assert "rain" in script.scenes[1].text


@pytest.mark.parametrize(("mime_type", "kind"), [("image/png", "image"), ("video/mp4", "video")])
@pytest.mark.parametrize("stored", [True, False])
def test_request_is_400_and_free_when_its_media_cannot_be_decoded(
    vertex: FakeVertex, client: genai.Client, object_store: ObjectStore, mime_type: str, kind: str, *, stored: bool
) -> None:
    part = types.Part.from_bytes(data=b"not media", mime_type=mime_type)
    if stored:
        uri = object_store.put("judged/broken", b"not media")
        part = types.Part.from_uri(file_uri=uri, mime_type=mime_type)
    with pytest.raises(errors.ClientError, match=f"Unable to process input {kind}"):
        judged(client, part)

    assert vertex.ledger() == []


def test_length_counts_and_the_bill_says_the_same_when_clip_is_counted(client: genai.Client, film: Any) -> None:
    contents: list[Any] = [clip(film()), types.Part.from_text(text="Judge it.")]
    counted = client.models.count_tokens(model=TEXT_MODEL, contents=contents).total_tokens
    usage = client.models.generate_content(model=TEXT_MODEL, contents=contents).usage_metadata

    assert usage is not None
    assert counted == usage.prompt_token_count == 3 + 4 * (258 + 32)
    assert [each.modality for each in usage.prompt_tokens_details or []] == [
        types.MediaModality.TEXT,
        types.MediaModality.VIDEO,
    ]
