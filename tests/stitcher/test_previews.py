"""The animatic and the film so far: timed as the film will be, from segments that are rendered once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from promptreel.domain.job import Animatic, Job
from promptreel.domain.states import SceneState
from promptreel.errors import Conflict, NotFound
from promptreel.ports.storage import Replace
from stitcher_service.jobs import film_edit, previews, scene_segments, segment_commands
from stitcher_service.jobs.previews import MakeStill, Preview
from stitcher_service.jobs.renders import RenderRequest
from stitcher_service.jobs.services import StitcherServices
from stitcher_service.jobs.stitch_film import stitch_film
from tests.fakes.services import FakeServices
from tests.stitcher.jobs import FPS, FRAMES, a_drawn_job, a_filmed_job, change_scene, give_up, scenes, stitcher_services
from tests.stitcher.media import listen, pitch

ClipMaker = Callable[..., Path]


@pytest.fixture
def services(world: FakeServices) -> StitcherServices:
    return stitcher_services(world)


def fetched(world: FakeServices, uri: str, folder: Path) -> Path:
    path = folder / "preview.mp4"
    world.artifacts.get_file(uri, path)
    return path


def stored_segments(world: FakeServices, job: Job) -> set[str]:
    """The strips that stand in the bucket."""
    return {stored.uri.rpartition("/")[2] for stored in world.artifacts.list(f"jobs/{job.id}/work/")}


def not_filmed(world: FakeServices, job: Job, scene_id: str) -> None:
    change_scene(world, job, scene_id, state=SceneState.FILMING, clip=None)


def test_animatic_gives_every_scene_its_planned_length_transition_and_cue(
    world: FakeServices, services: StitcherServices, tmp_path: Path
) -> None:
    job = a_drawn_job(world, duration_s=7.5, transition={"kind": "crossfade", "duration_s": 0.5})
    overlap = job.require_plan().transition_frames

    made = previews.make_animatic(RenderRequest(job.id, job.run), services)

    frames = 2 * FRAMES - overlap
    assert overlap == 3
    assert made == Preview("done", 0.0, made.uri, frames, frames / FPS, scenes=2, filmed=0)
    assert made.uri.startswith(f"gs://artifacts/jobs/{job.id}/animatic-")
    film = fetched(world, made.uri, tmp_path)
    with av.open(str(film)) as container:
        video = container.streams.video[0]
        shown = [
            frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()[:100].mean(axis=(0, 1))
            for frame in container.decode(video)
        ]
        assert (video.width, video.height) == (640, 360)
    assert len(shown) == frames
    assert shown[0] == pytest.approx([200, 30, 30], abs=15)
    assert shown[FRAMES - overlap] == pytest.approx([30, 30, 200], abs=15)
    assert shown[-1] == pytest.approx([30, 160, 60], abs=15)
    sound, second = listen(film), (FRAMES - overlap) / FPS
    assert pitch(sound, 0, 0.15) == pytest.approx(660, abs=15)
    assert pitch(sound, 1, 2) == 0
    assert np.abs(sound[:, round(second * 48_000) : round((second + 0.5) * 48_000)]).max() > 0.005


def test_stored_animatic_is_returned_when_requested_twice(
    world: FakeServices, services: StitcherServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_drawn_job(world)
    made = previews.make_animatic(RenderRequest(job.id, None), services)
    monkeypatch.setattr(scene_segments, "build_segments", None)

    assert previews.make_animatic(RenderRequest(job.id, None), services) == made


def test_animatic_is_stored_on_its_job_unless_the_job_has_moved_on(
    world: FakeServices, services: StitcherServices
) -> None:
    job = a_drawn_job(world)

    made = previews.make_animatic(RenderRequest(job.id, job.run), services)

    stored = world.jobs.get_job(job.id).value
    assert stored.animatic == Animatic(uri=made.uri, frames=made.frames)
    read = world.jobs.get_job(job.id)
    world.jobs.write(Replace(job.id, read, stored.evolve(run=job.run + 1, animatic=None)))
    assert previews.make_animatic(RenderRequest(job.id, job.run), services).state == "superseded"
    assert world.jobs.get_job(job.id).value.animatic is None


def test_animatic_names_the_missing_scenes_when_keyframes_are_not_drawn(
    world: FakeServices, services: StitcherServices
) -> None:
    job = a_drawn_job(world)
    change_scene(world, job, "scene-02", end=None)

    with pytest.raises(Conflict, match="Not drawn yet: scene-02"):
        previews.make_animatic(RenderRequest(job.id, None), services)


@pytest.mark.parametrize("make", [previews.make_animatic, previews.make_preview])
def test_preview_is_a_conflict_when_its_job_has_no_plan(
    world: FakeServices, services: StitcherServices, make: Any
) -> None:
    with pytest.raises(Conflict, match="no plan yet"):
        make(RenderRequest(world.opened().id), services)


def test_preview_is_superseded_when_its_run_is_stale(world: FakeServices, services: StitcherServices) -> None:
    job = a_drawn_job(world)

    assert previews.make_preview(RenderRequest(job.id, job.run + 1), services) == Preview("superseded")
    assert stored_segments(world, job) == set()


def test_preview_grows_with_the_film_and_renders_only_what_is_new(
    world: FakeServices, services: StitcherServices, a_clip: ClipMaker, tmp_path: Path
) -> None:
    job = a_filmed_job(world, a_clip)
    clip = scenes(world, job)[1].clip
    not_filmed(world, job, "scene-02")
    first = previews.make_preview(RenderRequest(job.id, None), services)
    after_first = stored_segments(world, job)

    change_scene(world, job, "scene-02", state=SceneState.DONE, clip=clip)
    second = previews.make_preview(RenderRequest(job.id, None), services)

    assert (first.scenes, first.filmed, first.frames) == (2, 1, 2 * FRAMES)
    assert (second.scenes, second.filmed, second.frames) == (2, 2, 2 * FRAMES)
    assert len(after_first) == 2
    (new,) = stored_segments(world, job) - after_first
    assert new.startswith("scene-02-")
    with av.open(str(fetched(world, second.uri, tmp_path))) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (640, 360)
        assert sum(1 for _ in container.decode(video=0)) == 2 * FRAMES


def test_film_reuses_the_last_preview_when_that_shows_all_of_it(
    world: FakeServices, services: StitcherServices, a_clip: ClipMaker
) -> None:
    job = a_filmed_job(world, a_clip)
    made = previews.make_preview(RenderRequest(job.id, None), services)

    stitch_film(RenderRequest(job.id, None), services)

    output = world.jobs.get_job(job.id).value.output
    assert output is not None
    assert output.preview_uri == made.uri


def test_preview_of_a_finished_film_is_the_one_rendered_with_it(
    world: FakeServices, services: StitcherServices, a_clip: ClipMaker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    job = a_filmed_job(world, a_clip)
    stitch_film(RenderRequest(job.id, None), services)
    output = world.jobs.get_job(job.id).value.output
    monkeypatch.setattr(previews, "join_segments", None)

    made = previews.make_preview(RenderRequest(job.id, None), services)

    assert output is not None
    assert made.uri == output.preview_uri
    with av.open(str(fetched(world, made.uri, tmp_path))) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (640, 360)
        assert sum(1 for _ in container.decode(video=0)) == 2 * FRAMES
        assert container.streams.audio[0].codec.canonical_name == "aac"


def test_preview_is_made_of_numbered_cards_of_this_job_when_nothing_is_drawn(
    world: FakeServices, services: StitcherServices
) -> None:
    job = a_drawn_job(world)
    for scene in ("scene-01", "scene-02"):
        change_scene(world, job, scene, start=None, end=None)

    made = previews.make_preview(RenderRequest(job.id, None), services)

    assert (made.filmed, made.frames) == (0, 2 * FRAMES)
    other = film_edit.FilmEdit(
        "job-other",
        job.require_plan(),
        film_edit.OutputProfile.PREVIEW,
        film_edit.edit_preview(job, scenes(world, job)).segments,
    )
    assert other.digest("preview") not in made.uri


def test_preview_leaves_out_a_scene_that_the_film_will_leave_out(
    world: FakeServices, services: StitcherServices
) -> None:
    job = a_drawn_job(world, on_scene_failure="omit")
    give_up(world, job)

    assert previews.make_preview(RenderRequest(job.id, None), services).frames == FRAMES


def test_film_reuses_a_still_that_was_made_before(
    world: FakeServices, services: StitcherServices, a_clip: ClipMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_filmed_job(world, a_clip)
    give_up(world, job)
    made = previews.make_still(MakeStill(job.id, job.run, scene="scene-02"), services)
    monkeypatch.setattr(segment_commands, "encode_still", None)

    assert (made.state, made.frames, made.duration_s) == ("done", FRAMES, 4.0)
    assert made.uri.startswith(f"gs://artifacts/jobs/{job.id}/work/scene-02-")
    assert stitch_film(RenderRequest(job.id, None), services).state == "done"


def test_still_is_refused_when_its_scene_is_unknown_or_not_drawn(
    world: FakeServices, services: StitcherServices
) -> None:
    job = a_drawn_job(world)
    change_scene(world, job, "scene-02", start=None, end=None)

    with pytest.raises(NotFound):
        previews.make_still(MakeStill(job.id, None, scene="scene-09"), services)
    with pytest.raises(Conflict, match="scene-02 has no picture yet"):
        previews.make_still(MakeStill(job.id, None, scene="scene-02"), services)


@pytest.mark.parametrize(
    ("size", "small"),
    [
        ((1280, 720), (640, 360)),
        ((720, 1280), (360, 640)),
        ((1920, 1080), (640, 360)),
        ((1080, 1920), (360, 640)),
        ((3840, 2160), (640, 360)),
        ((2160, 3840), (360, 640)),
    ],
)
def test_preview_has_the_films_shape_and_a_long_side_of_640(size: tuple[int, int], small: tuple[int, int]) -> None:
    assert film_edit.preview_size(size) == small


@pytest.mark.parametrize(
    "change",
    [{"description": "Another"}, {"start": None}, {"frames": FRAMES - 1}],
    ids=["words", "picture", "length"],
)
def test_edit_has_another_digest_when_anything_it_is_made_from_changes(
    world: FakeServices, change: dict[str, Any]
) -> None:
    job = a_drawn_job(world)
    give_up(world, job)
    change_scene(world, job, "scene-01", state=SceneState.FILTERED)
    before = film_edit.edit_film(job, scenes(world, job)).digest("film")

    change_scene(world, job, "scene-01", **change)
    assert film_edit.edit_film(job, scenes(world, job)).digest("film") != before


def test_edit_has_another_digest_when_the_films_title_changes(world: FakeServices) -> None:
    job = a_drawn_job(world)
    give_up(world, job)
    change_scene(world, job, "scene-01", state=SceneState.FILTERED)
    read = world.jobs.get_job(job.id)
    world.jobs.write(Replace(job.id, read, read.value.evolve(plan=job.require_plan().evolve(title="Another"))))

    renamed = world.jobs.get_job(job.id).value

    assert film_edit.edit_film(renamed, scenes(world, job)).digest("film") != film_edit.edit_film(
        job, scenes(world, job)
    ).digest("film")
