"""Scenes and lengths from fields and hints: met, missed with a warning, or refused with the nearest values."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptreel.domain.planning import FilmSpec, accept
from promptreel.domain.timing import TOLERANCE_S
from promptreel.errors import Invalid
from tests.fakes.services import PROTOCOLS
from tests.fakes.system import START

HALF_FRAME_S = 1 / 48
CROSSFADE = {"kind": "crossfade", "duration_s": 0.5}


def plan(prompt: str = "A fox", **fields: object) -> FilmSpec:
    return accept({"prompt": prompt, "budget_usd": 10_000, **fields}, START, PROTOCOLS)[1]


@pytest.mark.parametrize(
    ("fields", "durations"),
    [
        ({}, ()),
        ({"scenes": 2}, (6, 6)),
        ({"duration_s": 24}, (8, 8, 8)),
        ({"duration_s": 24, "scenes": 4}, (6, 6, 6, 6)),
        ({"duration_s": 10}, (6, 4)),
        ({"duration_s": 7, "scenes": 1}, (7,)),
        ({"duration_s": 13, "scenes": 3}, (6, 4, 3)),
        ({"duration_s": 15, "resolution": "4k"}, (8, 7)),
        ({"duration_s": 16, "resolution": "1080p"}, (8, 8)),
        ({"duration_s": 15.5, "resolution": "1080p", "transition": CROSSFADE}, (8, 8)),
        ({"duration_s": 8, "transition": {"kind": "fade_black"}}, (4, 4)),
        ({"duration_s": 240, "scenes": 60}, (4,) * 60),
        ({"prompt": "A film of two scenes, 12 seconds"}, (6, 6)),
        ({"prompt": "A 1.5 minute film"}, (8,) * 9 + (6,) * 3),
    ],
)
def test_length_is_planned_without_a_warning_when_it_can_be_met(
    fields: dict[str, object], durations: tuple[int, ...]
) -> None:
    planned = plan(**fields)  # type: ignore[arg-type]

    assert (planned.durations_s, planned.warnings) == (durations, ())


@pytest.mark.parametrize(
    ("fields", "durations", "warning"),
    [
        ({"duration_s": 7.5}, (8,), "duration_s: 7.5 s cannot be met with 1 scene of 4-8 s; {8}"),
        ({"prompt": "Two scenes, 30 s"}, (8, 8), "prompt: “30 s” cannot be met with 2 scenes of 4-8 s; {16}"),
        ({"prompt": "A fox, 9 s", "resolution": "4k"}, (8,), "prompt: “9 s” cannot be met with 1 scene of 8 s; {8}"),
        ({"prompt": "A fox, 480 seconds", "transition": CROSSFADE}, (8,) * 60,
         "prompt: “480 seconds” cannot be met with 60 scenes of 4-8 s that share 0.5 s; {450.5}"),
    ],
)  # fmt: skip
def test_length_that_is_missed_is_named_with_its_words_and_the_planned_length(
    fields: dict[str, object], durations: tuple[int, ...], warning: str
) -> None:
    planned = plan(**fields)  # type: ignore[arg-type]

    expected = re.sub(r"\{(.*)\}", r"the film is planned as \1 s.", warning)
    assert (planned.durations_s, planned.warnings) == (durations, (expected,))


@pytest.mark.parametrize(
    ("fields", "used", "warning"),
    [
        ({"prompt": "Two scenes: a fox", "duration_s": 30}, [],
         "prompt: “Two scenes” gives way to the request's fields."),
        ({"prompt": "Two scenes: a fox", "scenes": 3}, [], "prompt: “Two scenes” gives way to the request's fields."),
        ({"prompt": "One scene of a fox", "transition": CROSSFADE}, [],
         "prompt: “One scene” gives way to the request's fields."),
        ({"prompt": "A 9:16 film", "aspect": "16:9"}, [], "prompt: “9:16” gives way to the request's fields."),
        ({"prompt": "A film of 900 scenes"}, [],
         "prompt: “900 scenes” was not used, because a film has 1 to 60 scenes. Set `scenes`."),
    ],
)  # fmt: skip
def test_hint_that_gives_way_is_named_and_is_not_among_the_inferred_values(
    fields: dict[str, object], used: list[str], warning: str
) -> None:
    planned = plan(**fields)  # type: ignore[arg-type]

    assert ([one.field for one in planned.inferred], planned.warnings) == (used, (warning,))


@pytest.mark.parametrize(
    ("fields", "message", "remedy"),
    [
        (
            {"scenes": 2, "duration_s": 60},
            "duration_s: 2 scenes of 4-8 s make a film of 7-16 s, not 60 s.",
            "Set `duration_s` to 16, or `scenes` to 8.",
        ),
        (
            {"scenes": 3, "duration_s": 20, "resolution": "1080p"},
            "duration_s: 3 scenes of 8 s make a film of 23-24 s, not 20 s.",
            "Set `duration_s` to 23, or `resolution` to 720p.",
        ),
        (
            {"duration_s": 4, "resolution": "1080p"},
            "duration_s: no film of 1 to 60 scenes of 8 s lasts 4 s.",
            "Set `duration_s` to 7, or `resolution` to 720p.",
        ),
        (
            {"duration_s": 29, "resolution": "1080p"},
            "duration_s: no film of 1 to 60 scenes of 8 s lasts 29 s.",
            "Set `duration_s` to 24 or 31, or `resolution` to 720p.",
        ),
        (
            {"duration_s": 480, "transition": CROSSFADE},
            "duration_s: no film of 2 to 60 scenes of 4-8 s that share 0.5 s lasts 480 s.",
            "Set `duration_s` to 450.5, or `transition.kind` to cut.",
        ),
        (
            {"duration_s": 4, "transition": {"kind": "fade_black"}},
            "duration_s: no film of 2 to 60 scenes of 4-8 s lasts 4 s.",
            "Set `duration_s` to 7, or `transition.kind` to cut.",
        ),
    ],
)
def test_length_that_no_film_comes_near_is_refused_with_the_nearest_values(
    fields: dict[str, object], message: str, remedy: str
) -> None:
    with pytest.raises(Invalid) as refused:
        plan(**fields)  # type: ignore[arg-type]

    assert (refused.value.message, refused.value.remedy) == (message, remedy)


@settings(deadline=None)
@given(
    duration_s=st.floats(4, 480),
    scenes=st.none() | st.integers(1, 60),
    resolution=st.sampled_from(["720p", "1080p", "4k"]),
    transition=st.sampled_from(["cut", "crossfade", "fade_black"]),
    overlap_s=st.sampled_from([0.1, 0.5, 1.3, 2.0]),
)
def test_length_in_its_field_is_met_within_the_tolerance_or_refused_with_a_value_that_is_accepted(
    *, duration_s: float, scenes: int | None, resolution: str, transition: str, overlap_s: float
) -> None:
    kind: dict[str, object] = {"kind": transition}
    if transition != "cut":
        kind["duration_s"] = overlap_s
        scenes = max(scenes, 2) if scenes else None
    fields: dict[str, Any] = {"scenes": scenes, "resolution": resolution, "transition": kind}
    try:
        planned = plan(duration_s=duration_s, **fields)
    except Invalid as error:
        planned = plan(duration_s=nearest_length_s(error.remedy), **fields)
    else:
        shared_s = planned.transition_frames / 24 if transition == "crossfade" else 0
        film_s = sum(planned.durations_s) - shared_s * (len(planned.durations_s) - 1)
        assert abs(film_s - duration_s) <= TOLERANCE_S + HALF_FRAME_S
        assert bool(planned.warnings) or abs(film_s - duration_s) <= HALF_FRAME_S
    assert len(planned.durations_s) <= 60
    assert scenes in {None, len(planned.durations_s)}


def nearest_length_s(remedy: str) -> float:
    return float(re.findall(r"`duration_s` to (\d+(?:\.\d+)?)", remedy)[0])
