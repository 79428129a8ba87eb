"""Keyframes of a graded film are measured when they are drawn; the job shows the target and what strays from it."""

import io
import json

import pytest
from PIL import Image

from promptreel.adapters.pictures import PillowPictures
from promptreel.domain import film_grade
from promptreel.domain.grade import Look
from promptreel.http import responses
from promptreel.ports.storage import Replace
from tests.factories import a_scene, altered
from tests.fakes.models import a_storyboard
from tests.fakes.services import FakeServices


def test_keyframes_are_measured_when_the_film_is_graded(world: FakeServices) -> None:
    job = world.drawn(grade="match")

    drawn = [read.value for read in world.jobs.list_scenes(job.id)]
    assert len(film_grade.keyframe_looks(drawn)) == 4
    assert drawn[0].end == drawn[1].start


def test_keyframes_are_neither_read_nor_measured_when_it_is_not(world: FakeServices) -> None:
    job = world.drawn()

    assert film_grade.keyframe_looks([read.value for read in world.jobs.list_scenes(job.id)]) == []
    assert responses.job_detail(job, [], [], {})["grade"] is None


def test_job_names_the_palette_that_the_grade_cannot_follow(world: FakeServices) -> None:
    guide = {"visual_style": "oil", "palette": ["teal", "amber", "smoke", "navy"], "camera": "slow"}
    world.text.answers = [json.dumps(a_storyboard(style_guide=guide))]

    job = world.planned(grade="match")

    assert "grade: no known colour in “smoke” of the palette; the grade follows the other colours." in job.warnings


def test_palette_is_not_read_when_the_film_is_not_graded(world: FakeServices) -> None:
    assert not [one for one in world.planned().warnings if one.startswith("grade")]


def test_job_shows_target_and_strays(world: FakeServices) -> None:
    job = world.drawn(grade="match")
    usual = Look(lightness=50, a=2, b=8, contrast=20, chroma=25)
    looks = {"scene-01": usual, "scene-02": usual, "scene-03": usual.evolve(lightness=30)}
    for read in world.jobs.list_scenes(job.id):
        end = read.value.end
        assert end is not None
        assert read.value.start is not None
        changed = altered(read.value, start=None, end=end.evolve(look=looks[read.value.id]))
        world.jobs.write(Replace(job.id, read, changed))
    drawn = [read.value for read in world.jobs.list_scenes(job.id)]
    links = {uri: uri for uri in responses.artifact_uris(job, drawn)}

    shown = responses.job_detail(job, drawn, [], links)["grade"]

    assert shown["source"] == "keyframes"
    assert shown["target"]["lightness"] == 50
    assert shown["strays"] == [{"scene": "scene-03", "frame": "end", "differs": "20 L* too dark"}]


def test_shared_keyframe_is_listed_once(world: FakeServices) -> None:
    job = world.drawn(grade="match")
    drawn = [read.value for read in world.jobs.list_scenes(job.id)]
    target = film_grade.find_target(job.require_plan(), [Look(lightness=99, a=0, b=0, contrast=0, chroma=0)])
    assert target is not None

    assert [(one.scene, one.frame) for one in film_grade.list_strays(drawn, target)] == [
        ("scene-01", "start"),
        ("scene-01", "end"),
        ("scene-02", "end"),
        ("scene-03", "end"),
    ]


def test_scene_of_an_older_version_has_no_look() -> None:
    stored = a_scene(start={"uri": "gs://a/b.png", "digest": "d"}).to_json()
    del stored["start"]["look"]

    start = type(a_scene()).from_json(stored, "jobs/j/scenes/s").start

    assert start is not None
    assert start.look is None


def test_pixels_are_averages_of_what_they_stand_for() -> None:
    picture = Image.new("RGB", (128, 72), (10, 20, 30))
    picture.paste((30, 20, 10), (0, 0, 1, 72))
    out = io.BytesIO()
    picture.save(out, "PNG")

    pixels = PillowPictures().read_pixels(out.getvalue(), 64)

    assert len(pixels) == 64 * 36
    assert pixels[0] == pytest.approx((20, 20, 20), abs=1)
    assert pixels[1] == (10, 20, 30)
