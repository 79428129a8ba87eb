"""The text and image adapter before the stand-in: limits are kept, answers are counted, faults are told apart."""

import io
import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from google import genai
from PIL import Image
from pydantic import ValidationError

from localcloud.tests.loopback import free_port
from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import FakeVertex, a_picture
from promptreel.adapters.gemini import Gemini
from promptreel.domain.call import CUT_OFF
from promptreel.domain.models import registry
from promptreel.domain.storyboard import StoryScene, schema_text
from promptreel.domain.tariffs import Tariff, count_tokens_at_most, image_tariff, text_tariff
from promptreel.errors import AnswerLost, CallFailed, Refused, Throttled, Unpaid
from promptreel.ports.models import Declined, ImageRequest, ImageResult, TextRequest, TextResult
from tests.fakes.services import FakeServices
from tests.fakes.system import START

PICTURE = registry().image_model("gemini-3.1-flash-image")
TEXT = registry().text_model("gemini-3.8-flash")
TARIFF = image_tariff(PICTURE, "1K", 1, PICTURE.output_tokens)
TIMEOUT_S = 60.0
HUES = ("#c02020", "#2020c0", "#20c020")


class LoopbackGemini(Gemini):
    """The adapter with a client that is turned to the stand-in."""

    _client: genai.Client

    def __init__(self, vertex: FakeVertex, location: str) -> None:
        super().__init__("any-project", location, vertex.url)
        self._client = vertex.client(location=location)


@pytest.fixture
def gemini(vertex: FakeVertex) -> Gemini:
    return LoopbackGemini(vertex, "global")


def an_image_request(*references: str, limit: int = PICTURE.output_tokens) -> ImageRequest:
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


def a_text_request(limit: int = 4096) -> TextRequest:
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
    painted = gemini.generate_image(an_image_request(reference), TIMEOUT_S)

    assert isinstance(painted, ImageResult)
    assert counted(TARIFF, painted) == billed(vertex)


def test_text_model_is_given_its_pictures_in_order_and_bills_no_more_for_them_than_is_reserved(
    gemini: Gemini, object_store: ObjectStore, vertex: FakeVertex
) -> None:
    contents = {object_store.put(f"seen/{n}.png", picture): picture for n, picture in enumerate(map(a_picture, HUES))}
    request = replace(a_text_request(), pictures=tuple(contents))
    written = gemini.generate_text(request, TIMEOUT_S)

    (call,) = vertex.control("GET", "attached")
    assert [(one["uri"], one["sha256"]) for one in call["attached"]] == [
        (uri, sha256(content).hexdigest()) for uri, content in contents.items()
    ]
    sent = count_tokens_at_most(request.instruction, request.prompt, schema_text(request.schema))
    tariff = text_tariff(TEXT, sent, request.max_output_tokens, gemini.location, len(contents))
    assert counted(tariff, written) == billed(vertex) <= tariff.reserved_micros(START)
    (body,) = vertex.control("GET", "requests")
    assert json.loads(body)["generationConfig"]["mediaResolution"] == "MEDIA_RESOLUTION_HIGH"


@pytest.mark.parametrize("fault", ["words", "rai", "blocked"])
def test_picture_that_is_refused_is_counted_as_it_is_billed(gemini: Gemini, vertex: FakeVertex, fault: str) -> None:
    vertex.break_with(fault)
    declined = gemini.generate_image(an_image_request(), TIMEOUT_S)

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
    painted = gemini.generate_image(an_image_request(), TIMEOUT_S)

    assert isinstance(painted, ImageResult)
    assert billed(vertex) <= counted(TARIFF, painted) <= TARIFF.reserved_micros(START)


def test_text_is_counted_as_it_is_billed_and_below_its_reserve(gemini: Gemini, vertex: FakeVertex) -> None:
    request = a_text_request()
    written = gemini.generate_text(request, TIMEOUT_S)
    tariff = text_tariff(TEXT, count_tokens_at_most(request.instruction, request.prompt), request.max_output_tokens)

    assert isinstance(written, TextResult)
    assert StoryScene.model_validate_json(written.text).motion_prompt
    assert counted(tariff, written) == billed(vertex) < tariff.reserved_micros(START)


def test_answers_are_cut_off_when_their_limit_is_too_low(gemini: Gemini, vertex: FakeVertex) -> None:
    answers = [
        gemini.generate_text(a_text_request(limit=20), TIMEOUT_S),
        gemini.generate_image(an_image_request(limit=1130), TIMEOUT_S),
    ]

    assert [answer.codes for answer in answers if isinstance(answer, Declined)] == [(CUT_OFF,)] * 2
    assert all(line["micros"] for line in vertex.ledger())


def test_answers_cost_what_they_are_billed_when_they_come_from_a_region(vertex: FakeVertex) -> None:
    regional = LoopbackGemini(vertex, "europe-west4")
    text = text_tariff(TEXT, 4000, 4096, regional.location)
    picture = image_tariff(PICTURE, "1K", 1, PICTURE.output_tokens, regional.location)
    costs = [
        counted(text, regional.generate_text(a_text_request(), TIMEOUT_S)),
        counted(picture, regional.generate_image(an_image_request(), TIMEOUT_S)),
    ]

    assert costs == [line["micros"] for line in vertex.ledger()]


def generate(gemini: Gemini, kind: str, timeout_s: float = TIMEOUT_S) -> TextResult | ImageResult | Declined:
    if kind == "text":
        return gemini.generate_text(a_text_request(), timeout_s)
    return gemini.generate_image(an_image_request(), timeout_s)


STATUSES: dict[str, tuple[dict[str, Any], type[CallFailed], tuple[str, ...]]] = {
    "safety": ({"code": 400, "message": "Blocked. Support codes: 58061214"}, Refused, ("58061214",)),
    "unsupported": ({"code": 400, "message": "seed is not supported by this model."}, Refused, ("capability",)),
    "no permission": ({"code": 403, "status": "PERMISSION_DENIED"}, Refused, ("configuration",)),
    "retired model": ({"code": 404}, Refused, ("model_unavailable",)),
    "quota": ({"code": 429, "status": "RESOURCE_EXHAUSTED"}, Throttled, ()),
    "internal error": ({"code": 500, "status": "INTERNAL"}, AnswerLost, ()),
    "unavailable": ({"code": 503, "status": "UNAVAILABLE"}, AnswerLost, ()),
}


@pytest.mark.parametrize("kind", ["text", "image"])
@pytest.mark.parametrize(("args", "error", "codes"), STATUSES.values(), ids=STATUSES)
def test_call_ends_by_its_status_after_one_post(
    gemini: Gemini, vertex: FakeVertex, kind: str, args: dict[str, Any], error: type[CallFailed], codes: tuple[str, ...]
) -> None:
    vertex.break_with("status", args=args)

    with pytest.raises(CallFailed) as failed:
        generate(gemini, kind)

    assert (type(failed.value), failed.value.codes) == (error, codes)
    assert vertex.happened() == {"status": 1}
    assert vertex.ledger() == []


@pytest.mark.parametrize("kind", ["text", "image"])
@pytest.mark.parametrize(("fault", "accepted"), [("reset_before", 0), ("reset_after", 1)])
def test_call_is_lost_after_one_post_when_its_connection_is_reset(
    gemini: Gemini, vertex: FakeVertex, kind: str, fault: str, accepted: int
) -> None:
    vertex.break_with(fault)

    with pytest.raises(AnswerLost):
        generate(gemini, kind)

    assert vertex.happened() == {fault: 1}
    assert len(vertex.ledger()) == accepted


@pytest.mark.parametrize("kind", ["text", "image"])
def test_call_is_lost_after_one_post_when_no_answer_comes_in_time(
    gemini: Gemini, vertex: FakeVertex, kind: str
) -> None:
    vertex.break_with("hang", args={"s": 2.0})

    with pytest.raises(AnswerLost):
        generate(gemini, kind, timeout_s=0.3)

    assert vertex.happened() == {"hang": 1}


@pytest.mark.parametrize("kind", ["text", "image"])
def test_call_is_unpaid_when_nothing_listens(kind: str) -> None:
    absent = LoopbackGemini(FakeVertex(free_port()), "global")

    with pytest.raises(Unpaid):
        generate(absent, kind)


@pytest.mark.parametrize("fault", ["blocked", "rai"])
def test_text_that_is_refused_is_counted_as_it_is_billed(gemini: Gemini, vertex: FakeVertex, fault: str) -> None:
    vertex.break_with(fault)
    declined = gemini.generate_text(a_text_request(), TIMEOUT_S)

    assert isinstance(declined, Declined)
    assert declined.codes
    assert counted(text_tariff(TEXT, 4000, 4096), declined) == billed(vertex)


def test_text_is_passed_on_when_it_is_not_the_json_that_was_requested(gemini: Gemini, vertex: FakeVertex) -> None:
    vertex.break_with("malformed_json")
    written = gemini.generate_text(a_text_request(), TIMEOUT_S)

    assert isinstance(written, TextResult)
    with pytest.raises(ValidationError):
        StoryScene.model_validate_json(written.text)


def test_text_is_lost_when_the_body_of_its_answer_is_damaged(gemini: Gemini, vertex: FakeVertex) -> None:
    vertex.break_with("malformed_json", args={"body": True})

    with pytest.raises(AnswerLost):
        gemini.generate_text(a_text_request(), TIMEOUT_S)

    assert billed(vertex) > 0


def test_text_is_cut_off_when_its_answer_is_truncated(gemini: Gemini, vertex: FakeVertex) -> None:
    vertex.break_with("truncated")
    declined = gemini.generate_text(a_text_request(), TIMEOUT_S)

    assert isinstance(declined, Declined)
    assert declined.codes == (CUT_OFF,)


@pytest.mark.parametrize("kind", ["square", "jpeg", "turned", "transparent", "cmyk", "deep", "palette"])
def test_image_is_exactly_the_frame_when_the_model_answers_an_odd_file(
    gemini: Gemini, vertex: FakeVertex, kind: str
) -> None:
    vertex.break_with("odd_file", args={"kind": kind})
    painted = gemini.generate_image(an_image_request(), TIMEOUT_S)

    assert isinstance(painted, ImageResult)
    with Image.open(io.BytesIO(painted.data)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", an_image_request().frame_px)


@pytest.mark.parametrize("shape", ["letterbox", "pillarbox"])
def test_bars_of_an_image_are_cut_off_and_reported(gemini: Gemini, vertex: FakeVertex, shape: str) -> None:
    vertex.break_with("bars", args={"shape": shape, "share": 0.15, "colour": "black"})
    painted = gemini.generate_image(an_image_request(), TIMEOUT_S)

    assert isinstance(painted, ImageResult)
    left = [one / other for one, other in zip(painted.content_px, painted.drawn_px, strict=True)]
    assert left == pytest.approx([1, 0.7] if shape == "letterbox" else [0.7, 1], abs=0.02)


def test_image_fits_the_frame_when_the_model_draws_another_size(gemini: Gemini, vertex: FakeVertex) -> None:
    vertex.break_with("wrong_size")
    painted = gemini.generate_image(an_image_request(), TIMEOUT_S)

    assert isinstance(painted, ImageResult)
    assert painted.drawn_px == (688, 384)
    with Image.open(io.BytesIO(painted.data)) as image:
        assert (image.format, image.size) == ("PNG", (1280, 720))


def test_storyboard_of_forty_five_scenes_is_written_in_three_answers(gemini: Gemini) -> None:
    lines = {12: "Where are you?", 40: "I am here."}
    script = "\n".join(
        f"Scene {number}: The keeper Mira looks at wave {number} of the sea."
        + (f'\nMira: "{lines[number]}"' if number in lines else "")
        for number in range(1, 46)
    )
    world = FakeServices()
    world.text = gemini  # type: ignore[assignment]
    job = world.planned(prompt=script, budget_usd=200)
    calls = [read.value for read in world.jobs.list_calls(job.id) if read.value.kind == "text"]
    scenes = [read.value for read in world.jobs.list_scenes(job.id)]

    assert [call.purpose for call in calls] == ["treatment", "storyboard", "storyboard/2", "storyboard/3"]
    assert [scene.written_scene for scene in scenes] == list(range(1, 46))
    assert {scene.written_scene: line.line for scene in scenes for line in scene.dialogue}.keys() == {1, 31}
    assert [line.line for scene in scenes for line in scene.dialogue] == list(lines.values())
    assert job.warnings == ()
    for call in calls:
        assert json.loads(world.artifacts.get(call.artifact or ""))
        assert 0 < call.cost_micros <= call.reserved_micros
