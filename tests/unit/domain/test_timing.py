"""Scenes and lengths from fields and hints: met to the frame, missed with a warning, or refused with nearest values."""

import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptreel.domain.models import Resolution, VideoModel, registry
from promptreel.domain.planning import FilmSpec, accept
from promptreel.domain.prompt_hints import PromptHints
from promptreel.domain.request import FilmRequest
from promptreel.domain.timeline import to_frames
from promptreel.domain.timing import Timing, plan_timing
from promptreel.errors import Invalid
from tests.fakes.services import PROTOCOLS
from tests.fakes.system import START

FPS = 24
CROSSFADE = {"kind": "crossfade", "duration_s": 0.5}


def plan(prompt: str = "A fox", **fields: object) -> FilmSpec:
    return accept({"prompt": prompt, "budget_usd": 10_000, **fields}, START, PROTOCOLS)[1]


@pytest.mark.parametrize(
    ("fields", "clips_s", "shown_s"),
    [
        ({}, (), ()),
        ({"scenes": 2}, (6, 6), (6, 6)),
        ({"duration_s": 24}, (8, 8, 8), (8, 8, 8)),
        ({"duration_s": 24, "scenes": 4}, (6, 6, 6, 6), (6, 6, 6, 6)),
        ({"duration_s": 10}, (6, 4), (6, 4)),
        ({"duration_s": 7, "scenes": 1}, (8,), (7,)),
        ({"duration_s": 7.5}, (8,), (7.5,)),
        ({"duration_s": 13, "scenes": 3}, (4, 4, 6), (4, 4, 5)),
        ({"duration_s": 13.5, "scenes": 3}, (4, 4, 6), (4, 4, 5.5)),
        ({"duration_s": 15, "resolution": "4k"}, (8, 8), (8, 7)),
        ({"duration_s": 16, "resolution": "1080p"}, (8, 8), (8, 8)),
        ({"duration_s": 15.5, "resolution": "1080p", "transition": CROSSFADE}, (8, 8), (8, 8)),
        ({"duration_s": 13.5, "scenes": 3, "transition": CROSSFADE}, (6, 4, 6), (5.5, 4, 5)),
        ({"duration_s": 21, "scenes": 3, "resolution": "4k", "transition": {"kind": "fade_black"}}, (8,) * 3, (7,) * 3),
        ({"duration_s": 8, "transition": {"kind": "fade_black"}}, (4, 4), (4, 4)),
        ({"duration_s": 240, "scenes": 60}, (4,) * 60, (4,) * 60),
        ({"prompt": "A film of two scenes, 12 seconds"}, (6, 6), (6, 6)),
        ({"prompt": "A film of 7.5 seconds"}, (8,), (7.5,)),
        ({"prompt": "A 1.5 minute film"}, (8,) * 9 + (6,) * 3, (8,) * 9 + (6,) * 3),
    ],
)
def test_length_is_planned_to_the_frame_without_a_warning_when_it_can_be_met(
    fields: dict[str, object], clips_s: tuple[int, ...], shown_s: tuple[float, ...]
) -> None:
    planned = plan(**fields)  # type: ignore[arg-type]

    assert (planned.durations_s, planned.warnings) == (clips_s, ())
    assert planned.scene_frames == tuple(int(seconds * FPS) for seconds in shown_s)


def test_scenes_of_an_open_number_have_clips_and_frames_once_it_is_known() -> None:
    planned = plan()

    assert (planned.durations_for(2), planned.frames_for(2)) == ((6, 6), (144, 144))


@pytest.mark.parametrize(
    ("fields", "frames", "warning"),
    [
        ({"prompt": "Two scenes, 30 s"}, (192, 192), "prompt: “30 s” cannot be met with 2 scenes of 4-8 s; {16}"),
        ({"prompt": "A fox, 10 s", "resolution": "4k"}, (192,),
         "prompt: “10 s” cannot be met with 1 scene of 8 s; {8}"),
        ({"prompt": "A fox, 480 seconds", "transition": CROSSFADE}, (192,) * 60,
         "prompt: “480 seconds” cannot be met with 60 scenes of 4-8 s that share 0.5 s; {450.5}"),
    ],
)  # fmt: skip
def test_hinted_length_that_is_missed_is_named_with_its_words_and_the_planned_length(
    fields: dict[str, object], frames: tuple[int, ...], warning: str
) -> None:
    planned = plan(**fields)  # type: ignore[arg-type]

    expected = re.sub(r"\{(.*)\}", r"the film is planned as \1 s.", warning)
    assert (planned.scene_frames, planned.warnings) == (frames, (expected,))


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        ({"duration_s": 29}, "duration_s: 29 s: 2 of 4 clips lose up to 0.5 s {30}"),
        ({"duration_s": 21}, "duration_s: 21 s: 1 of 3 clips loses up to 1 s {22}"),
        ({"prompt": "A film of 29 seconds"}, "prompt: “29 seconds”: 2 of 4 clips lose up to 0.5 s {30}"),
    ],
)
def test_warning_names_a_length_without_jumps_when_clips_are_trimmed_before_a_cut(
    fields: dict[str, object], warning: str
) -> None:
    planned = plan(**{"resolution": "1080p", **fields})  # type: ignore[arg-type]

    jump = (
        "before the next one begins, so the picture jumps there. Set `transition.kind` to fade_black, or `duration_s`"
    )
    assert planned.warnings == (re.sub(r"\{(.*)\}", rf"{jump} to \1, and nothing jumps.", warning),)
    smooth_s = float(planned.warnings[0].split("`duration_s` to ")[1].split(",")[0])
    assert plan(resolution="1080p", duration_s=smooth_s).warnings == ()
    assert plan(**{"resolution": "1080p", **fields}, transition={"kind": "fade_black"}).warnings == ()  # type: ignore[arg-type]


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
            "duration_s: 2 scenes of 4-8 s make a film of 6-16 s, not 60 s.",
            "Set `duration_s` to 16, or `scenes` to 8.",
        ),
        (
            {"scenes": 3, "duration_s": 20, "resolution": "1080p"},
            "duration_s: 3 scenes of 8 s make a film of 21-24 s, not 20 s.",
            "Set `duration_s` to 21, or `resolution` to 720p.",
        ),
        (
            {"duration_s": 4, "resolution": "1080p"},
            "duration_s: no film of 1 to 60 scenes of 8 s lasts 4 s.",
            "Set `duration_s` to 7, or `resolution` to 720p.",
        ),
        (
            {"duration_s": 26, "resolution": "1080p"},
            "duration_s: no film of 1 to 60 scenes of 8 s lasts 26 s.",
            "Set `duration_s` to 24 or 28, or `resolution` to 720p.",
        ),
        (
            {"duration_s": 480, "transition": CROSSFADE},
            "duration_s: no film of 2 to 60 scenes of 4-8 s that share 0.5 s lasts 480 s.",
            "Set `duration_s` to 450.5, or `transition.kind` to cut.",
        ),
        (
            {"duration_s": 4, "transition": {"kind": "fade_black"}},
            "duration_s: no film of 2 to 60 scenes of 4-8 s lasts 4 s.",
            "Set `duration_s` to 6, or `transition.kind` to cut.",
        ),
    ],
)
def test_length_that_no_film_has_is_refused_with_the_nearest_values(
    fields: dict[str, object], message: str, remedy: str
) -> None:
    with pytest.raises(Invalid) as refused:
        plan(**fields)  # type: ignore[arg-type]

    assert (refused.value.message, refused.value.remedy) == (message, remedy)


FRACTIONS_S = (7.3, 13.5, 29.97)
TRANSITIONS: tuple[dict[str, Any], ...] = (
    {},
    {"kind": "fade_black", "duration_s": 0.1},
    {"kind": "fade_black", "duration_s": 1.5},
    {"kind": "crossfade", "duration_s": 0.5},
    {"kind": "crossfade", "duration_s": 1.5},
)


def planned_frames(timing: Timing, request: FilmRequest) -> int:
    shared = timing.transition_frames if request.transition.kind == "crossfade" else 0
    return sum(timing.cut.frames) - shared * (len(timing.cut.frames) - 1)


@pytest.mark.parametrize(
    ("video", "resolution"),
    [(model, resolution) for model in registry().video for resolution in model.durations_s],
    ids=lambda value: getattr(value, "id", value),
)
def test_every_wish_is_met_to_the_frame_or_refused_with_lengths_that_are(
    video: VideoModel, resolution: Resolution
) -> None:
    lengths_s = (*range(4, 34), *range(40, 480, 110), 480, *FRACTIONS_S)
    for transition, scenes, length_s in product(TRANSITIONS, (None, 1, 2, 3, 7, 60), lengths_s):
        if transition and scenes == 1:
            continue
        fields = {"scenes": scenes, "resolution": resolution, "transition": transition}
        request = FilmRequest.model_validate({"prompt": "A fox", "duration_s": length_s, **fields})
        try:
            timing = plan_timing(request, PromptHints(), video)
        except Invalid as error:
            assert_remedy_helps(error, request, video)
        else:
            assert planned_frames(timing, request) == to_frames(length_s, video.fps)


def assert_remedy_helps(refusal: Invalid, request: FilmRequest, video: VideoModel) -> None:
    nearest = nearest_lengths_s(refusal.remedy)
    assert nearest, refusal.remedy
    for near_s in nearest:
        other = request.model_copy(update={"duration_s": near_s})
        assert planned_frames(plan_timing(other, PromptHints(), video), other) == to_frames(near_s, video.fps)
    for field, value in re.findall(r"`(scenes|resolution)` to (\w+)", refusal.remedy):
        changed = {field: int(value) if field == "scenes" else value}
        plan_timing(request.model_copy(update=changed), PromptHints(), video)


@settings(deadline=None)
@given(
    duration_s=st.floats(4, 480),
    scenes=st.none() | st.integers(1, 60),
    resolution=st.sampled_from(["720p", "1080p", "4k"]),
    transition=st.sampled_from(["cut", "crossfade", "fade_black"]),
    overlap_s=st.sampled_from([0.1, 0.5, 1.3, 2.0]),
)
def test_length_in_its_field_is_met_to_the_frame_or_refused_with_values_that_are_accepted(
    *, duration_s: float, scenes: int | None, resolution: str, transition: str, overlap_s: float
) -> None:
    kind: dict[str, object] = {"kind": transition}
    if transition != "cut":
        kind["duration_s"] = overlap_s
        scenes = max(scenes, 2) if scenes else None
    fields: dict[str, Any] = {"scenes": scenes, "resolution": resolution, "transition": kind}
    asked = [duration_s]
    try:
        plan(duration_s=duration_s, **fields)
    except Invalid as error:
        asked = nearest_lengths_s(error.remedy)
    assert asked
    for length_s in asked:
        planned = plan(duration_s=length_s, **fields)
        shared = planned.transition_frames if transition == "crossfade" else 0
        assert sum(planned.scene_frames) - shared * (len(planned.scene_frames) - 1) == to_frames(length_s, FPS)
        assert scenes in {None, len(planned.scene_frames)}


def nearest_lengths_s(remedy: str) -> list[float]:
    found = re.search(r"`duration_s` to (\d+(?:\.\d+)?)(?: or (\d+(?:\.\d+)?))?", remedy)
    return [float(one) for one in found.groups() if one] if found else []
