"""From a job to its film: named by what is stitched, rendered once, published once, with clear errors."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from promptreel.domain.call import Lease
from promptreel.domain.job import Budget, Job
from promptreel.domain.states import JobState, SceneState
from promptreel.errors import Broken, Conflict, Transient
from promptreel.ports.storage import Create, Replace
from promptreel.usecases import job_lifecycle
from stitcher_service.jobs import film_edit, scene_segments
from stitcher_service.jobs.renders import RenderRequest
from stitcher_service.jobs.stitch_film import FilmStitched, chapters, stitch_film
from tests.factories import a_render, a_request, later
from tests.fakes.services import FakeServices
from tests.stitcher.jobs import (
    COLOURS,
    FRAMES,
    a_drawn_job,
    a_filmed_job,
    change_scene,
    give_up,
    like_filmed,
    replace_clip,
    replace_file,
    scenes,
    stamp,
    stitcher_services,
)
from tests.stitcher.media import damage_packets, listen, pitch

ClipMaker = Callable[..., Path]


@pytest.fixture
def filmed(world: FakeServices, a_clip: ClipMaker) -> Job:
    """A job of two scenes whose clips stand in the bucket."""
    return a_filmed_job(world, a_clip)


def cut(world: FakeServices, job: Job, run: int | None = 1) -> FilmStitched:
    return stitch_film(RenderRequest(job.id, run), stitcher_services(world))


def test_clips_of_a_job_become_its_film_and_poster(world: FakeServices, filmed: Job) -> None:
    assert cut(world, filmed) == FilmStitched("done")

    done = world.jobs.get_job(filmed.id).value
    assert done.output is not None
    assert done.warnings == ()
    assert (done.output.frames, done.output.width_px, done.output.height_px) == (2 * FRAMES, 1280, 720)
    assert done.output.copied_frames == done.output.frames
    assert world.artifacts.get(done.output.film_uri)[4:8] == b"ftyp"
    assert world.artifacts.get(done.output.poster_uri)[:2] == b"\xff\xd8"


def test_scene_is_cut_from_a_longer_clip_when_no_clip_has_its_length(world: FakeServices, a_clip: ClipMaker) -> None:
    job = a_filmed_job(world, a_clip, duration_s=7)

    assert [request.seconds for request in world.video.requests] == [4, 4]
    assert cut(world, job) == FilmStitched("done")

    done = world.jobs.get_job(job.id).value
    assert done.output is not None
    assert done.warnings == ()
    assert done.output.frames == done.output.copied_frames == FRAMES + FRAMES * 3 // 4


def test_jump_is_named_with_its_scene_and_its_frames_in_the_film(
    world: FakeServices, filmed: Job, a_clip: ClipMaker
) -> None:
    replace_clip(world, filmed, 2, a_clip(**like_filmed(mark=2, is_eased=False)))

    assert cut(world, filmed) == FilmStitched("done")

    beginning, end = world.jobs.get_job(filmed.id).value.warnings
    assert beginning.startswith("scene-02 jumps at its beginning: frames 24 and 25 of the film differ by ")
    assert end.startswith("scene-02 jumps at its end: frames 46 and 47 of the film differ by ")


def test_film_is_silent_when_its_model_filmed_a_sound_that_was_not_wanted(
    world: FakeServices, a_clip: ClipMaker, tmp_path: Path
) -> None:
    job = a_filmed_job(world, a_clip, clip_audio=False, models={"video": "gemini-omni-1.2-flash"})

    assert [request.audio for request in world.video.requests] == [True, True]
    assert cut(world, job) == FilmStitched("done")

    done = world.jobs.get_job(job.id).value
    assert done.output is not None
    path = tmp_path / "film.mp4"
    world.artifacts.get_file(done.output.film_uri, path)
    assert pitch(listen(path), 0.0, 8.0) == 0


@pytest.mark.parametrize(
    ("wanted", "size", "small"),
    [({}, (1280, 720), (640, 360)), ({"aspect": "9:16"}, (720, 1280), (360, 640))],
    ids=["wide", "tall"],
)
def test_film_of_a_job_has_title_chapters_contact_sheet_and_small_preview(
    world: FakeServices,
    a_clip: ClipMaker,
    tmp_path: Path,
    wanted: dict[str, str],
    size: tuple[int, int],
    small: tuple[int, int],
) -> None:
    job = a_filmed_job(world, a_clip, title="Light on the Rocks", **wanted)
    assert cut(world, job) == FilmStitched("done")

    output = world.jobs.get_job(job.id).value.output
    assert output is not None
    assert (output.width_px, output.height_px) == size
    with av.open(str(fetched(world, output.film_uri, tmp_path / "film.mp4"))) as film:
        assert film.metadata["title"] == job.require_plan().title
        marks = [(float(one["start"] * (one["time_base"] or 0)), one["metadata"]["title"]) for one in film.chapters()]
        assert [start for start, _ in marks] == [0.0, 4.0]
        assert [title[:3] for _, title in marks] == ["1. ", "2. "]
        assert [stream.type for stream in film.streams] == ["video", "audio", "data"]
    with av.open(str(fetched(world, output.preview_uri, tmp_path / "preview.mp4"))) as preview:
        assert (preview.streams.video[0].width, preview.streams.video[0].height) == small
        assert sum(1 for _ in preview.decode(video=0)) == 2 * FRAMES
    with av.open(str(fetched(world, output.sheet_uri, tmp_path / "sheet.jpg"))) as sheet:
        cell = (small[0] // 2, small[1] // 2)
        assert (sheet.streams.video[0].width, sheet.streams.video[0].height) == (2 * cell[0] + 18, cell[1] + 12)


def fetched(world: FakeServices, uri: str | None, path: Path) -> Path:
    assert uri is not None
    world.artifacts.get_file(uri, path)
    return path


@pytest.mark.parametrize(
    ("description", "title"),
    [
        ("Mira climbs.", "1. Mira climbs."),
        ("  two\nlines ", "1. two lines"),
        ("word " * 40, "1. " + "word " * 14 + "word…"),
    ],
)
def test_chapter_title_is_the_scenes_number_and_a_short_description(
    world: FakeServices, description: str, title: str
) -> None:
    job = a_drawn_job(world)
    give_up(world, job)
    change_scene(world, job, "scene-01", state=SceneState.FILTERED, description=description)

    assert chapters(film_edit.edit_film(job, scenes(world, job)))[0].title == title


def test_stored_film_is_returned_without_stitching_when_requested_twice(
    world: FakeServices, filmed: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(world, filmed)
    first = world.jobs.get_job(filmed.id).value.output
    monkeypatch.setattr(scene_segments, "stitch", None)

    assert cut(world, filmed) == FilmStitched("done")
    read = world.jobs.get_job(filmed.id)
    world.jobs.write(Replace(filmed.id, read, read.value.evolve(output=None)))
    assert cut(world, filmed) == FilmStitched("done")
    assert world.jobs.get_job(filmed.id).value.output == first


def test_film_is_busy_while_another_instance_holds_its_lease_and_stitched_when_the_lease_ends(
    world: FakeServices, filmed: Job
) -> None:
    digest = film_edit.edit_film(filmed, scenes(world, filmed)).digest("film")
    lease = Lease(holder="other", until=later(100_000))
    world.jobs.write(Create(filmed.id, a_render(digest, job=filmed.id, lease=lease)))

    assert cut(world, filmed) == FilmStitched("busy", 20.0)
    world.clock.pass_s(200_000)
    assert cut(world, filmed) == FilmStitched("done")


def test_missing_clip_sends_the_job_back_to_filming_with_its_name(world: FakeServices, filmed: Job) -> None:
    clip = scenes(world, filmed)[1].clip
    assert clip is not None
    del world.artifacts._objects[clip.uri]

    assert cut(world, filmed) == FilmStitched("refilm")
    assert cut(world, filmed) == FilmStitched("refilm"), "the first answer may have been lost"
    assert world.jobs.get_job(filmed.id).value.state is JobState.VIDEO_GEN
    problem = scenes(world, filmed)[1].problem
    assert problem is not None
    assert problem.code == "clip_missing"
    assert problem.message.startswith(f"scene-02: its clip, paid with {clip.call}, is gone")
    assert world.poll(filmed).state == "done"
    assert cut(world, filmed) == FilmStitched("done")
    assert (
        world.jobs.get_job(filmed.id).value.warnings[0].startswith("scene-02 is a still: scene-02: its clip, paid with")
    )


def test_replaced_clip_is_not_stitched_into_the_film(world: FakeServices, filmed: Job) -> None:
    clip = scenes(world, filmed)[0].clip
    assert clip is not None
    replace_file(world, clip.uri, b"something else")

    assert cut(world, filmed) == FilmStitched("refilm")
    problem = scenes(world, filmed)[0].problem
    assert problem is not None
    assert problem.code == "clip_changed"
    assert scenes(world, filmed)[0].state is SceneState.FAILED


DAMAGE: dict[str, Callable[[Path], object]] = {
    "half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "no film at all": lambda file: file.write_bytes(b"no clip"),
    "empty": lambda file: file.write_bytes(b""),
    "scratched": lambda file: damage_packets(file, [7]),
    "unknown": lambda file: file.write_bytes(file.read_bytes().replace(b"mp4a", b"zzz9").replace(b"esds", b"free")),
}


@pytest.mark.parametrize(
    ("name", "policy"),
    [("half", "still"), ("no film at all", "omit"), ("empty", "fail"), ("scratched", "still"), ("unknown", "omit")],
)
def test_damaged_clip_is_refilmed_under_every_policy(
    world: FakeServices, a_clip: ClipMaker, tmp_path: Path, policy: str, name: str
) -> None:
    job = a_filmed_job(world, a_clip, on_scene_failure=policy)
    (tmp_path / "damaged.mp4").write_bytes(a_clip(**like_filmed(mark=1)).read_bytes())
    DAMAGE[name](tmp_path / "damaged.mp4")
    replace_clip(world, job, 1, tmp_path / "damaged.mp4")

    assert cut(world, job) == FilmStitched("refilm")

    changed = world.jobs.get_job(job.id).value
    assert (changed.state, changed.output) == (JobState.VIDEO_GEN, None)
    first, second = scenes(world, job)
    assert (first.state, first.take, first.clip) == (SceneState.QUEUED, 2, None)
    assert second.state is SceneState.DONE
    refilm(world, job, 1, a_clip(**like_filmed(mark=1)))
    assert cut(world, job) == FilmStitched("done")
    assert world.jobs.get_job(job.id).value.warnings == ()


@pytest.mark.parametrize("policy", ["still", "omit", "fail"])
def test_policy_decides_when_the_refilmed_clip_is_damaged_too(
    world: FakeServices, a_clip: ClipMaker, tmp_path: Path, policy: str
) -> None:
    job = a_filmed_job(world, a_clip, on_scene_failure=policy)
    (tmp_path / "damaged.mp4").write_bytes(b"no clip")
    replace_clip(world, job, 1, tmp_path / "damaged.mp4")
    assert cut(world, job) == FilmStitched("refilm")
    refilm(world, job, 1, tmp_path / "damaged.mp4")

    assert cut(world, job) == FilmStitched("refilm")

    polled = world.poll(job)
    if policy == "fail":
        assert polled.problem is not None
        assert polled.problem.code == "clip_defective"
        assert "Resume the job" in (polled.problem.remedy or "")
        return
    assert polled.state == "done"
    assert cut(world, job) == FilmStitched("done")
    done = world.jobs.get_job(job.id).value
    assert done.output is not None
    assert done.output.frames == {"still": 2, "omit": 1}[policy] * FRAMES
    assert done.warnings[0].startswith(f"scene-01 is {'a still' if policy == 'still' else 'left out'}: scene-01: ")


def refilm(world: FakeServices, job: Job, number: int, clip: Path) -> None:
    """Let the scene's second clip come, with this file in its place."""
    world.poll(job)
    world.submit_queued()
    waiting = [name for name, state in world.video.states.items() if type(state).__name__ == "Running"]
    for operation in waiting:
        world.video.deliver(operation)
    world.clock.pass_s(60)
    assert world.poll(job).state == "done"
    replace_clip(world, job, number, clip)
    stamp(world, job)


def test_film_whose_clips_were_rejected_holds_no_lease(
    world: FakeServices, filmed: Job, a_clip: ClipMaker, tmp_path: Path
) -> None:
    (tmp_path / "no.mp4").write_bytes(b"no clip")
    replace_clip(world, filmed, 1, tmp_path / "no.mp4")
    digest = film_edit.edit_film(filmed, scenes(world, filmed)).digest("film")
    assert cut(world, filmed) == FilmStitched("refilm")

    render = world.jobs.get_render(digest)
    assert render is not None
    assert render.value.lease is None


DEFECTS: dict[str, tuple[dict[str, Any], str]] = {
    "short": ({"frames": FRAMES - 6}, "scene-01 has 18 frames where 24 were planned"),
    "long": ({"frames": FRAMES + 3}, "scene-01 has 27 frames where 24 were planned"),
    "black": ({"look": "black"}, "scene-01 is black for 3.7 of 4.0 s"),
    "frozen": ({"look": "frozen"}, "scene-01 is frozen for "),
    "silent": ({"tone_hz": 0}, "scene-01 has no sound although it should"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_film_keeps_its_length_and_a_warning_names_the_scene_when_a_clip_is_defective(
    world: FakeServices, filmed: Job, a_clip: ClipMaker, name: str
) -> None:
    defect, words = DEFECTS[name]
    replace_clip(world, filmed, 1, a_clip(**like_filmed(mark=1, **defect)))

    assert cut(world, filmed) == FilmStitched("done")

    done = world.jobs.get_job(filmed.id).value
    assert done.output is not None
    assert done.output.frames == 2 * FRAMES
    assert len(done.warnings) == 1
    assert done.warnings[0].startswith(words)


@pytest.mark.parametrize("name", ["black", "silent"])
def test_defective_clip_is_refilmed_when_the_owner_wants_no_substitute(
    world: FakeServices, a_clip: ClipMaker, name: str
) -> None:
    job = a_filmed_job(world, a_clip, on_scene_failure="fail")
    defect, words = DEFECTS[name]
    replace_clip(world, job, 1, a_clip(**like_filmed(mark=1, **defect)))

    assert cut(world, job) == FilmStitched("refilm")

    first = scenes(world, job)[0]
    assert (first.state, first.take) == (SceneState.QUEUED, 2)
    assert words.removeprefix("scene-01 ") in first.tries[-1].reason


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ((COLOURS[0], COLOURS[0]), "its last frame differs from its keyframe by "),
        ((COLOURS[3], COLOURS[1]), "its first frame differs from its keyframe by "),
    ],
    ids=["last", "first"],
)
def test_clip_is_refilmed_then_shown_with_a_figure_when_it_ignores_a_keyframe(
    world: FakeServices, a_clip: ClipMaker, ends: tuple[tuple[int, int, int], ...], words: str
) -> None:
    job = a_filmed_job(world, a_clip)
    ignoring = a_clip(**like_filmed(mark=1, ends=ends))
    replace_clip(world, job, 1, ignoring)

    assert cut(world, job) == FilmStitched("refilm")
    assert words in scenes(world, job)[0].tries[-1].reason
    refilm(world, job, 1, ignoring)
    assert cut(world, job) == FilmStitched("done")

    (warning,) = world.jobs.get_job(job.id).value.warnings
    assert re.fullmatch(f"scene-01 {words}\\d+ of 255", warning)


def test_clips_that_cannot_be_used_are_all_refilmed_at_once(world: FakeServices, a_clip: ClipMaker) -> None:
    job = a_filmed_job(world, a_clip)
    for number in (1, 2):
        replace_clip(world, job, number, a_clip(**like_filmed(mark=number, size=(640, 360))))

    assert cut(world, job) == FilmStitched("refilm")
    assert [scene.take for scene in scenes(world, job)] == [2, 2]


def test_odd_clip_is_shown_with_a_warning_when_the_budget_holds_no_other(
    world: FakeServices, a_clip: ClipMaker
) -> None:
    job = a_filmed_job(world, a_clip)
    replace_clip(world, job, 1, a_clip(**like_filmed(mark=1, size=(640, 360))))
    read = world.jobs.get_job(job.id)
    world.jobs.write(Replace(job.id, read, read.value.evolve(budget=Budget(limit_micros=1))))

    assert cut(world, job) == FilmStitched("done")
    assert world.jobs.get_job(job.id).value.warnings == ("scene-01 is 640x360 where 1280x720 was paid for",)


SHAPES = {
    "small": ((640, 360), True),
    "square": ((720, 720), True),
    "larger": ((1920, 1080), False),
    "as rounded by a model": ((1376, 768), False),
}


@pytest.mark.parametrize("name", SHAPES)
def test_clip_is_refilmed_then_shown_with_a_warning_when_its_shape_differs(
    world: FakeServices, a_clip: ClipMaker, name: str
) -> None:
    size, is_wrong = SHAPES[name]
    job = a_filmed_job(world, a_clip)
    replace_clip(world, job, 1, a_clip(**like_filmed(mark=1, size=size)))
    if not is_wrong:
        assert cut(world, job) == FilmStitched("done")
        return

    assert cut(world, job) == FilmStitched("refilm")
    refilm(world, job, 1, a_clip(**like_filmed(mark=1, size=size)))
    assert cut(world, job) == FilmStitched("done")

    done = world.jobs.get_job(job.id).value
    assert done.output is not None
    assert done.output.frames == 2 * FRAMES
    assert done.warnings == (f"scene-01 is {size[0]}x{size[1]} where 1280x720 was paid for",)


def test_stale_run_and_ended_job_are_superseded(world: FakeServices, filmed: Job) -> None:
    assert cut(world, filmed, run=0) == FilmStitched("superseded")
    job_lifecycle.cancel(filmed.id, world)

    assert cut(world, filmed) == FilmStitched("superseded")
    assert world.jobs.get_job(filmed.id).value.state is JobState.CANCELLED


def test_film_is_a_conflict_when_its_job_has_no_plan(world: FakeServices) -> None:
    job = world.opened()

    with pytest.raises(Conflict, match="no plan yet"):
        cut(world, job)


def test_film_is_refused_before_any_download_when_it_would_not_fit_on_the_disk(
    world: FakeServices, filmed: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.artifacts, "get_file", None)

    with pytest.raises(Broken, match=r"needs \d+ MB of disk, 1 MB are allowed") as refused:
        stitch_film(RenderRequest(filmed.id, 1), stitcher_services(world, disk_bytes=1_000_000))
    assert refused.value.code == "film_too_large"


def test_stopping_instance_answers_transient_and_keeps_no_lease(world: FakeServices, filmed: Job) -> None:
    services = stitcher_services(world)
    services.instance.stop()

    with pytest.raises(Transient, match="shut down"):
        stitch_film(RenderRequest(filmed.id, 1), services)
    assert cut(world, filmed) == FilmStitched("done")


def test_stitching_instance_answers_busy_to_a_second_request(world: FakeServices, filmed: Job) -> None:
    services = stitcher_services(world)

    with services.instance.render():
        assert stitch_film(RenderRequest(filmed.id, 1), services) == FilmStitched("busy", 20.0)
    assert stitch_film(RenderRequest(filmed.id, 1), services) == FilmStitched("done")


def test_scene_is_a_moving_still_with_a_warning_when_it_was_given_up(
    world: FakeServices, filmed: Job, tmp_path: Path
) -> None:
    give_up(world, filmed)

    assert cut(world, filmed) == FilmStitched("done")

    done = world.jobs.get_job(filmed.id).value
    assert done.output is not None
    assert done.output.frames == 2 * FRAMES
    assert done.warnings == ("scene-02 is a still: scene-02: no clip in 2 tries: celebrity",)
    path = tmp_path / "film.mp4"
    world.artifacts.get_file(done.output.film_uri, path)
    with av.open(str(path)) as container:
        shown = {
            number: frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()[:200].mean(axis=(0, 1))
            for number, frame in enumerate(container.decode(video=0))
            if number in {FRAMES, 2 * FRAMES - 1}
        }
    assert shown[FRAMES] == pytest.approx([30, 30, 200], abs=12)
    assert shown[2 * FRAMES - 1] == pytest.approx([30, 160, 60], abs=12)


def test_scene_is_left_out_when_it_was_given_up_and_its_owner_wants_that(world: FakeServices, filmed: Job) -> None:
    read = world.jobs.get_job(filmed.id)
    world.jobs.write(Replace(filmed.id, read, read.value.evolve(request=a_request(on_scene_failure="omit"))))
    give_up(world, filmed)

    assert cut(world, filmed) == FilmStitched("done")

    done = world.jobs.get_job(filmed.id).value
    assert done.output is not None
    assert done.output.frames == FRAMES
    assert done.warnings[0].startswith("scene-02 is left out")
