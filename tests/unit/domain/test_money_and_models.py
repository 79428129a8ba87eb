"""Money in micro-dollars, and the registry that prices every call."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptreel.domain.models import ClipPrice, TokenUsage, VideoModel, registry
from promptreel.domain.money import format_usd, parse_usd, per_million
from promptreel.errors import Invalid

NOW = datetime(2026, 11, 21, tzinfo=UTC)
NEXT_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


@given(st.integers(0, 10**12))
def test_amount_is_unchanged_when_written_and_read_as_dollars(amount: int) -> None:
    assert parse_usd(format_usd(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "0.00"), (400_000, "0.40"), (125, "0.000125"), (13_143_212, "13.143212"), (10**7, "10.00")]
)
def test_dollars_are_written_as_people_write_them(amount: int, text: str) -> None:
    assert format_usd(amount) == text


def test_amount_is_refused_when_finer_than_a_micro_dollar() -> None:
    with pytest.raises(ValueError, match="finer than a micro-dollar"):
        parse_usd(Decimal("0.0000001"))


@given(st.lists(st.tuples(st.integers(0, 10**5), st.integers(0, 10**9)), max_size=4))
def test_price_of_tokens_is_rounded_up_once(parts: list[tuple[int, int]]) -> None:
    exact = sum(tokens * price for tokens, price in parts)

    assert 0 <= per_million(*parts) * 1_000_000 - exact < 1_000_000


def test_text_price_doubles_on_its_day() -> None:
    model, usage = registry().text_model("gemini-3.8-flash"), TokenUsage(input=1_000_000, output=1_000_000)

    assert model.cost_micros(usage, NOW) == 4_500_000
    assert model.cost_micros(usage, NEXT_YEAR) == 9_000_000


def test_clip_price_follows_seconds_resolution_and_sound() -> None:
    veo = registry().video_model("veo-3.1-generate-001")

    assert veo.max_micros(8, "720p", NOW, audio=True) == 3_200_000
    assert veo.max_micros(8, "4k", NOW, audio=True) == 4_800_000
    assert veo.max_micros(8, "720p", NOW, audio=False) == 1_600_000


def test_every_default_names_a_model_of_the_registry() -> None:
    for choice in registry().defaults.values():
        assert registry().text_model(choice.text).id == choice.text
        assert registry().image_model(choice.image).id == choice.image


def test_unknown_model_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(Invalid, match=r"models\.video: no model is called 'veo-9'") as refusal:
        registry().video_model("veo-9")
    assert "veo-3.1-generate-001" in refusal.value.remedy


def test_seconds_of_a_range_are_all_its_whole_seconds() -> None:
    omni = next(model for model in registry().video if model.protocol == "interactions")

    assert omni.durations_s["720p"] == (3, 4, 5, 6, 7, 8, 9, 10)
    assert omni.seconds["text"]["4k"][-1] == 15
    assert registry().video_model("veo-3.1-generate-001").durations_s["1080p"] == (8,)


def test_price_of_a_clip_is_of_one_kind() -> None:
    with pytest.raises(ValueError, match="either per_second or per_million_tokens"):
        ClipPrice.model_validate({"since": "2026-01-01"})


def test_frame_sizes_match_their_names() -> None:
    veo = registry().video_model("veo-3.1-generate-001")

    assert veo.size_px("720p", "16:9") == (1280, 720)
    assert veo.size_px("1080p", "9:16") == (1080, 1920)
    assert veo.size_px("4k", "16:9") == (3840, 2160)


def test_model_is_refused_when_a_resolution_has_no_price() -> None:
    fields = registry().video_model("veo-3.1-generate-001").model_dump(mode="json")
    del fields["prices"][0]["per_second"]["silent"]["4k"]

    with pytest.raises(ValueError, match=r"veo-3\.1-generate-001 has no frame size or price for 4k"):
        VideoModel.model_validate(fields)


def test_first_price_counts_before_its_day() -> None:
    veo = registry().video_model("veo-3.1-generate-001")

    assert veo.second_micros("720p", datetime(2020, 1, 1, tzinfo=UTC), audio=True) == 400_000
