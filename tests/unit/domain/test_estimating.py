"""Estimates before anything is paid: bounds, the functions they share with ledger and run, and what moves them."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from promptreel.domain import planning, remedies
from promptreel.domain.estimate import STAGES, Estimate
from promptreel.domain.estimating import estimate_film
from promptreel.domain.models import VideoProtocol, registry
from promptreel.domain.piece_costs import Basis
from promptreel.domain.rates import Attempts, Counts, ModelAttempts, refusal_share
from promptreel.domain.request import parse_request
from promptreel.errors import BudgetExceeded

AT = datetime(2026, 11, 30, tzinfo=UTC)
PROTOCOLS: frozenset[VideoProtocol] = frozenset({"veo", "interactions", "predictions"})
VEO, OMNI, PAINTER = "veo-3.1-generate-001", "gemini-omni-1.2-flash", "gemini-3.1-flash-image"


def estimate(history: Counts = (), at: datetime = AT, **fields: Any) -> Estimate:
    request, spec = planning.accept({"prompt": "A lighthouse keeper waits", **fields}, at, PROTOCOLS)
    return estimate_film(request, spec, Basis(at=at, history=history, keep_days=90))


REQUESTS: list[dict[str, Any]] = [
    {},
    {"scenes": 1},
    {"scenes": 60, "budget_usd": 300},
    {"scenes": 3, "budget_usd": "7.63"},
    {"quality": "draft", "resolution": "360p", "scenes": 4},
    {"quality": "best", "resolution": "4k", "scenes": 2, "clip_audio": False},
    {"models": {"video": "kwaivgi/kling-v3-video"}, "scenes": 3, "priority": "high"},
    {"duration_s": 30, "transition": {"kind": "crossfade", "duration_s": 1}},
]


@pytest.mark.parametrize("fields", REQUESTS, ids=str)
def test_bounds_are_in_order_and_within_the_limit(fields: dict[str, Any]) -> None:
    found = estimate(**fields)

    prices = (found.storyboard, found.keyframes, found.clips, found.calls)
    for one in (*prices, found.platform, found.wait_s):
        assert 0 < one.low <= one.expected <= one.high
    limit_micros = parse_request({"prompt": "A lighthouse", **fields}).limit_micros
    assert all(price.high <= limit_micros for price in prices)
    assert found.scenes[0] <= found.scenes[1]


@pytest.mark.parametrize("fields", REQUESTS, ids=str)
def test_stages_add_up_to_all_calls_on_average(fields: dict[str, Any]) -> None:
    found = estimate(**fields)

    together = sum(getattr(found, stage).expected for stage in STAGES)
    assert found.calls.expected == pytest.approx(together, rel=0.002)


def test_clips_of_a_model_paid_by_the_second_cost_what_the_ledger_reserves_when_none_is_refused() -> None:
    history = (ModelAttempts(model=VEO, made=1_000_000),)
    clips = estimate(history, scenes=3, duration_s=18).clips
    veo = registry().video_model(VEO)

    reserved_micros = 3 * veo.max_micros(6, "720p", AT, audio=True)
    assert clips.high == reserved_micros
    assert clips.low == clips.expected == pytest.approx(reserved_micros, rel=0.001)


def test_clip_paid_by_tokens_is_expected_below_what_is_reserved_for_it() -> None:
    clips = estimate(scenes=2, duration_s=8, quality="draft").clips
    omni = registry().video_model(OMNI)

    delivered = 2 * omni.second_micros("720p", AT, audio=True) * 4
    assert delivered < clips.high < 2 * omni.max_micros(4, "720p", AT, audio=True)


def test_rising_price_is_estimated_from_its_day_on() -> None:
    before, after = estimate(scenes=3), estimate(scenes=3, at=datetime(2027, 1, 1, tzinfo=UTC))

    assert after.storyboard.expected == pytest.approx(2 * before.storyboard.expected, rel=0.01)
    assert after.clips.expected == pytest.approx(before.clips.expected, rel=0.001)


def test_number_of_scenes_left_to_the_writer_is_estimated_over_all_of_them() -> None:
    open_, fewest, most = estimate(), estimate(scenes=3), estimate(scenes=6)

    assert open_.scenes == (3, 6)
    assert open_.calls.low == pytest.approx(fewest.calls.low, rel=0.001)
    assert open_.calls.high == pytest.approx(most.calls.high, rel=0.001)
    assert fewest.calls.expected < open_.calls.expected < most.calls.expected


def test_refused_keyframes_cost_more_and_refused_clips_less_when_an_owner_meets_many() -> None:
    usual = estimate(scenes=4)
    history = (ModelAttempts(model=PAINTER, made=200, in_vain=60), ModelAttempts(model=VEO, made=200, in_vain=100))
    refused = estimate(history, scenes=4)

    assert refused.keyframes.high > usual.keyframes.high
    assert refused.clips.expected < usual.clips.expected  # a clip that is given up is not paid
    assert refused.clips.low < usual.clips.low
    assert refused.wait_s.expected > usual.wait_s.expected
    assert [(one.model, one.attempts) for one in refused.refusals[1:]] == [(PAINTER, 200), (VEO, 200)]


def test_owners_attempts_outweigh_the_usual_share_the_more_there_are() -> None:
    shares = [
        refusal_share(0.05, 20, Attempts(made=made, in_vain=vain)) for made, vain in ((0, 0), (20, 7), (2000, 600))
    ]

    assert [mean for mean, _ in shares] == pytest.approx([0.05, 0.2, 0.3], abs=0.003)
    deviations = [deviation for _, deviation in shares]
    assert deviations[2] < deviations[0] < deviations[1] < 0.07


def test_estimate_and_refusal_name_the_same_needed_amount() -> None:
    needed = estimate(scenes=3).needed_micros

    with pytest.raises(BudgetExceeded, match=rf"{needed / 1_000_000:.2f} USD"):
        estimate(scenes=3, budget_usd=1)
    assert estimate(scenes=3, budget_usd=needed / 1_000_000).calls.high <= needed


def test_film_waits_longer_the_more_scenes_the_queue_lets_out() -> None:
    fields: dict[str, Any] = {"duration_s": 240, "budget_usd": 200}

    assert estimate(scenes=60, **fields).wait_s.low > estimate(scenes=30, **fields).wait_s.low > 400


def test_storyboard_of_sixty_scenes_is_estimated_as_three_answers_of_twenty() -> None:
    one, three = estimate(scenes=20, budget_usd=300).storyboard, estimate(scenes=60, budget_usd=300).storyboard
    treatment = estimate(scenes=1, budget_usd=300).storyboard.expected / 2

    assert 3 * (one.expected - treatment) < three.expected < 3.5 * one.expected
    assert one.high < three.high < estimate(scenes=60, budget_usd=300).needed_micros


def test_bounds_come_closer_the_better_an_owner_is_known() -> None:
    unknown = estimate(scenes=30, budget_usd=200)
    known = estimate((ModelAttempts(model=VEO, made=2000, in_vain=120),), scenes=30, budget_usd=200)

    assert known.clips.expected == pytest.approx(unknown.clips.expected, rel=0.01)
    assert known.clips.high - known.clips.low < 0.9 * (unknown.clips.high - unknown.clips.low)


def test_every_category_of_refusals_is_estimated_with_its_remedies() -> None:
    categories = remedies.refusals()

    assert len(categories) > 10
    assert all(remedies.find_remedy((code,)) == remedy for code, remedy in categories.items())


def test_estimate_that_is_remembered_is_not_given_for_other_models_prices_or_attempts(
    change_model: Callable[..., Path],
) -> None:
    first = estimate(scenes=3)
    assert estimate(scenes=3) is first

    assert estimate((ModelAttempts(model=VEO, made=9, in_vain=9),), scenes=3) != first
    assert estimate(scenes=3, at=datetime(2027, 1, 1, tzinfo=UTC)) != first
    assert estimate(scenes=3, budget_usd=8) is not first
    change_model(OMNI, usual_refusals=0.5)  # it films what Veo refuses
    assert estimate(scenes=3) != first
