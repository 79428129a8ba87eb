"""From a job to its film: named by what is cut, made once, published once (E2, E3, E4, H2)."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from flask.testing import FlaskClient
from PIL import Image

from promptreel.domain.job import Job
from promptreel.domain.ledger import Lease
from promptreel.domain.problem import Problem
from promptreel.domain.states import JobState, SceneState
from promptreel.errors import Broken
from promptreel.ports import Create, Replace
from promptreel.protocol import lifecycle
from stitcher_service import film as film_of_a_job
from stitcher_service import main
from stitcher_service.film import FilmCut
from tests.factories import a_render, a_request, later
from tests.fakes.studio import a_storyboard
from tests.fakes.world import FakeWorld

ClipMaker = Callable[..., Path]
FRAMES = 96


@pytest.fixture
def filmed(world: FakeWorld, a_clip: ClipMaker) -> Job:
    """A job of two scenes whose clips stand in the bucket."""
    world.writer.answers = [json.dumps(a_storyboard(scenes=2))]
    job = world.drawn(scenes=2, duration_s=8)
    world.submit_queued()
    for number in (1, 2):
        uri = world.filmer.deliver(f"operations/{number}")
        clip = a_clip(mark=number, frames=FRAMES, size=(1280, 720))
        world.artifacts.put_file(uri.removeprefix("gs://artifacts/"), clip, "video/mp4")
    world.clock.pass_s(60)
    assert world.poll(job).state == "done"
    return world.jobs.job(job.id).value


def cut(world: FakeWorld, job: Job, run: int | None = 1) -> FilmCut:
    return film_of_a_job.cut_film(
        job.id, run, jobs=world.jobs, artifacts=world.artifacts, clock=world.clock, ids=world.ids, pace=1.0
    )


def test_clips_of_a_job_then_become_its_film_and_poster(world: FakeWorld, filmed: Job) -> None:
    assert cut(world, filmed) == FilmCut("done")

    output = world.jobs.job(filmed.id).value.output
    assert output is not None
    assert (output.frames, output.width_px, output.height_px) == (2 * FRAMES, 1280, 720)
    assert output.copied_frames == output.frames
    assert world.artifacts.get(output.film_uri)[4:8] == b"ftyp"
    assert world.artifacts.get(output.poster_uri)[:2] == b"\xff\xd8"


def test_same_cut_when_asked_for_again_then_is_answered_without_cutting(
    world: FakeWorld, filmed: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(world, filmed)
    first = world.jobs.job(filmed.id).value.output
    monkeypatch.setattr(film_of_a_job, "stitch", None)

    assert cut(world, filmed) == FilmCut("done")
    read = world.jobs.job(filmed.id)
    world.jobs.write(Replace(filmed.id, read, read.value.evolve(output=None)))
    assert cut(world, filmed) == FilmCut("done")
    assert world.jobs.job(filmed.id).value.output == first


def test_cut_that_another_instance_is_making_then_is_waited_for_and_taken_over_when_its_lease_is_over(
    world: FakeWorld, filmed: Job
) -> None:
    digest = film_of_a_job._reel(filmed, scenes(world, filmed)).digest()
    lease = Lease(holder="other", until=later(100_000))
    world.jobs.write(Create(filmed.id, a_render(digest, job=filmed.id, lease=lease)))

    assert cut(world, filmed) == FilmCut("busy", 20.0)
    world.clock.pass_s(200_000)
    assert cut(world, filmed) == FilmCut("done")


def scenes(world: FakeWorld, job: Job) -> list[Any]:
    return [read.value for read in world.jobs.scenes(job.id)]


def test_clip_that_is_gone_then_is_named_with_its_scene(world: FakeWorld, filmed: Job) -> None:
    clip = scenes(world, filmed)[1].clip
    del world.artifacts._objects[clip.uri]

    with pytest.raises(Broken, match="scene-02: its clip or picture is gone") as told:
        cut(world, filmed)
    assert told.value.code == "clip_missing"


def test_clip_that_is_damaged_then_is_named_with_its_scene_and_no_film_is_published(
    world: FakeWorld, filmed: Job
) -> None:
    clip = scenes(world, filmed)[0].clip
    data, stored = world.artifacts._objects[clip.uri]
    world.artifacts._objects[clip.uri] = (data[: len(data) // 2], stored)

    with pytest.raises(Broken, match="scene-01") as told:
        cut(world, filmed)
    assert told.value.code == "clip_defective"
    assert world.jobs.job(filmed.id).value.output is None


def test_clip_of_the_wrong_length_then_fails_the_cut_instead_of_shortening_the_film(
    world: FakeWorld, filmed: Job, a_clip: ClipMaker
) -> None:
    clip = scenes(world, filmed)[0].clip
    _, stored = world.artifacts._objects[clip.uri]
    short = a_clip(mark=1, frames=FRAMES - 24, size=(1280, 720)).read_bytes()
    world.artifacts._objects[clip.uri] = (short, stored)

    with pytest.raises(Broken, match="168 frames, 192 were planned"):
        cut(world, filmed)


def test_stale_run_or_ended_job_then_cuts_nothing(world: FakeWorld, filmed: Job) -> None:
    assert cut(world, filmed, run=0) == FilmCut("superseded")
    lifecycle.cancel(filmed.id, jobs=world.jobs, executions=world.executions, clock=world.clock, ids=world.ids)

    assert cut(world, filmed) == FilmCut("superseded")
    assert world.jobs.job(filmed.id).value.state is JobState.CANCELLED


@pytest.fixture
def http(world: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    def cut_fake(job_id: str, run: int | None) -> FilmCut:
        return cut(world, world.jobs.job(job_id).value, run)

    monkeypatch.setattr(main, "_cut", cut_fake)
    return main.app.test_client()


def test_service_then_cuts_on_request_and_tells_problems_in_our_words(
    http: FlaskClient, world: FakeWorld, filmed: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert http.get("/healthz").status_code == 200
    done = http.post("/film", json={"job_id": filmed.id, "run": 1})
    assert (done.status_code, done.get_json()) == (200, {"state": "done", "wait_s": 0.0})
    assert http.post("/film", json={"job_id": filmed.id}).get_json()["state"] == "done"
    for body in (None, {"job_id": "../x", "run": 1}, {"run": 1}, {"job_id": filmed.id, "run": "1"}):
        assert http.post("/film", json=body).status_code == 422
    unknown = http.post("/film", json={"job_id": "job-9", "run": 1})
    assert (unknown.status_code, unknown.get_json()["code"]) == (404, "not_found")
    monkeypatch.setattr(main, "_cut", lambda job_id, run: 1 / 0)
    broken = http.post("/film", json={"job_id": filmed.id, "run": 1})
    assert (broken.status_code, broken.get_json()["code"]) == (500, "internal")


def give_up(world: FakeWorld, job: Job) -> None:
    """The second scene was refused for good."""
    read = world.jobs.scene(job.id, "scene-02")
    problem = Problem(code="clip_refused", message="scene-02: no clip in 2 tries: celebrity", scene="scene-02")
    given_up = read.value.evolve(state=SceneState.FILTERED, clip=None, problem=problem)
    world.jobs.write(Replace(job.id, read, given_up))


def test_scene_that_was_given_up_then_is_a_moving_still_and_the_film_says_so(
    world: FakeWorld, filmed: Job, tmp_path: Path
) -> None:
    for name, colour in (("start", (200, 30, 30)), ("end", (30, 30, 200))):
        keyframe = getattr(world.jobs.scene(filmed.id, "scene-02").value, name)
        picture = io.BytesIO()
        Image.new("RGB", (1280, 720), colour).save(picture, "PNG")
        world.artifacts._objects[keyframe.uri] = (picture.getvalue(), world.artifacts._objects[keyframe.uri][1])
    give_up(world, filmed)

    assert cut(world, filmed) == FilmCut("done")

    done = world.jobs.job(filmed.id).value
    assert done.output is not None
    assert done.output.frames == 2 * FRAMES
    assert done.warnings[0] == "scene-02 is a still: scene-02: no clip in 2 tries: celebrity"
    path = tmp_path / "film.mp4"
    world.artifacts.get_file(done.output.film_uri, path)
    with av.open(str(path)) as container:
        shown = {
            number: frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray().mean(axis=(0, 1))
            for number, frame in enumerate(container.decode(video=0))
            if number in {FRAMES, 2 * FRAMES - 1}
        }
    assert shown[FRAMES] == pytest.approx([200, 30, 30], abs=12)
    assert shown[2 * FRAMES - 1] == pytest.approx([30, 30, 200], abs=12)


def test_scene_that_was_given_up_then_is_left_out_where_its_owner_wants_so(world: FakeWorld, filmed: Job) -> None:
    read = world.jobs.job(filmed.id)
    world.jobs.write(Replace(filmed.id, read, read.value.evolve(request=a_request(on_scene_failure="omit"))))
    give_up(world, filmed)

    assert cut(world, filmed) == FilmCut("done")

    done = world.jobs.job(filmed.id).value
    assert done.output is not None
    assert done.output.frames == FRAMES
    assert done.warnings[0].startswith("scene-02 is left out")
