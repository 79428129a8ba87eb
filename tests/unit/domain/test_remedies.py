"""Support codes, failed operations and their reasons, and which remedies follow."""

import pytest

from promptreel.domain import remedies
from promptreel.domain.models import ImageModel, TextModel, VideoModel, registry
from promptreel.domain.remedies import RemedyKind
from tests.fakes.system import START

# Every code that Vertex AI's Veo and image pages list.
LISTED = (
    "58061214 17301594 29310472 15236754 64151117 42237218 62263041 57734940 22137204 42876398 29578790 74803281 "
    "89371032 49114662 72817394 63429089 60599140 35561574 35561575 90789179 43188360 78610348 61493863 56562880 "
    "32635315 92201652 39322892"
).split()
EVERYTHING: set[RemedyKind] = {"repeat", "reseed", "rewrite", "redraw", "mute", "model", "successor"}


@pytest.mark.parametrize("code", LISTED)
def test_listed_code_has_a_category_and_advice_for_the_owner(code: str) -> None:
    remedy = remedies.find_remedy([code])

    assert remedy.category != "unknown"
    assert remedy.advice.endswith(".")


def test_strictest_code_decides_when_there_are_several() -> None:
    assert remedies.find_remedy(["64151117"]).steps == ("reseed", "rewrite", "redraw", "model")
    assert remedies.find_remedy(["64151117", "62263041"]).category == "dangerous"
    assert remedies.find_remedy(["64151117", "89371032"]).steps == ()


@pytest.mark.parametrize("codes", [[], ["00000000"], ["safety"]])
def test_unknown_or_missing_code_gets_another_seed_and_a_rewrite(codes: list[str]) -> None:
    assert remedies.find_remedy(codes).steps == ("reseed", "rewrite")


def test_remedies_are_tried_in_order_each_as_often_as_listed() -> None:
    failure = remedies.find_remedy(["outage"])

    assert failure.choose_next([], EVERYTHING) == "reseed"
    assert failure.choose_next(["reseed"], EVERYTHING) == "reseed"
    assert failure.choose_next(["reseed", "reseed"], EVERYTHING) == "model"
    assert failure.choose_next(["reseed", "reseed", "model"], EVERYTHING) is None


def test_remedy_is_skipped_when_the_scene_does_not_allow_it() -> None:
    assert remedies.find_remedy(["64151117"]).choose_next(["reseed"], {"model"}) == "model"
    assert remedies.find_remedy(["64151117"]).choose_next(["reseed"], set()) is None


def test_remedies_of_other_refusals_count_and_four_are_the_end() -> None:
    assert remedies.find_remedy(["64151117"]).choose_next(["rewrite"], EVERYTHING) == "reseed"
    assert remedies.find_remedy(["64151117"]).choose_next(["rewrite", "mute", "rewrite", "redraw"], EVERYTHING) is None


def test_successor_is_left_when_every_remedy_is_used_up() -> None:
    unavailable = remedies.find_remedy([remedies.MODEL_UNAVAILABLE])

    assert unavailable.choose_next(["rewrite", "mute", "rewrite", "redraw", "successor"], EVERYTHING) == "successor"
    assert unavailable.choose_next([], EVERYTHING - {"successor"}) is None


def test_successors_of_models_exist_and_come_to_an_end() -> None:
    kinds: tuple[tuple[TextModel | ImageModel | VideoModel, ...], ...] = (
        registry().text,
        registry().image,
        registry().video,
    )
    for models in kinds:
        known = {model.id: model.replaced_by for model in models}
        assert {model.replaced_by for model in models} - {None} <= set(known)
        for model_id in known:
            seen = [model_id]
            while following := known[seen[-1]]:
                assert following not in seen
                seen.append(following)


def test_fallback_models_exist_and_are_never_more_expensive() -> None:
    for model in registry().video:
        if model.fallback:
            other = registry().video_model(model.fallback)
            for resolution in set(model.durations_s) & set(other.durations_s):
                mine, fallback = (one.second_micros(resolution, START, audio=True) for one in (model, other))
                assert fallback <= mine
