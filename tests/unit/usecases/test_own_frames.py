"""A user's own pictures as keyframes: fitted, never drawn, never paid, and the film grows out of them."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from promptreel.domain.edits import PlanEdit, SceneEdit
from promptreel.domain.job import Job
from promptreel.domain.scene import Scene
from promptreel.domain.states import JobState, SceneState
from promptreel.errors import Invalid
from promptreel.ports.storage import Replace
from promptreel.usecases import job_lifecycle
from promptreel.usecases.accept_request import accept_request
from promptreel.usecases.accept_upgrade import accept_upgrade
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.edit_plan import edit_plan
from promptreel.usecases.exact_frames import png_size_px
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.take_in_pictures import upload_folder
from tests.factories import an_output
from tests.fakes.artifacts import BRAND_PICTURE
from tests.fakes.services import FakeServices
from tests.picture_files import a_picture, encoded

MIRA = "mira@example.com"


def uploaded(world: FakeServices, data: bytes | None = None) -> str:
    upload_id = world.ids.new_token()
    world.uploads.objects[world.uploads.uri(upload_folder(MIRA) + upload_id)] = data or encoded(a_picture(1600, 1200))
    return f"upload:{upload_id}"


def a_frame(scene: int, frame: str, uri: str = BRAND_PICTURE, **fields: Any) -> dict[str, Any]:
    return {"scene": scene, "frame": frame, "uri": uri, **fields}


def accepted(world: FakeServices, *frames: dict[str, Any], **fields: Any) -> Job:
    payload = {"prompt": "A lighthouse keeper waits", "scenes": 3, "frames": list(frames), "checks": False, **fields}
    return accept_request("job-1", MIRA, payload, world)


def planned(world: FakeServices, *frames: dict[str, Any], **fields: Any) -> Job:
    job = accepted(world, *frames, **fields)
    world.write_storyboard(JobRun(job.id, job.run))
    return world.jobs.get_job(job.id).value


def scenes(world: FakeServices, job: Job) -> list[Scene]:
    return [read.value for read in world.jobs.list_scenes(job.id)]


def content(world: FakeServices, uri: str) -> Image.Image:
    picture = Image.open(io.BytesIO(world.artifacts.get(uri)))
    picture.load()
    return picture


def image_calls(world: FakeServices, job: Job) -> list[str]:
    return sorted(read.value.purpose for read in world.jobs.list_calls(job.id) if read.value.kind == "image")


# Stored before anything is drawn


def test_own_frames_are_keyframes_before_drawing_starts_and_cost_nothing(world: FakeServices) -> None:
    job = planned(world, a_frame(1, "start"), a_frame(3, "end", uploaded(world)))

    first, second, third = scenes(world, job)
    assert first.start is not None
    assert first.start.is_own
    assert third.end is not None
    assert third.end.is_own
    assert (first.end, second.start, second.end, third.start) == (None,) * 4
    assert {png_size_px(world.artifacts.get(one.uri)) for one in (first.start, third.end)} == {(1280, 720)}
    assert first.start.uri.startswith(f"gs://artifacts/jobs/{job.id}/keyframes/scene-01/start-")
    assert image_calls(world, job) == ["keyframe/scene-01/end", "keyframe/scene-02/end"]
    drawn = [(item.scene, item.frame) for wave in job.require_plan().waves for item in wave.items]
    assert drawn == [("scene-01", "end"), ("scene-02", "end")]


def test_keyframes_are_drawn_from_the_own_ones_and_clips_are_filmed_between_them(world: FakeServices) -> None:
    job = planned(world, a_frame(1, "start"), a_frame(2, "end", uploaded(world)))
    world.draw_all(job)
    world.poll(job)
    world.submit_queued()

    first, second, third = scenes(world, job)
    assert first.start is not None
    assert second.end == third.start
    assert second.end is not None
    assert world.images.requests[0].references == (first.start.uri,)
    assert world.images.requests[1].references == (second.end.uri,)
    assert len(world.images.requests) == 2
    assert {(one.first_uri, one.last_uri) for one in world.video.requests} == {
        (one.start.uri, one.end.uri) for one in (first, second, third) if one.start and one.end
    }


def test_start_of_a_scene_is_the_end_of_the_one_before_and_the_job_says_so(world: FakeServices) -> None:
    job = planned(world, a_frame(3, "start", uploaded(world)))

    _, second, third = scenes(world, job)
    assert second.end is not None
    assert second.end == third.start
    (warning,) = (one for one in job.warnings if one.startswith("frames.0"))
    assert "start of scene 3" in warning
    assert "last picture of scene 2 as well" in warning


def test_film_between_own_frames_alone_draws_nothing(world: FakeServices) -> None:
    frames = [a_frame(1, "start"), *(a_frame(number, "end", uploaded(world)) for number in (1, 2, 3))]
    job = planned(world, *frames)
    assert job.require_plan().waves == ()
    world.poll(job)
    world.submit_queued()

    assert (len(world.images.requests), len(world.video.requests)) == (0, 3)


def test_storyboard_is_told_which_pictures_are_given(world: FakeServices) -> None:
    planned(world, a_frame(1, "start", description="a red boat on a slipway"), a_frame(3, "start"))

    prompt = world.text.requests[0].prompt
    assert "the first picture of scene 1: a red boat on a slipway" in prompt
    assert "the first picture of scene 3" in prompt


def test_estimate_and_needed_budget_fall_by_the_keyframes_that_are_given(world: FakeServices) -> None:
    full, given = (
        accepted(world),
        accept_request(
            "job-2",
            MIRA,
            {"prompt": "A lighthouse keeper waits", "scenes": 3, "frames": [a_frame(1, "start"), a_frame(2, "end")]},
            world,
        ),
    )

    assert full.estimate is not None
    assert given.estimate is not None
    assert given.estimate.needed_micros < full.estimate.needed_micros
    assert given.estimate.keyframes.expected == pytest.approx(full.estimate.keyframes.expected / 2, rel=0.1)


# Fitted as asked


def test_crop_keeps_the_centre(world: FakeServices) -> None:
    start = scenes(world, planned(world, a_frame(1, "start", uploaded(world), fit="crop")))[0].start
    assert start is not None

    picture = content(world, start.uri)
    assert [picture.getpixel((5, 5)), picture.getpixel((1274, 5))] == [(200, 30, 30), (30, 30, 200)]


@pytest.mark.parametrize(("colour", "seen"), [(None, (0, 0, 0)), ("#20c0FF", (32, 192, 255))])
def test_pad_shows_all_of_the_picture_between_bars(world: FakeServices, colour: str | None, seen: Any) -> None:
    fields = {"colour": colour} if colour else {}
    job = planned(world, a_frame(1, "start", uploaded(world), fit="pad", **fields))
    start = scenes(world, job)[0].start
    assert start is not None

    picture = content(world, start.uri)
    assert [picture.getpixel((x, 360)) for x in (0, 159, 1120, 1279)] == [seen] * 4
    assert [picture.getpixel((x, 360)) for x in (162, 1117)] == [(200, 30, 30), (30, 30, 200)]
    assert any("shown whole between bars" in one for one in job.warnings)


def test_extend_continues_the_picture_by_its_own_pixels(world: FakeServices) -> None:
    stripes = Image.new("RGB", (600, 600), (10, 160, 40))
    stripes.paste((240, 240, 10), (0, 0, 60, 600))
    job = planned(world, a_frame(1, "start", uploaded(world, encoded(stripes)), fit="extend"))
    start = scenes(world, job)[0].start
    assert start is not None

    pixels = np.asarray(content(world, start.uri), dtype=int)
    inner = pixels[:, 280:1000]
    assert np.abs(inner[360, 36] - (240, 240, 10)).max() <= 6, "the picture itself is unchanged"
    assert np.abs(pixels[360, 240] - (240, 240, 10)).max() <= 30, "mirrored at its edge"
    assert np.abs(pixels[360, 60] - (10, 160, 40)).max() <= 12
    assert not world.images.requests


@pytest.mark.parametrize("resolution", ["720p", "1080p"])
@pytest.mark.parametrize("fit", ["crop", "pad", "extend"])
@pytest.mark.parametrize("size", [(1600, 1200), (500, 1800), (1800, 500), (1280, 720)], ids=str)
def test_every_fit_gives_exactly_the_frame(
    world: FakeServices, fit: str, size: tuple[int, int], resolution: str
) -> None:
    uri = uploaded(world, encoded(a_picture(*size)))
    job = planned(world, a_frame(1, "start", uri, fit=fit), resolution=resolution, budget_usd=100)
    start = scenes(world, job)[0].start
    assert start is not None

    assert png_size_px(world.artifacts.get(start.uri)) == job.require_plan().size_px


# Refused by name


@pytest.mark.parametrize(
    ("frames", "fields", "words"),
    [
        ([a_frame(4, "end")], {}, "number 0 is of scene 4; the film has 3"),
        ([a_frame(2, "start")], {"scenes": None}, "set `scenes`"),
        ([a_frame(1, "start", fit="stretch")], {}, "frames.0.fit"),
        ([a_frame(1, "middle")], {}, "frames.0.frame"),
        ([a_frame(0, "start")], {}, "frames.0.scene"),
        ([a_frame(True, "start")], {}, "frames.0.scene: must be a number"),
        ([a_frame(1, "start", colour="#112233")], {}, "set `fit` to pad"),
        ([a_frame(1, "start", fit="pad", colour="red")], {}, "frames.0.colour"),
        (
            [a_frame(2, "end"), a_frame(3, "start", "upload:other-picture")],
            {},
            "start of scene 3 is the end of scene 2",
        ),
        ([a_frame(1, "start"), a_frame(1, "start", fit="pad")], {}, "numbers 0 and 1 are two pictures for one place"),
        ([a_frame(1, "start", "upload:not-there-at-all")], {}, "frames.0.uri"),
        ([a_frame(1, "start")] * 21, {}, "frames: "),
    ],
)
def test_frame_without_a_place_is_refused_by_name_before_there_is_a_job(
    world: FakeServices, frames: list[dict[str, Any]], fields: dict[str, Any], words: str
) -> None:
    payload = {"prompt": "A lighthouse keeper waits", "scenes": 3, "frames": frames, **fields}
    payload = {name: value for name, value in payload.items() if value is not None}
    with pytest.raises(Invalid) as refused:
        accept_request("job-1", MIRA, payload, world)

    assert words in refused.value.message
    assert refused.value.remedy
    assert list(world.jobs.list_jobs(None, None, None)) == []


def test_same_picture_may_be_given_for_both_names_of_a_place(world: FakeServices) -> None:
    job = planned(world, a_frame(2, "end"), a_frame(3, "start"))

    assert image_calls(world, job) == [
        f"keyframe/scene-0{number}/{name}" for number, name in ((1, "end"), (1, "start"), (3, "end"))
    ]


# Never redrawn


def refuse_clip(world: FakeServices, code: str, job: Job) -> None:
    """The provider's filter refuses the clip of the first scene."""
    operation = next(
        read.value.operation
        for read in reversed(world.jobs.list_calls(job.id))
        if read.value.scene == "scene-01" and read.value.operation
    )
    assert operation
    world.video.filter(operation, code)


def run_out_of_remedies(world: FakeServices, job: Job) -> None:
    """Refuse the first scene's clip until it is given up."""
    for _ in range(12):
        world.submit_queued()
        if scenes(world, job)[0].is_given_up:
            return
        refuse_clip(world, "29310472", job)
        world.clock.pass_s(130)
        for item in world.poll(job).redraw:
            world.draw_keyframe(DrawKeyframe(job.id, job.run, item.scene, item.frame, item.take))
        world.poll(job)


def test_remedies_never_redraw_an_own_frame_and_the_refusal_says_so(world: FakeServices) -> None:
    job = planned(world, a_frame(1, "start"), a_frame(1, "end", uploaded(world)))
    world.draw_all(job)
    before = scenes(world, job)[0]
    world.poll(job)
    drawn = len(world.images.requests)
    run_out_of_remedies(world, job)

    after = scenes(world, job)[0]
    assert (after.start, after.end) == (before.start, before.end)
    assert after.is_given_up
    assert "redraw" not in [one.remedy for one in after.tries]
    assert len(world.images.requests) == drawn
    assert after.problem is not None
    assert "its first and last pictures are your own, never redrawn" in after.problem.message


def test_remedy_redraws_only_the_keyframe_that_was_drawn(world: FakeServices) -> None:
    job = planned(world, a_frame(1, "start"))
    world.draw_all(job)
    before = scenes(world, job)[0]
    run_out_of_remedies(world, job)

    after = scenes(world, job)[0]
    assert "redraw" in [one.remedy for one in after.tries]
    assert after.start == before.start
    assert after.end != before.end


def test_damaged_own_frame_is_fitted_once_more_when_the_job_is_resumed(world: FakeServices) -> None:
    job = planned(world, a_frame(2, "start", uploaded(world)))
    world.draw_all(job)
    own = scenes(world, job)[0].end
    assert own is not None
    kept = world.artifacts.get(own.uri)
    world.artifacts.delete(own.uri)
    world.submit_queued()
    problem = world.poll(job).problem
    assert problem is not None
    assert problem.code == "keyframe_missing"
    world.fail_job(FailJob(job.id, job.run, problem.model_dump(mode="json")))
    drawn = len(world.images.requests)

    resumed = job_lifecycle.resume(job.id, None, world)
    for item in world.poll(resumed).redraw:
        world.draw_keyframe(DrawKeyframe(job.id, resumed.run, item.scene, item.frame, item.take))
    world.draw_all(resumed)

    first, second, _ = scenes(world, job)
    assert first.end == second.start
    assert first.end is not None
    assert first.end.is_own
    assert first.end.uri != own.uri
    assert world.artifacts.get(first.end.uri) == kept
    assert len(world.images.requests) == drawn


def test_edit_at_a_gate_never_redraws_an_own_frame(world: FakeServices) -> None:
    job = planned(world, a_frame(2, "end", uploaded(world)), stop_after="keyframes")
    world.draw_all(job)
    now, read = world.clock.now(), world.jobs.get_job(job.id)
    waiting = read.value.to(JobState.VIDEO_GEN, now).wait_after("keyframes", now)
    world.jobs.write(Replace(job.id, read, waiting))
    before = scenes(world, job)

    edit = PlanEdit(revision=1, scenes=(SceneEdit(scene="scene-02", end_prompt="another end"),))
    edited = edit_plan(job.id, edit, world)

    assert edited.redrawn == ()
    assert [one.end for one in scenes(world, job)] == [one.end for one in before]
    with pytest.raises(Invalid, match="order: scene-02 has a picture of your own"):
        edit_plan(job.id, PlanEdit(revision=2, order=("scene-02", "scene-01", "scene-03")), world)


# Upgrades


@pytest.mark.parametrize(("resolution", "frame_px"), [("720p", (1280, 720)), ("1080p", (1920, 1080))])
def test_upgrade_fits_the_own_frames_anew_and_draws_none_of_them(
    world: FakeServices, resolution: str, frame_px: tuple[int, int]
) -> None:
    film = planned(world, a_frame(1, "start"), a_frame(3, "end", uploaded(world)), quality="draft", duration_s=24)
    world.draw_all(film)
    world.poll(film)
    world.submit_queued()
    for operation in list(world.video.states):
        world.video.deliver(operation)
    world.clock.pass_s(60)
    assert world.poll(film).state == "done"
    read = world.jobs.get_job(film.id)
    world.jobs.write(Replace(film.id, read, read.value.evolve(output=an_output())))
    assert world.close(film) == "complete"
    drawn = len(world.images.requests)

    done = world.jobs.get_job(film.id).value
    better = accept_upgrade("job-9", done, {"quality": "standard", "resolution": resolution, "budget_usd": 100}, world)
    world.write_storyboard(JobRun(better.id, better.run))
    better = world.jobs.get_job(better.id).value
    world.draw_all(better)

    first, *_, last = scenes(world, better)
    assert first.start is not None
    assert last.end is not None
    assert first.start.is_own
    assert last.end.is_own
    assert {png_size_px(world.artifacts.get(one.uri)) for one in (first.start, last.end)} == {frame_px}
    assert all(one.uri.startswith(f"gs://artifacts/jobs/{better.id}/") for one in better.frames)
    assert len(world.images.requests) - drawn == (0 if resolution == "720p" else 2)
    assert {one.state for one in scenes(world, better)} <= {SceneState.QUEUED, SceneState.DRAWN}


def test_own_picture_is_measured_when_the_film_is_graded(world: FakeServices) -> None:
    start = scenes(world, planned(world, a_frame(1, "start"), grade="match"))[0].start

    assert start is not None
    assert start.look is not None
