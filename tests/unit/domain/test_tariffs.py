"""What is reserved for a call is never less than it can be billed: for every model, limit and split of its tokens."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptreel.domain.models import ImageModel, TokenUsage, registry
from promptreel.domain.tariffs import ReportedUsage, image_tariff, text_tariff

BEFORE, AFTER = datetime(2026, 12, 31, 23, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("model", registry().image, ids=lambda model: model.id)
@settings(deadline=None)
@given(data=st.data())
def test_picture_reserves_at_least_its_bill_whatever_its_output_is_made_of(
    model: ImageModel, data: st.DataObject
) -> None:
    size = data.draw(st.sampled_from(sorted(model.picture_tokens)))
    limit = data.draw(st.integers(model.first_output_tokens(size), model.max_output_tokens))
    tariff = image_tariff(model, size, 1, limit)
    picture_tokens = model.picture_tokens[size]
    pictures = data.draw(st.integers(0, limit // picture_tokens)) * picture_tokens
    text = data.draw(st.integers(0, limit - pictures))
    prompt = data.draw(st.integers(1, model.max_prompt_tokens + model.reference_tokens))
    billed = TokenUsage(input=prompt, output=text, picture=pictures)
    reported = ReportedUsage(
        input=data.draw(st.sampled_from([prompt, None])),
        output=data.draw(st.sampled_from([text + pictures, None])),
        picture=data.draw(st.sampled_from([pictures, None])),
    )
    bill = tariff.cost_micros(billed, BEFORE)

    assert bill <= tariff.cost_micros(tariff.complete(reported), BEFORE) <= tariff.reserved_micros(BEFORE)


@settings(deadline=None)
@given(prompt=st.integers(1, 4000), output=st.integers(0, 16384), known=st.tuples(st.booleans(), st.booleans()))
def test_text_reserves_at_least_its_bill_whatever_is_reported(
    prompt: int, output: int, known: tuple[bool, bool]
) -> None:
    tariff = text_tariff(registry().text_model("gemini-3.8-flash"), 4000, 16384)
    reported = ReportedUsage(prompt if known[0] else None, output if known[1] else None, 0)
    bill = tariff.cost_micros(TokenUsage(input=prompt, output=output), BEFORE)

    assert bill <= tariff.cost_micros(tariff.complete(reported), BEFORE) <= tariff.reserved_micros(BEFORE)


def test_price_that_begins_tomorrow_is_reserved_today() -> None:
    tariff = text_tariff(registry().text_model("gemini-3.8-flash"), 4000, 16384)

    assert tariff.reserved_micros(BEFORE) == tariff.cost_micros(tariff.maximum, AFTER) == tariff.reserved_micros(AFTER)
    assert tariff.cost_micros(tariff.maximum, BEFORE) < tariff.reserved_micros(BEFORE)


@pytest.mark.parametrize("model", registry().image, ids=lambda model: model.id)
def test_first_request_for_a_picture_has_room_for_one_whatever_its_size(model: ImageModel) -> None:
    for size, tokens in model.picture_tokens.items():
        assert tokens + 1000 <= model.first_output_tokens(size) <= model.max_output_tokens


@pytest.mark.parametrize(
    ("model", "frame_px", "size"),
    [
        ("gemini-3.1-flash-image", (640, 360), "512"),
        ("gemini-3.1-flash-image", (1280, 720), "1K"),
        ("gemini-3.1-flash-image", (720, 1280), "1K"),
        ("gemini-3.1-flash-image", (1920, 1080), "2K"),
        ("gemini-3.1-flash-image", (1080, 1920), "2K"),
        ("gemini-3.1-flash-image", (3840, 2160), "4K"),
        ("gemini-3-pro-image", (640, 360), "1K"),
        ("gemini-3-pro-image", (1920, 1080), "2K"),
        ("gemini-3.1-flash-lite-image", (3840, 2160), "1K"),
    ],
)
def test_picture_has_the_smallest_size_of_its_model_that_covers_the_frame(
    model: str, frame_px: tuple[int, int], size: str
) -> None:
    assert registry().image_model(model).size_for(frame_px) == size
