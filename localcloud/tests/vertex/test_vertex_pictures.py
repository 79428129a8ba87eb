"""Pictures through the real client: exact sizes, visible differences, references that show."""

import colorsys
import io
from typing import Any

import numpy as np
import pytest
from google import genai
from google.genai import errors, types
from PIL import Image

from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import (
    IMAGE_MODEL,
    FakeVertex,
    a_picture,
    pictures_of,
    pixels,
    psnr_db,
)


def painted(
    client: genai.Client, prompt: str, *, references: int | list[types.Part] = 0, seed: int = 7, **image: str
) -> types.GenerateContentResponse:
    if isinstance(references, int):
        references = [types.Part.from_bytes(data=a_picture(), mime_type="image/png")] * references
    config = types.GenerateContentConfig(
        response_modalities=["TEXT", "IMAGE"],
        seed=seed,
        image_config=types.ImageConfig(**({"aspect_ratio": "16:9", "image_size": "1K"} | image)),
    )
    contents: list[Any] = [types.Part.from_text(text=prompt), *references]
    return client.models.generate_content(model=IMAGE_MODEL, contents=contents, config=config)


@pytest.mark.parametrize(
    ("aspect", "size", "expected_px"),
    [
        ("16:9", "1K", (1376, 768)),
        ("9:16", "1K", (768, 1376)),
        ("1:1", "1K", (1024, 1024)),
        ("16:9", "2K", (2752, 1536)),
    ],
)
def test_picture_is_a_png_of_exactly_that_size_when_a_size_is_asked(
    client: genai.Client, aspect: str, size: str, expected_px: tuple[int, int]
) -> None:
    (png,) = pictures_of(painted(client, "A fox in a forest", aspect_ratio=aspect, image_size=size))

    with Image.open(io.BytesIO(png)) as picture:
        assert (picture.format, picture.size) == ("PNG", expected_px)


def test_each_panel_shows_its_own_scene_between_white_lines_when_panels_are_asked(client: genai.Client) -> None:
    prompt = "panels in 2 columns and 1 row\nPanel 1: The sea at night\nPanel 2: Snow at noon"

    (png,) = pictures_of(painted(client, prompt))

    seen = pixels(png)
    white = (seen.min(axis=2) == 255).all(axis=0).nonzero()[0]
    assert 4 <= len(white) <= 12
    assert abs(white.mean() - 688) <= 0.012 * 688 + 1
    assert seen[:300, : white[0]].mean() + 50 < seen[:300, white[-1] + 1 :].mean()


def test_very_same_picture_comes_when_same_request_is_made_again(client: genai.Client) -> None:
    first, again = (pictures_of(painted(client, "A fox in a forest"))[0] for _ in range(2))

    assert first == again


def test_pictures_differ_to_the_eye_when_prompts_differ(client: genai.Client) -> None:
    prompts = ("A fox in the forest at night", "A boat on the sea at dawn", "A city at sunset", "A field in summer")
    thumbnails = [pixels(pictures_of(painted(client, prompt))[0], (32, 18)) for prompt in prompts]

    apart = [psnr_db(a, b) for i, a in enumerate(thumbnails) for b in thumbnails[:i]]
    assert max(apart) < 20


def test_pictures_differ_when_seeds_differ(client: genai.Client) -> None:
    one, other = (pictures_of(painted(client, "A fox in a forest", seed=seed))[0] for seed in (1, 2))

    assert psnr_db(pixels(one), pixels(other)) < 30


def test_words_of_the_prompt_stand_in_the_lower_third_when_painted(client: genai.Client) -> None:
    wordless, worded = (pixels(pictures_of(painted(client, text))[0]) for text in (".", "sea " * 20))

    def bright(picture: object) -> int:
        lower = np.asarray(picture)[-768 // 3 :]
        return int((lower.min(axis=2) > 200).sum())

    assert bright(worded) > bright(wordless) + 2000


def test_colour_shows_in_the_picture_when_reference_is_given(client: genai.Client) -> None:
    reference = types.Part.from_bytes(data=a_picture("#d01020"), mime_type="image/png")
    alone, guided = (
        pixels(pictures_of(painted(client, "A boat on the sea at noon", references=given))[0])
        for given in ([], [reference])
    )

    def redness(picture: object) -> float:
        red, green, blue = np.asarray(picture).mean(axis=(0, 1))
        return float(red - (green + blue) / 2)

    assert redness(guided) > redness(alone) + 30


def test_reference_in_a_bucket_is_read_when_given_by_uri(client: genai.Client, object_store: ObjectStore) -> None:
    uri = object_store.put("references/red.png", a_picture("#d01020"))
    stored = types.Part.from_uri(file_uri=uri, mime_type="image/png")
    inline = types.Part.from_bytes(data=a_picture("#d01020"), mime_type="image/png")
    one, other = (pictures_of(painted(client, "A boat", references=[given]))[0] for given in (stored, inline))

    assert one == other


def test_call_is_refused_and_free_when_reference_in_a_bucket_is_missing(
    vertex: FakeVertex, client: genai.Client
) -> None:
    gone = types.Part.from_uri(file_uri="gs://films/never-written.png", mime_type="image/png")
    with pytest.raises(errors.ClientError) as refused:
        painted(client, "A boat", references=[gone])

    assert refused.value.code == 400
    assert vertex.ledger() == []


def test_call_is_refused_and_fourteen_are_taken_when_there_are_fifteen(
    client: genai.Client,
) -> None:
    with pytest.raises(errors.ClientError, match="15 images"):
        painted(client, "A boat", references=15)

    assert pictures_of(painted(client, "A boat", references=14))


def test_tokens_stand_apart_when_a_picture_is_painted(client: genai.Client) -> None:
    usage = painted(client, "Keyframe of a lighthouse", references=2).usage_metadata

    assert usage is not None
    assert usage.candidates_tokens_details is not None
    assert usage.prompt_token_count == 6 + 2 * 560
    assert [(each.modality, each.token_count) for each in usage.candidates_tokens_details] == [
        (types.MediaModality.IMAGE, 1120)
    ]


def test_bytes_are_one_when_jpeg_is_wished(client: genai.Client) -> None:
    (jpeg,) = pictures_of(painted(client, "A boat", output_mime_type="image/jpeg"))

    with Image.open(io.BytesIO(jpeg)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (1376, 768))


def test_call_is_refused_when_the_model_does_not_offer_it(client: genai.Client) -> None:
    config = types.GenerateContentConfig(image_config=types.ImageConfig(image_size="4K"))
    with pytest.raises(errors.ClientError, match="image size 4K"):
        client.models.generate_content(model="gemini-3.1-flash-lite-image", contents="A boat", config=config)


def test_hues_span_the_wheel_when_many_prompts_are_painted(client: genai.Client) -> None:
    skies = [pixels(pictures_of(painted(client, f"Idea {n}"))[0])[:200].mean(axis=(0, 1)) / 255 for n in range(12)]
    hues = {round(colorsys.rgb_to_hsv(*sky)[0] * 8) for sky in skies}

    assert len(hues) >= 4


@pytest.mark.parametrize(("limit", "drawn"), [(1120 + 40, 1), (1120 + 39, 0)])
def test_picture_is_cut_off_when_its_tokens_pass_the_output_limit(
    vertex: FakeVertex, client: genai.Client, limit: int, drawn: int
) -> None:
    config = types.GenerateContentConfig(max_output_tokens=limit)
    answer = client.models.generate_content(model=IMAGE_MODEL, contents="A boat", config=config)

    assert len(pictures_of(answer)) == drawn
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is (types.FinishReason.STOP if drawn else types.FinishReason.MAX_TOKENS)
    assert all(line["micros"] for line in vertex.ledger())
