"""Every rule of a model exists once: one field of models.json is changed, and API, planner, prompt and price follow.

The stand-ins follow too: tests/contract/adapters/test_changed_models.py.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptreel.domain import planning, prompts
from promptreel.domain.models import registry
from promptreel.domain.planning import FilmSpec, accept
from promptreel.errors import BudgetExceeded, Invalid
from promptreel.http.model_list import describe_models
from tests.fakes.services import PROTOCOLS, FakeServices
from tests.fakes.system import START
from tools.models_page import models_page

VEO, OMNI, KLING = "veo-3.1-generate-001", "gemini-omni-1.2-flash", "kwaivgi/kling-v3-video"
WRITER, PAINTER = "gemini-3.8-flash", "gemini-3.1-flash-image"
Change = Callable[..., Path]


def in_api(model_id: str) -> dict[str, Any]:
    (model,) = (one for one in describe_models(registry(), START, PROTOCOLS)["models"] if one["id"] == model_id)
    return dict(model)


def plan(**fields: object) -> FilmSpec:
    return accept({"prompt": "A fox", "scenes": 1, "budget_usd": 100, **fields}, START, PROTOCOLS)[1]


def prices_micros(**fields: object) -> tuple[int, int]:
    """Storyboard; keyframes and clips of a film of one scene."""
    request, spec = accept({"prompt": "A fox", "scenes": 1, "budget_usd": 100, **fields}, START, PROTOCOLS)
    return planning.price_micros(request, spec, 1, START)


def test_longest_clip_is_that_of_the_file_in_api_planner_refusal_and_price(change_model: Change) -> None:
    film = {"models": {"video": OMNI}, "duration_s": 12}
    with pytest.raises(Invalid, match="1 scene of 3-10 s make a film of 4-10 s, not 12 s"):
        plan(**film)
    ten_seconds = prices_micros(models={"video": OMNI}, duration_s=10)[1]

    change_model(OMNI, seconds={"first_last": {"720p": {"from": 3, "to": 12}}})

    assert in_api(OMNI)["seconds"] == {"720p": list(range(3, 13))}
    assert plan(**film).durations_s == (12,)
    assert (
        prices_micros(**film)[1] - ten_seconds == 2 * in_api(OMNI)["price"]["per_second_micros"]["with_audio"]["720p"]
    )
    with pytest.raises(Invalid, match="1 scene of 3-12 s make a film of 4-12 s, not 14 s"):
        plan(models={"video": OMNI}, duration_s=14)


def test_resolutions_are_those_of_the_file_in_api_planner_and_refusal(change_model: Change) -> None:
    assert plan(models={"video": VEO}, resolution="4k").video.id == VEO

    change_model(VEO, seconds={"first_last": {"720p": [4, 6, 8], "1080p": [8]}})

    assert set(in_api(VEO)["seconds"]) == set(in_api(VEO)["frame_px"]) == {"720p", "1080p"}
    assert set(in_api(VEO)["price"]["per_second_micros"]["silent"]) == {"720p", "1080p"}
    with pytest.raises(Invalid, match=f"{VEO} films 720p, 1080p, not 4k"):
        plan(models={"video": VEO}, resolution="4k")


def test_prompt_of_a_clip_is_as_long_as_the_file_allows(change_model: Change, world: FakeServices) -> None:
    job = world.drawn(prompt="A fox crosses a square at night", models={"video": KLING})
    (scene, *_), job_plan = [read.value for read in world.jobs.list_scenes(job.id)], job.require_plan()
    long = scene.model_copy(update={"description": "word " * 1000})

    def length() -> int:
        prompt = prompts.clip_prompt(job_plan, long, registry().video_model(KLING))
        assert prompt.original is not None
        return len(prompt.text)

    assert 2400 < length() <= 2500 == in_api(KLING)["max_prompt_chars"]
    change_model(KLING, max_prompt_chars=300)
    assert 280 < length() <= 300 == in_api(KLING)["max_prompt_chars"]


def test_price_of_a_second_is_that_of_the_file_in_api_reason_budget_and_page(change_model: Change) -> None:
    before = prices_micros(duration_s=8)[1]
    prices = {"with_audio": {"720p": 500_000, "1080p": 1, "4k": 1}, "silent": {"720p": 1, "1080p": 1, "4k": 1}}

    change_model(VEO, prices=[{"since": "2026-01-01", "per_second": prices}])

    assert in_api(VEO)["price"]["per_second_micros"] == prices
    assert prices_micros(duration_s=8)[1] - before == 8 * 100_000
    assert plan(duration_s=8).reasons[-1].reason.endswith("0.50 USD a second")
    with pytest.raises(BudgetExceeded, match=r"needs up to 4\.\d\d USD"):
        plan(duration_s=8, budget_usd=4)
    assert f"| `{VEO}` | 720p | 1280x720 | 4, 6, 8 | 2026-01-01 | 0.50 | 0.000001 |" in models_page(registry())


@pytest.mark.parametrize(("model_id", "part", "fixed_micros"), [(WRITER, 0, 0), (PAINTER, 1, 8 * 400_000)])
def test_price_of_tokens_is_that_of_the_file_in_api_and_budget(
    change_model: Change, model_id: str, part: int, fixed_micros: int
) -> None:
    prices = in_api(model_id)["price"]["per_million_tokens_micros"]
    reserved = []
    for factor in (10, 20):
        raised = {name: factor * micros for name, micros in prices.items()}
        change_model(model_id, prices=[{"since": "2026-01-01", **raised}])
        assert in_api(model_id)["price"]["per_million_tokens_micros"] == raised
        reserved.append(prices_micros(duration_s=8)[part] - fixed_micros)

    assert reserved[1] == pytest.approx(2 * reserved[0], abs=4)  # each price is rounded up


def test_price_of_a_clip_follows_the_token_prices_of_the_file_in_api_and_budget(change_model: Change) -> None:
    film = {"models": {"video": OMNI}, "duration_s": 8}
    without_clip = prices_micros(**film)[1] - registry().video_model(OMNI).max_micros(8, "720p", START, audio=True)
    prices = {"input": 0, "text_output": 0, "video_output": 1_000_000}
    tokens = {"360p": 5, "720p": 7, "1080p": 11, "4k": 13}

    change_model(OMNI, prices=[{"since": "2026-01-01", "per_million_tokens": prices}], tokens_per_second=tokens)

    assert in_api(OMNI)["price"]["per_second_micros"]["with_audio"] == tokens
    assert prices_micros(**film)[1] - without_clip == 9 * 7  # a second more than the clip is reserved


def test_successor_and_end_are_those_of_the_file_in_api_and_choice(change_model: Change) -> None:
    change_model(VEO, retires_not_before="2026-11-01", replaced_by=KLING)

    assert (in_api(VEO)["has_ended"], in_api(VEO)["replaced_by"]) == (True, KLING)
    assert plan().video.id == KLING


def test_quality_levels_are_those_of_the_file_in_api_and_choice(change_model: Change) -> None:
    change_model(KLING, qualities=["standard"])

    assert in_api(KLING)["qualities"] == ["standard"]
    assert plan(quality="standard").video.id == KLING  # cheaper than Veo
