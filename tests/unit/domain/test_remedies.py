"""Support codes and what they ask for: D4."""

import pytest

from promptreel.domain import remedies

# Every code that Vertex AI's Veo and image pages list.
LISTED = (
    "58061214 17301594 29310472 15236754 64151117 42237218 62263041 57734940 22137204 42876398 29578790 74803281 "
    "89371032 49114662 72817394 63429089 60599140 35561574 35561575 90789179 43188360 78610348 61493863 56562880 "
    "32635315 92201652 39322892"
).split()


@pytest.mark.parametrize("code", LISTED)
def test_listed_code_then_has_a_category_and_advice_for_the_owner(code: str) -> None:
    remedy = remedies.remedy([code])

    assert remedy.category != "unknown"
    assert remedy.advice.endswith(".")


def test_several_codes_then_the_strictest_rules() -> None:
    assert remedies.remedy(["15236754"]).reseeds == 1
    assert remedies.remedy(["15236754", "58061214"]).reseeds == 0


@pytest.mark.parametrize("codes", [[], ["00000000"]])
def test_unknown_or_missing_code_then_gets_one_more_try(codes: list[str]) -> None:
    assert (remedies.remedy(codes).category, remedies.remedy(codes).reseeds) == ("unknown", 1)
