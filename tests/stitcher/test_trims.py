"""A film shorter than its clips: trimmed to the frame, at its beginning and at its end, in film and previews alike."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from promptreel.domain.job import Job
from promptreel.domain.states import SceneState
from stitcher_service.jobs import film_edit, previews
from stitcher_service.jobs.film_edit import FilmEdit
from stitcher_service.jobs.renders import RenderRequest
from stitcher_service.jobs.stitch_film import FilmStitched, stitch_film
from tests.fakes.services import FakeServices
from tests.stitcher.jobs import (
    FPS,
    FRAMES,
    a_drawn_job,
    a_filmed_job,
    change_scene,
    give_up,
    like_filmed,
    replace_clip,
    scenes,
    stitcher_services,
)
from tests.stitcher.media import marks, watch

ClipMaker = Callable[..., Path]
LAST, FIRST = FPS, FPS // 2  # frames that a film of 6.5 s leaves out of two clips of 4 s


@pytest.fixture
def trimmed(world: FakeServices, a_clip: ClipMaker) -> Job:
    """Two clips of 4 s for a film of 6.5 s."""
    return a_filmed_job(world, a_clip, duration_s=6.5)


def edit_of(world: FakeServices, job: Job) -> FilmEdit:
    return film_edit.edit_film(world.jobs.get_job(job.id).value, scenes(world, job))


def cut(world: FakeServices, job: Job) -> FilmStitched:
    return stitch_film(RenderRequest(job.id, 1), stitcher_services(world))


def film_of(world: FakeServices, job: Job, folder: Path) -> Path:
    assert cut(world, job) == FilmStitched("done")
    output = world.jobs.get_job(job.id).value.output
    assert output is not None
    world.artifacts.get_file(output.film_uri, folder / "film.mp4")
    return folder / "film.mp4"


def test_film_leaves_out_the_beginning_of_the_first_clip_and_the_end_of_the_last(
    world: FakeServices, trimmed: Job, tmp_path: Path
) -> None:
    shown = marks(watch(film_of(world, trimmed, tmp_path)))

    first = FRAMES - FIRST
    assert len(shown) == first + FRAMES - LAST == 6.5 * FPS
    assert shown[: first - 1] == [
        (1, n) for n in range(FIRST, FRAMES - 1)
    ]  # then its last keyframe, and the next first
    assert shown[first + 1 :] == [(2, n) for n in range(1, FRAMES - LAST)]
    assert world.jobs.get_job(trimmed.id).value.warnings == ()


def test_preview_shows_the_frames_that_the_film_will_show(world: FakeServices, trimmed: Job, tmp_path: Path) -> None:
    made = previews.make_preview(RenderRequest(trimmed.id, None), stitcher_services(world))

    world.artifacts.get_file(made.uri, tmp_path / "preview.mp4")
    shown = marks(watch(tmp_path / "preview.mp4"))
    assert made.frames == len(shown) == 6.5 * FPS
    assert shown[0] == (1, FIRST)
    assert shown[-1] == (2, FRAMES - LAST - 1)


@pytest.mark.parametrize("missing", [0, 6])
def test_film_has_its_length_when_a_trimmed_clip_is_shorter_than_it_should_be(
    world: FakeServices, trimmed: Job, a_clip: ClipMaker, tmp_path: Path, missing: int
) -> None:
    replace_clip(world, trimmed, 1, a_clip(**like_filmed(mark=1, frames=FRAMES - missing)))

    assert len(watch(film_of(world, trimmed, tmp_path))) == 6.5 * FPS


def test_still_in_place_of_a_trimmed_clip_is_as_long_as_the_scene(world: FakeServices) -> None:
    job = a_drawn_job(world, duration_s=6.5)
    for scene in ("scene-01", "scene-02"):
        change_scene(world, job, scene, state=SceneState.FILTERED)

    segments = edit_of(world, job).segments
    assert [(segment.first, segment.frames) for segment in segments] == [(0, FRAMES - FIRST), (0, FRAMES - LAST)]


def test_only_clip_that_is_left_loses_its_end(world: FakeServices, a_clip: ClipMaker) -> None:
    job = a_filmed_job(world, a_clip, duration_s=6.5, on_scene_failure="omit")
    give_up(world, job)

    (segment,) = edit_of(world, job).segments
    assert (segment.first, segment.end, segment.clip_frames) == (0, FRAMES - FIRST, FRAMES)


def test_scene_keeps_its_frames_when_another_model_films_it_with_a_longer_clip(
    world: FakeServices, a_clip: ClipMaker
) -> None:
    job = a_filmed_job(world, a_clip, models={"video": "gemini-omni-1.2-flash"}, duration_s=9.5)
    before = edit_of(world, job)
    for scene in ("scene-01", "scene-02"):
        change_scene(world, job, scene, video_model="veo-3.1-lite-generate-001")

    after = edit_of(world, job)
    assert [segment.clip_frames for segment in before.segments] == [5 * FPS, 5 * FPS]
    assert [segment.clip_frames for segment in after.segments] == [6 * FPS, 6 * FPS]
    assert [segment.frames for segment in after.segments] == [segment.frames for segment in before.segments]
    assert [segment.first for segment in after.segments] == [FPS, 0]
    assert before.frames == after.frames == 9.5 * FPS


def test_scene_of_an_older_document_shows_its_whole_clip_under_the_same_name(
    world: FakeServices, a_clip: ClipMaker
) -> None:
    job = a_filmed_job(world, a_clip)
    name = edit_of(world, job).digest("film")
    for scene in ("scene-01", "scene-02"):
        change_scene(world, job, scene, frames=None)

    edit = edit_of(world, job)
    assert [segment.frames for segment in edit.segments] == [FRAMES, FRAMES]
    assert edit.digest("film") == name


def test_film_has_another_name_when_a_clip_loses_its_beginning(world: FakeServices, trimmed: Job) -> None:
    edit = edit_of(world, trimmed)
    first, last = edit.segments

    assert first.first
    assert not last.first
    assert edit.segment_digest(first) != edit.segment_digest(replace(first, first=0))


@pytest.mark.parametrize(("kind", "jumps"), [("cut", 1), ("fade_black", 0)])
def test_warning_names_the_scene_whose_longer_clip_by_another_model_jumps_at_a_cut(
    world: FakeServices, kind: str, jumps: int
) -> None:
    job = world.drawn(
        scenes=3, duration_s=15, models={"video": "gemini-omni-1.2-flash"}, transition={"kind": kind}, budget_usd=100
    )
    for number in (1, 2, 3):
        clip = {"uri": f"gs://artifacts/{number}.mp4", "call": f"call-{number}"}
        change_scene(world, job, f"scene-{number:02d}", clip=clip, video_model="veo-3.1-lite-generate-001")

    longer = "the clip by veo-3.1-lite-generate-001 is 1 s longer than planned"
    warning = f"scene-02: {longer}, so the picture jumps at its end."
    assert edit_of(world, job).warnings == (warning,) * jumps
