"""The style of a film: from the request to every prompt; names of persons reach no model."""

import json

import pytest

from promptreel.domain import planning
from promptreel.domain.job import Job
from promptreel.domain.styles import style_list
from promptreel.usecases.job_lifecycle import JobRun
from tests.factories import a_request
from tests.fakes.models import a_storyboard
from tests.fakes.services import PROTOCOLS, FakeServices
from tests.fakes.system import START

PASTEL = style_list().style("symmetrical-pastel")
NAME = "Wes Anderson"


def texts(world: FakeServices) -> list[str]:
    """Every text that a model was given."""
    written = [f"{request.instruction}\n{request.prompt}" for request in world.text.requests]
    drawn = [request.prompt for request in world.images.requests]
    return [*written, *drawn, *(request.prompt for request in world.video.requests)]


def film(world: FakeServices, **request: object) -> Job:
    job = world.drawn(**request)
    assert set(world.submit_queued()) == {"filming"}
    return job


@pytest.mark.parametrize(
    "request_fields",
    [
        {"style": "symmetrical-pastel"},
        {"style": NAME},
        {"prompt": f"A lighthouse keeper in the style of {NAME}"},
        {"prompt": f"A lighthouse keeper, {NAME.lower()}"},
    ],
)
def test_every_prompt_carries_the_style_and_none_the_name(world: FakeServices, request_fields: dict[str, str]) -> None:
    job = film(world, **request_fields)

    guide = job.require_plan().style_guide
    assert (guide.style, guide.visual_style, guide.light) == (PASTEL.id, PASTEL.visual_style, PASTEL.light)
    assert len(texts(world)) == 1 + 4 + 3
    for text in texts(world):
        assert PASTEL.visual_style in text
        assert "anderson" not in text.lower()


def test_name_that_the_writer_or_a_feedback_brings_reaches_no_model(world: FakeServices) -> None:
    named = a_storyboard()
    named["style_guide"] = {"visual_style": f"as by {NAME}", "palette": ["teal", "amber"], "camera": "slow"}
    world.text.answers = [f"I think of {NAME}", json.dumps(named)]

    film(world, prompt=f"A boy meets {NAME}")

    assert len(world.text.requests) == 2
    assert [text for text in texts(world) if "anderson" in text.lower()] == []


def test_stored_prompt_stays_as_typed_and_the_job_says_what_was_read(world: FakeServices) -> None:
    job = world.opened(prompt=f"A lighthouse keeper in the style of {NAME}")

    assert job.request.prompt == f"A lighthouse keeper in the style of {NAME}"
    assert [line for line in job.warnings if NAME in line and "symmetrical-pastel" in line]


def test_own_style_decides_its_fields_and_leaves_the_others_to_the_storyboard(world: FakeServices) -> None:
    own = {"visual_style": "ink on newsprint", "light": "one bare bulb"}

    job = film(world, style={**own, "palette": ["black"]})

    guide = job.require_plan().style_guide
    assert (guide.visual_style, guide.light, guide.camera, guide.style) == (*own.values(), "slow", None)
    assert guide.palette == ["black"]
    assert all("ink on newsprint" in text and "one bare bulb" in text for text in texts(world))


def test_template_decides_structure_scenes_length_and_shape_when_the_request_does_not(world: FakeServices) -> None:
    template = style_list().template("trailer")
    job = world.opened(template="trailer")
    given = a_request(template="trailer", scenes=2, aspect="9:16")

    world.text.answers = [json.dumps(a_storyboard(template.scenes))]
    world.write_storyboard(JobRun(job.id, job.run))

    spec = planning.specify_film(job.request, job.created, PROTOCOLS)
    assert (len(spec.durations_s), sum(spec.durations_s), spec.aspect) == (template.scenes, template.duration_s, "16:9")
    asked = planning.specify_film(given, job.created, PROTOCOLS)
    assert (asked.scene_range, asked.aspect) == ((2, 2), "9:16")
    for beat in template.beats:
        assert beat in world.text.requests[0].prompt


def test_template_gives_up_its_length_when_no_model_films_it() -> None:
    longest = a_request(template="recipe", resolution="4k", transition={"kind": "crossfade"})

    spec = planning.specify_film(longest, START, PROTOCOLS)

    assert len(spec.durations_s) == style_list().template("recipe").scenes
