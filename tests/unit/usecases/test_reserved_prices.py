"""No call costs more than was reserved for it, and no job more than its limit, whatever is sent and answered."""

import json
import logging
from dataclasses import replace
from decimal import Decimal

import pytest

from promptreel.domain.call import Call, committed_micros
from promptreel.domain.models import GLOBAL, registry
from promptreel.domain.money import parse_usd
from promptreel.domain.tariffs import ReportedUsage, count_tokens_at_most
from promptreel.errors import BudgetExceeded
from promptreel.ports.models import Declined, ImageRequest, ImageResult, TextRequest, TextResult
from promptreel.usecases.job_lifecycle import JobRun
from tests.fakes.models import FakeImageGenerator, FakeTextGenerator, a_storyboard
from tests.fakes.services import FakeServices

LONG = "海" * 1999


class GreedyWriter(FakeTextGenerator):
    """Uses every token that its request allows."""

    def generate_text(self, request: TextRequest, timeout_s: float) -> TextResult | Declined:
        written = super().generate_text(request, timeout_s)
        schema = json.dumps(request.schema.model_json_schema())
        sent = count_tokens_at_most(request.instruction, request.prompt, schema)
        return replace(written, usage=ReportedUsage(sent, request.max_output_tokens, 0))


class GreedyPainter(FakeImageGenerator):
    """Uses every token that its request allows, for as many pictures as they make."""

    def generate_image(self, request: ImageRequest, timeout_s: float) -> ImageResult | Declined:
        painted = super().generate_image(request, timeout_s)
        model = registry().image_model(request.model)
        sent = count_tokens_at_most(request.prompt) + model.reference_tokens * len(request.references)
        pictures = request.max_output_tokens // model.picture_tokens[request.size] * model.picture_tokens[request.size]
        return replace(painted, usage=ReportedUsage(sent, request.max_output_tokens, pictures))


def a_long_storyboard() -> str:
    story = a_storyboard(
        style_guide={"visual_style": LONG, "palette": [LONG] * 8, "camera": LONG},
        characters=[{"name": f"Mira{number}", "description": LONG} for number in range(12)],
    )
    names = " ".join(f"Mira{number}" for number in range(12))
    scenes = [{**scene, "description": names} for scene in story["scenes"]]  # type: ignore[attr-defined]
    return json.dumps({**story, "scenes": scenes})


def greedy(location: str = GLOBAL, **request: object) -> tuple[FakeServices, str]:
    world = FakeServices()
    world.text, world.images = GreedyWriter(), GreedyPainter()
    world.text.location = world.images.location = location
    world.text.answers = [a_long_storyboard()]
    job = world.opened(**request)
    world.write_storyboard(JobRun(job.id, job.run))
    return world, job.id


def calls(world: FakeServices, job_id: str) -> list[Call]:
    return [read.value for read in world.jobs.list_calls(job_id)]


@pytest.mark.parametrize("quality", ["draft", "standard", "best"])
@pytest.mark.parametrize("prompt", ["A lighthouse", "A lighthouse " + "海" * 19_900], ids=["short", "long"])
def test_no_call_costs_more_than_its_reserve_when_models_use_all_they_may(prompt: str, quality: str) -> None:
    """On the smallest limit that is accepted, which holds the film whatever its texts use."""
    with pytest.raises(BudgetExceeded, match="Nothing was paid") as refused:
        greedy(prompt=prompt, quality=quality, budget_usd=1)
    least = Decimal(refused.value.remedy.split("at least ")[1].split(",")[0])
    with pytest.raises(BudgetExceeded, match="Nothing was paid"):
        greedy(prompt=prompt, quality=quality, budget_usd=str(least - Decimal("0.01")))
    world, job_id = greedy(prompt=prompt, quality=quality, budget_usd=str(least))
    world.draw_all(world.jobs.get_job(job_id).value)
    answered = [call for call in calls(world, job_id) if call.kind != "video"]

    assert len(answered) == 6
    assert all(0 < call.cost_micros <= call.reserved_micros for call in answered)
    assert committed_micros(calls(world, job_id)) <= parse_usd(least)


def test_reserve_of_a_storyboard_grows_with_the_script_that_is_sent() -> None:
    short, long = (
        {call.purpose: call.reserved_micros for call in calls(*greedy(prompt=prompt))}
        for prompt in ("A boat", "A boat " + "海" * 19_900)
    )

    assert long["storyboard"] - short["storyboard"] == pytest.approx(3 * 19_900 * 1.5, abs=3)
    assert long["treatment"] - short["treatment"] == pytest.approx(3 * 19_900 * (1.5 + 7.5 / 2), abs=10)


def test_cut_keyframe_prompt_is_logged_with_both_texts(caplog: pytest.LogCaptureFixture) -> None:
    world, job_id = greedy()
    with caplog.at_level(logging.WARNING):
        world.draw_all(world.jobs.get_job(job_id).value)
    cuts = [record for record in caplog.records if record.getMessage() == "keyframe prompt cut to 8000 tokens"]

    assert len(cuts) == 4
    fields = vars(cuts[0])["json_fields"]
    assert fields["kept"] == world.images.requests[0].prompt
    assert fields["original"].count("Mira11") == 2


def test_text_and_pictures_reserve_and_cost_a_tenth_more_when_their_location_is_a_region() -> None:
    at_home, away = greedy(), greedy(location="europe-west4")
    for world, job_id in (at_home, away):
        world.draw_all(world.jobs.get_job(job_id).value)

    for listed, regional in zip(calls(*at_home), calls(*away), strict=True):
        share = 1.0 if listed.kind == "video" else 1.1
        assert regional.cost_micros == pytest.approx(listed.cost_micros * share, abs=1)
        assert regional.reserved_micros == pytest.approx(listed.reserved_micros * share, abs=1)
