"""A graded film of a job: strays are brought nearer, within limits, and said; others are copied as ever."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from promptreel.domain import film_grade, grade
from promptreel.domain.grade import TOLERANCE, Look
from promptreel.domain.job import Job
from promptreel.domain.scene import Scene
from stitcher_service.jobs import film_edit, segment_grades
from stitcher_service.jobs.film_edit import FilmEdit, SceneSegment, SegmentKind
from stitcher_service.jobs.renders import RenderRequest
from stitcher_service.jobs.segment_grades import choose_grades
from stitcher_service.jobs.stitch_film import FilmStitched, stitch_film
from tests.fakes.services import FakeServices
from tests.stitcher.jobs import FRAMES, a_filmed_job, change_scene, scenes, stitcher_services

ClipMaker = Callable[..., Path]
Looks = Mapping[str, Look | tuple[Look, Look, Look]]
USUAL = Look(lightness=50, a=2, b=8, contrast=20, chroma=25)
ROUNDING = 0.7  # of eight bits, and of an encoding


def pixels(film: Path) -> list[npt.NDArray[np.uint8]]:
    with av.open(str(film)) as container:
        frames = (frame.reformat(format="rgb24", src_colorspace="ITU709") for frame in container.decode(video=0))
        return [np.asarray(frame.to_ndarray(), dtype=np.uint8) for frame in frames]


def look_of(picture: npt.NDArray[np.uint8]) -> Look:
    small = picture[::20, ::20].reshape(-1, 3)
    return grade.measure((int(red), int(green), int(blue)) for red, green, blue in small)


def stitched(world: FakeServices, job: Job, folder: Path) -> Path:
    assert stitch_film(RenderRequest(job.id, 1), stitcher_services(world)) == FilmStitched("done")
    output = world.jobs.get_job(job.id).value.output
    assert output is not None
    film = folder / f"{job.id}.mp4"
    world.artifacts.get_file(output.film_uri, film)
    return film


def forget_looks(world: FakeServices, job: Job) -> None:
    """The keyframes as an older version, or their owner, has stored them."""
    for scene in scenes(world, job):
        for name, keyframe in (("start", scene.start), ("end", scene.end)):
            assert keyframe is not None
            change_scene(world, job, scene.id, **{name: keyframe.evolve(look=None)})


def test_strayed_scenes_come_nearer_to_the_films_look_and_their_seam_does_not_grow(
    world: FakeServices, a_clip: ClipMaker, tmp_path: Path
) -> None:
    plain = pixels(stitched(world, a_filmed_job(world, a_clip), tmp_path))
    other = FakeServices()
    job = a_filmed_job(other, a_clip, grade="match")
    forget_looks(other, job)

    graded = pixels(stitched(other, job, tmp_path))

    ends = (0, FRAMES - 1, FRAMES, 2 * FRAMES - 1)
    before, after = ([look_of(film[at]) for at in ends] for film in (plain, graded))
    target = film_grade.find_target(job.require_plan(), before)
    assert target is not None
    for was, now in zip(before, after, strict=True):
        assert abs(now.lightness - was.lightness) <= grade.MAX_LIGHTNESS + ROUNDING
        assert now.chroma / was.chroma == pytest.approx(1, abs=grade.MAX_SATURATION + 0.06)
        for name in ("lightness", "chroma"):
            wanted = getattr(target.look, name)
            assert abs(getattr(now, name) - wanted) <= abs(getattr(was, name) - wanted) + ROUNDING
    assert sum(abs(one.lightness - target.look.lightness) for one in after) < sum(
        abs(one.lightness - target.look.lightness) for one in before
    )
    seams = [float(np.abs(film[FRAMES].astype(float) - film[FRAMES - 1]).mean()) for film in (plain, graded)]
    assert seams[1] <= seams[0] + 1.5


def test_job_says_which_scenes_were_graded_and_by_how_much(
    world: FakeServices, a_clip: ClipMaker, tmp_path: Path
) -> None:
    job = a_filmed_job(world, a_clip, grade="match")

    stitched(world, job, tmp_path)

    done = world.jobs.get_job(job.id).value
    assert any(one.startswith("Scene 1 was graded: at most ") for one in done.warnings)
    assert done.output is not None
    assert done.output.copied_frames < done.output.frames
    assert done.output.preview_uri is not None
    assert film_edit.edit_film(job, scenes(world, job)).digest("preview") in done.output.preview_uri


def test_film_that_is_not_graded_has_its_old_name_and_no_sentence(world: FakeServices, a_clip: ClipMaker) -> None:
    job = a_filmed_job(world, a_clip)
    edit = film_edit.edit_film(job, scenes(world, job))

    assert not edit.is_graded
    assert edit.digest("film") != replace(edit, is_graded=True).digest("film")
    assert "grade" not in edit.cut_list(["a.mp4", "b.mp4"]).model_dump(exclude_defaults=True)["clips"][0]


def choose(
    world: FakeServices, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> tuple[segment_grades.Grades, list[str]]:
    """What is ordered for scenes of these looks, each the same from its first frame to its last or as given."""
    job = world.drawn()
    found = scenes(world, job)
    segments = {name: a_segment(scene) for name, scene in zip(looks, found, strict=False)}

    def measure(file: Path, segment: SceneSegment) -> list[Look]:
        look = looks[file.name]
        return list(look) if isinstance(look, tuple) else [look] * 3

    monkeypatch.setattr(segment_grades, "_measure", measure)
    edit = FilmEdit(job.id, job.require_plan(), film_edit.OutputProfile.FILM, tuple(segments.values()), is_graded=True)
    return choose_grades(edit, segments, Path())


def a_segment(scene: Scene, kind: SegmentKind = SegmentKind.CLIP) -> SceneSegment:
    return SceneSegment(scene, kind, 96, scene.display_order, 96, 0, is_muted=False)


def test_only_the_scene_that_strays_is_graded(world: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    dark = USUAL.evolve(lightness=USUAL.lightness - TOLERANCE.lightness - 4, chroma=USUAL.chroma - 9)

    grades, sentences = choose(world, {"1.mp4": USUAL, "2.mp4": USUAL, "3.mp4": dark}, monkeypatch)

    assert set(grades) == {"3.mp4"}
    assert [one.lightness for one in grades["3.mp4"]] == [4, 4, 4]
    assert sentences == ["Scene 3 was graded: at most 4 L* lighter, 6 % more saturated."]


def test_middle_of_a_clip_that_strays_is_corrected_and_its_ends_are_not(
    world: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    flashes = (USUAL, USUAL.evolve(lightness=70), USUAL)

    grades, sentences = choose(world, {"1.mp4": USUAL, "2.mp4": flashes, "3.mp4": USUAL}, monkeypatch)

    assert [one.lightness for one in grades["2.mp4"]] == [0, -5, 0]
    assert sentences == ["Scene 2 was graded: at most 5 L* darker."]


def test_scenes_that_meet_on_a_keyframe_get_the_same_correction_there(
    world: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = USUAL.evolve(lightness=62, b=20)
    looks: Looks = {"1.mp4": (USUAL, USUAL, shared), "2.mp4": (shared, USUAL, USUAL), "3.mp4": USUAL}

    grades, _ = choose(world, looks, monkeypatch)

    assert grades["1.mp4"][-1] == grades["2.mp4"][0]
    assert grades["1.mp4"][-1].lightness == -4


def test_target_is_that_of_the_keyframes_where_they_were_measured(
    world: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = world.drawn()
    for scene in scenes(world, job):
        for name, keyframe in (("start", scene.start), ("end", scene.end)):
            assert keyframe is not None
            change_scene(world, job, scene.id, **{name: keyframe.evolve(look=USUAL.evolve(lightness=62))})
    segments = {"1.mp4": a_segment(scenes(world, job)[0])}
    monkeypatch.setattr(segment_grades, "_measure", lambda *_: [USUAL] * 3)
    edit = FilmEdit(job.id, job.require_plan(), film_edit.OutputProfile.FILM, tuple(segments.values()), is_graded=True)

    grades, _ = choose_grades(edit, segments, Path())

    assert [one.lightness for one in grades["1.mp4"]] == [4, 4, 4]


def test_film_of_one_look_is_left_alone(world: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = {"1.mp4": USUAL, "2.mp4": USUAL.evolve(lightness=44), "3.mp4": USUAL.evolve(chroma=31)}

    assert choose(world, looks, monkeypatch) == ({}, [])
