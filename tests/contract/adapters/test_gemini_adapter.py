"""The product's own writer and painter before the stand-in: what is sent keeps to limits, what comes is counted."""

import pytest
from google import genai

from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import FakeVertex, a_picture
from promptreel.adapters.gemini import Gemini
from promptreel.domain.call import CUT_OFF
from promptreel.domain.models import registry
from promptreel.domain.storyboard import StoryScene
from promptreel.domain.tariffs import Tariff, count_tokens_at_most, image_tariff, text_tariff
from promptreel.ports.models import Declined, ImageRequest, ImageResult, TextRequest, TextResult
from tests.fakes.system import START

PICTURE = registry().image_model("gemini-3.1-flash-image")
TEXT = registry().text_model("gemini-3.8-flash")
TARIFF = image_tariff(PICTURE, "1K", 1, PICTURE.output_tokens)
TIMEOUT_S = 60.0


class LoopbackGemini(Gemini):
    """The adapter with a client that is turned to the stand-in."""

    _client: genai.Client

    def __init__(self, vertex: FakeVertex, location: str) -> None:
        super().__init__("any-project", location, vertex.url)
        self._client = vertex.client(location=location)


@pytest.fixture
def gemini(vertex: FakeVertex) -> Gemini:
    return LoopbackGemini(vertex, "global")


def a_sketch(*references: str, limit: int = PICTURE.output_tokens) -> ImageRequest:
    return ImageRequest(
        model=PICTURE.id,
        prompt="A boat on the sea",
        references=references,
        aspect="16:9",
        size="1K",
        frame_px=(1280, 720),
        seed=7,
        max_output_tokens=limit,
        thinking_level=PICTURE.thinking_level,
    )


def a_manuscript(limit: int = 4096) -> TextRequest:
    return TextRequest(
        model=TEXT.id,
        instruction="Write one scene.",
        prompt="<idea>A boat leaves the harbour.</idea>",
        schema=StoryScene,
        seed=7,
        max_output_tokens=limit,
        thinking_level=TEXT.thinking_level,
    )


def billed(vertex: FakeVertex) -> int:
    return int(vertex.ledger()[-1]["micros"])


def counted(tariff: Tariff, answer: TextResult | ImageResult | Declined) -> int:
    return tariff.cost_micros(tariff.complete(answer.usage), START)


def test_reference_that_is_too_large_for_a_request_is_passed_by_its_address(
    gemini: Gemini, object_store: ObjectStore, vertex: FakeVertex
) -> None:
    picture = a_picture(size_px=(3840, 2160))
    reference = object_store.put("keyframes/start.png", picture + bytes(19_000_000 - len(picture)))
    painted = gemini.generate_image(a_sketch(reference), TIMEOUT_S)

    assert isinstance(painted, ImageResult)
    assert counted(TARIFF, painted) == billed(vertex)


@pytest.mark.parametrize("fault", ["words", "rai", "blocked"])
def test_picture_that_is_refused_is_counted_as_it_is_billed(gemini: Gemini, vertex: FakeVertex, fault: str) -> None:
    vertex.break_with(fault)
    declined = gemini.generate_image(a_sketch(), TIMEOUT_S)

    assert isinstance(declined, Declined)
    assert counted(TARIFF, declined) == billed(vertex) > 0


@pytest.mark.parametrize(
    "missing",
    [
        ["candidatesTokensDetails", "promptTokensDetails"],
        ["promptTokenCount"],
        ["candidatesTokenCount", "totalTokenCount"],
        ["totalTokenCount"],
        None,
    ],
)
def test_picture_is_kept_and_counts_at_least_its_bill_when_usage_is_missing(
    gemini: Gemini, vertex: FakeVertex, missing: list[str] | None
) -> None:
    vertex.break_with("usage", args={} if missing is None else {"missing": missing})
    painted = gemini.generate_image(a_sketch(), TIMEOUT_S)

    assert isinstance(painted, ImageResult)
    assert billed(vertex) <= counted(TARIFF, painted) <= TARIFF.reserved_micros(START)


def test_text_is_counted_as_it_is_billed_and_below_its_reserve(gemini: Gemini, vertex: FakeVertex) -> None:
    asked = a_manuscript()
    written = gemini.generate_text(asked, TIMEOUT_S)
    tariff = text_tariff(TEXT, count_tokens_at_most(asked.instruction, asked.prompt), asked.max_output_tokens)

    assert isinstance(written, TextResult)
    assert StoryScene.model_validate_json(written.text).motion_prompt
    assert counted(tariff, written) == billed(vertex) < tariff.reserved_micros(START)


def test_answers_are_cut_off_when_their_limit_is_too_low(gemini: Gemini, vertex: FakeVertex) -> None:
    answers = [
        gemini.generate_text(a_manuscript(limit=20), TIMEOUT_S),
        gemini.generate_image(a_sketch(limit=1130), TIMEOUT_S),
    ]

    assert [answer.codes for answer in answers if isinstance(answer, Declined)] == [(CUT_OFF,)] * 2
    assert all(line["micros"] for line in vertex.ledger())


def test_answers_cost_what_they_are_billed_when_they_come_from_a_region(vertex: FakeVertex) -> None:
    regional = LoopbackGemini(vertex, "europe-west4")
    text = text_tariff(TEXT, 4000, 4096, regional.location)
    picture = image_tariff(PICTURE, "1K", 1, PICTURE.output_tokens, regional.location)
    costs = [
        counted(text, regional.generate_text(a_manuscript(), TIMEOUT_S)),
        counted(picture, regional.generate_image(a_sketch(), TIMEOUT_S)),
    ]

    assert costs == [line["micros"] for line in vertex.ledger()]
