"""Answers as they come over the wire, read by the client's own types: what they hold and what they are known to use."""

import base64
import io
from typing import Any

import pytest
from google.genai import types
from PIL import Image

from promptreel.adapters.gemini_answers import read_image, read_text, read_usage
from promptreel.domain.call import CUT_OFF
from promptreel.domain.models import registry
from promptreel.domain.tariffs import ReportedUsage, image_tariff, text_tariff
from promptreel.errors import AnswerLost, Refused
from promptreel.ports.models import Declined, ImageResult, TextResult

FRAME_PX = (32, 18)
TEXT = {"candidates": [{"content": {"parts": [{"text": "{}"}]}, "finishReason": "STOP"}]}
WORDS = {"candidates": [{"content": {"parts": [{"text": "I cannot draw this."}]}, "finishReason": "STOP"}]}
WITHHELD = {"candidates": [{"finishReason": "IMAGE_SAFETY", "finishMessage": "Support codes: 15236754"}]}
BLOCKED = {"promptFeedback": {"blockReason": "SAFETY"}}
FULL = {
    "promptTokenCount": 1690,
    "candidatesTokenCount": 1160,
    "thoughtsTokenCount": 200,
    "totalTokenCount": 3050,
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}, {"modality": "TEXT", "tokenCount": 40}],
}


def a_png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", FRAME_PX).save(out, "PNG")
    return out.getvalue()


def drawn(data: bytes | None = None, finish: str = "STOP") -> dict[str, Any]:
    inline = {"mimeType": "image/png", "data": base64.b64encode(a_png() if data is None else data).decode()}
    return {"candidates": [{"content": {"parts": [{"inlineData": inline}]}, "finishReason": finish}]}


def an_answer(body: dict[str, Any], usage: dict[str, Any] | None) -> types.GenerateContentResponse:
    return types.GenerateContentResponse.model_validate({**body, **({} if usage is None else {"usageMetadata": usage})})


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in FULL.items() if name not in names}


@pytest.mark.parametrize(
    ("usage", "known"),
    [
        (FULL, ReportedUsage(1690, 1360, 0)),
        ({}, ReportedUsage(None, None, 0)),
        (None, ReportedUsage(None, None, 0)),
        (without("promptTokenCount"), ReportedUsage(None, 1360, 0)),
        (without("candidatesTokenCount"), ReportedUsage(1690, 1360, 0)),
        (without("candidatesTokenCount", "totalTokenCount"), ReportedUsage(1690, None, 0)),
        (without("thoughtsTokenCount"), ReportedUsage(1690, 1360, 0)),
        (without("thoughtsTokenCount", "totalTokenCount"), ReportedUsage(1690, None, 0)),
        (without("totalTokenCount"), ReportedUsage(1690, 1360, 0)),
        ({"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}, ReportedUsage(10, 5, 0)),
        ({"promptTokenCount": 10, "totalTokenCount": 10}, ReportedUsage(10, None, 0)),
    ],
)
def test_text_usage_is_unknown_only_where_the_counts_do_not_say_it(
    usage: dict[str, Any] | None, known: ReportedUsage
) -> None:
    answer = an_answer(TEXT, usage)

    assert read_usage(answer, draws=False) == known
    assert isinstance(read_text(answer), TextResult)


@pytest.mark.parametrize(
    ("body", "usage", "known"),
    [
        (drawn(), FULL, ReportedUsage(1690, 1360, 1120)),
        (drawn(), without("candidatesTokensDetails"), ReportedUsage(1690, 1360, None)),
        (drawn(), {**FULL, "candidatesTokensDetails": [{"modality": "TEXT"}]}, ReportedUsage(1690, 1360, None)),
        (drawn(), without("candidatesTokenCount", "totalTokenCount"), ReportedUsage(1690, None, 1120)),
        (drawn(), None, ReportedUsage(None, None, None)),
        (WORDS, without("candidatesTokensDetails"), ReportedUsage(1690, 1360, 0)),
        (WITHHELD, without("candidatesTokensDetails"), ReportedUsage(1690, 1360, None)),
        (WITHHELD, FULL, ReportedUsage(1690, 1360, 1120)),
        (
            WITHHELD,
            {"promptTokenCount": 5, "thoughtsTokenCount": 40, "totalTokenCount": 45},
            ReportedUsage(5, 40, 0),
        ),
        (BLOCKED, {"promptTokenCount": 12, "totalTokenCount": 12}, ReportedUsage(12, 0, 0)),
    ],
)
def test_picture_usage_is_unknown_only_where_the_counts_do_not_say_it(
    body: dict[str, Any], usage: dict[str, Any] | None, known: ReportedUsage
) -> None:
    assert read_usage(an_answer(body, usage), draws=True) == known


@pytest.mark.parametrize("missing", [[], *([name] for name in FULL), list(FULL)])
@pytest.mark.parametrize("body", [drawn(), WORDS, WITHHELD], ids=["drawn", "words", "withheld"])
def test_picture_never_costs_less_than_it_is_billed_when_counts_are_missing(
    body: dict[str, Any], missing: list[str]
) -> None:
    """Billed as drawn; words and withheld pictures are billed by the same counts."""
    tariff = image_tariff(registry().image_model("gemini-3.1-flash-image"), "1K", 1, 2200)
    usage = tariff.complete(read_usage(an_answer(body, without(*missing)), draws=True))
    words_without_details = body is WORDS and "candidatesTokensDetails" in missing

    assert usage.input >= 1690
    assert usage.output + usage.picture >= 1360
    assert usage.picture >= (0 if words_without_details else 1120)


def test_unreported_usage_counts_at_the_most_and_is_marked() -> None:
    text = text_tariff(registry().text_model("gemini-3.8-flash"), 3000, 4096)
    picture = image_tariff(registry().image_model("gemini-3.1-flash-image"), "1K", 1, 2200)

    assert text.complete(ReportedUsage(picture=0)) == text.maximum.model_copy(update={"assumed": ("input", "output")})
    assert picture.complete(ReportedUsage()) == picture.maximum.model_copy(
        update={"assumed": ("input", "output", "picture")}
    )


@pytest.mark.parametrize("usage", [FULL, {}, None])
@pytest.mark.parametrize(
    ("body", "reason", "codes"),
    [
        (WORDS, "No picture came: I cannot draw this.", ("safety",)),
        (WITHHELD, "IMAGE_SAFETY: Support codes: 15236754", ("15236754",)),
        ({"candidates": [{"finishReason": "NO_IMAGE"}]}, "NO_IMAGE: the model refused", ("safety",)),
        (
            {"candidates": [{"finishReason": "MAX_TOKENS"}]},
            "MAX_TOKENS: the answer ends at its output limit",
            (CUT_OFF,),
        ),
        ({"candidates": [{"finishReason": "STOP"}]}, "No picture came: the answer is empty", ("unknown",)),
    ],
)
def test_picture_is_declined_with_its_usage_when_the_answer_holds_none(
    body: dict[str, Any], reason: str, codes: tuple[str, ...], usage: dict[str, Any] | None
) -> None:
    answer = an_answer(body, usage)

    assert read_image(answer, FRAME_PX) == Declined(reason, codes, read_usage(answer, draws=True))


def test_picture_is_declined_with_its_usage_when_its_bytes_cannot_be_read() -> None:
    declined = read_image(an_answer(drawn(b"no picture"), FULL), FRAME_PX)

    assert isinstance(declined, Declined)
    assert declined.reason.startswith("The answer's picture cannot be read")
    assert declined.usage == ReportedUsage(1690, 1360, 1120)


@pytest.mark.parametrize("usage", [FULL, {}, None])
@pytest.mark.parametrize("finish", ["STOP", "MAX_TOKENS"])
def test_picture_is_kept_whatever_its_usage_and_ending(usage: dict[str, Any] | None, finish: str) -> None:
    assert isinstance(read_image(an_answer(drawn(finish=finish), usage), FRAME_PX), ImageResult)


@pytest.mark.parametrize("finish", ["MAX_TOKENS", "CONTINUATION"])
def test_text_is_cut_off_when_it_ends_at_its_limit(finish: str) -> None:
    answer = an_answer({"candidates": [{"content": {"parts": [{"text": '{"a'}]}, "finishReason": finish}]}, FULL)
    declined = read_text(answer)

    assert isinstance(declined, Declined)
    assert declined.codes == (CUT_OFF,)
    assert declined.usage == ReportedUsage(1690, 1360, 0)


def test_blocked_prompt_is_unpaid_only_when_it_reports_no_usage() -> None:
    with pytest.raises(Refused, match="SAFETY"):
        read_text(an_answer(BLOCKED, None))
    declined = read_text(an_answer(BLOCKED, {"promptTokenCount": 12, "totalTokenCount": 12}))

    assert isinstance(declined, Declined)
    assert declined.usage == ReportedUsage(12, 0, 0)


def test_answer_without_a_candidate_is_lost_only_when_it_reports_no_usage() -> None:
    with pytest.raises(AnswerLost):
        read_text(an_answer({}, None))

    assert isinstance(read_text(an_answer({}, FULL)), Declined)
