"""Which models make a film: named ones, the cheapest that fit, and successors of those whose end has come."""

from datetime import UTC, datetime

import pytest

from promptreel.domain import choosing
from promptreel.domain.models import Aspect, VideoProtocol, registry
from promptreel.domain.planning import FilmSpec, accept
from promptreel.domain.request import parse_request
from promptreel.errors import Invalid
from tests.fakes.services import PROTOCOLS
from tests.fakes.system import START

VEO, OMNI, KLING = "veo-3.1-generate-001", "gemini-omni-1.2-flash", "kwaivgi/kling-v3-video"
GOOGLE: frozenset[VideoProtocol] = frozenset({"veo", "interactions"})
SHORTLY_BEFORE_VEO_ENDS = datetime(2027, 3, 5, 12, tzinfo=UTC)
AFTER_VEO_HAS_ENDED = datetime(2027, 5, 4, 12, tzinfo=UTC)


def plan(at: datetime = START, protocols: frozenset[VideoProtocol] = PROTOCOLS, **fields: object) -> FilmSpec:
    return accept({"prompt": "A fox", "budget_usd": 10_000, **fields}, at, protocols)[1]


def video_models(at: datetime = START, aspect: Aspect = "16:9", **fields: object) -> list[str]:
    request = parse_request({"prompt": "A fox", **fields})
    return [choice.model.id for choice in choosing.list_video_models(request, aspect, at, PROTOCOLS)]


def test_models_named_in_the_request_are_taken() -> None:
    named = {"text": "gemini-3.5-flash-lite", "image": "gemini-3-pro-image", "video": KLING}

    spec = plan(models=named)

    assert {one.kind: (one.id, one.reason) for one in spec.reasons} == {
        kind: (model, "named in the request") for kind, model in named.items()
    }


def test_video_models_are_listed_cheapest_first_among_those_of_the_quality() -> None:
    draft = video_models(quality="draft")
    prices = [registry().video_model(model).second_micros("720p", START, audio=True) for model in draft]

    assert prices == sorted(prices)
    assert VEO not in draft
    assert video_models(quality="standard") == [VEO]


def test_reason_names_the_price_of_a_second_when_a_model_was_chosen_by_it() -> None:
    reason = plan(quality="standard").reasons[-1].reason

    assert reason == "the cheapest for quality standard at 720p that films these lengths: 0.40 USD a second"


def test_successor_films_with_a_reason_when_the_end_of_the_model_has_come() -> None:
    spec = plan(AFTER_VEO_HAS_ENDED)

    assert spec.video.id == OMNI
    assert spec.reasons[-1].reason == f"takes the place of {VEO}, whose end was announced for 2027-05-04"


def test_model_past_its_end_is_used_with_a_warning_when_the_request_names_it() -> None:
    spec = plan(AFTER_VEO_HAS_ENDED, models={"video": VEO})

    assert spec.video.id == VEO
    assert f"{VEO} may be switched off from 2027-05-04 on. {OMNI} takes its place where it fits." in spec.warnings


@pytest.mark.parametrize(("day", "warns"), [(START, False), (SHORTLY_BEFORE_VEO_ENDS, True)])
def test_film_carries_a_warning_sixty_days_before_its_model_ends(day: datetime, warns: bool) -> None:
    assert any(warning.startswith(f"{VEO} may be switched off") for warning in plan(day).warnings) is warns


def test_model_is_refused_by_name_when_its_backend_is_off() -> None:
    with pytest.raises(Invalid, match=f"models.video: {KLING} is filmed by a backend that is switched off") as refused:
        plan(protocols=GOOGLE, models={"video": KLING})

    assert refused.value.code == "backend_off"


def test_resolution_is_refused_with_a_model_that_films_it_when_the_quality_has_none() -> None:
    with pytest.raises(Invalid, match="quality standard films 720p, 1080p, 4k, not 360p") as refused:
        plan(resolution="360p")

    assert OMNI in (refused.value.remedy or "")


@pytest.mark.parametrize(("model", "clip_seconds"), [(OMNI, 7), (KLING, 7), (VEO, 8)])
def test_scene_of_seven_seconds_is_filmed_with_the_shortest_clip_that_holds_it(model: str, clip_seconds: int) -> None:
    spec = plan(models={"video": model}, scenes=1, duration_s=7)

    assert (spec.durations_s, spec.scene_frames) == ((clip_seconds,), (7 * 24,))
    assert spec.video.clip_seconds(7, "720p") == clip_seconds


def test_warning_says_that_unwanted_sound_is_left_out_when_the_model_always_films_it() -> None:
    spec = plan(models={"video": OMNI}, clip_audio=False)

    assert spec.warnings == (f"clip_audio: {OMNI} always films with sound, which the cut leaves out.",)
