"""A clip is sent keyframes of exactly its model's frame, whatever lies in the bucket."""

import io
from typing import Any

import pytest
from PIL import Image

from promptreel.domain.job import Job
from promptreel.domain.scene import Keyframe
from promptreel.domain.states import SceneState
from promptreel.ports.storage import Replace
from promptreel.usecases.exact_frames import png_size_px
from tests.fakes.models import a_keyframe
from tests.fakes.services import FakeServices


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


SCENERY = Image.linear_gradient("L").resize((1376, 768)).convert("RGB")
STORED = {
    "square": encoded(SCENERY.resize((1024, 1024)), "PNG"),
    "as drawn": encoded(SCENERY, "PNG"),
    "2K": encoded(SCENERY.resize((2752, 1536)), "PNG"),
    "half": encoded(SCENERY.resize((640, 360)), "PNG"),
    "jpeg": encoded(SCENERY.resize((1280, 720)), "JPEG"),
    "grey": encoded(SCENERY.convert("L"), "PNG"),
    "transparent": encoded(SCENERY.convert("RGBA"), "PNG"),
}


def store_in_place(world: FakeServices, job: Job, data: bytes) -> Keyframe:
    """Another picture as the first scene's last keyframe, and so as the second one's first."""
    first, second = (world.jobs.get_scene(job.id, f"scene-0{number}") for number in (1, 2))
    uri = world.artifacts.put(f"jobs/{job.id}/keyframes/scene-01/end-older.png", data, "image/png")
    older = Keyframe(uri=uri, digest="older", checksum=world.artifacts.read_checksum(uri))
    for read, name in ((first, "end"), (second, "start")):
        changed = read.value.model_copy(update={name: older})
        world.jobs.write(Replace(job.id, read, changed))
    return older


def sent(world: FakeServices) -> list[tuple[str, str]]:
    return [(request.first_uri, request.last_uri) for request in world.video.requests]


@pytest.mark.parametrize("kind", STORED)
def test_stored_picture_of_another_size_is_fitted_before_the_clip_is_sent(world: FakeServices, kind: str) -> None:
    job = world.drawn()
    older = store_in_place(world, job, STORED[kind])
    world.submit_queued()

    assert len(world.video.requests) == 3
    assert {png_size_px(world.artifacts.get(uri)) for pair in sent(world) for uri in pair} == {(1280, 720)}
    (_, last), (first, _) = sent(world)[:2]
    assert world.artifacts.get(first) == world.artifacts.get(last), "both clips meet in the same picture"
    assert older.uri not in {first, last}
    assert len(world.images.requests) == 4, "fitting is free"
    states = {read.value.state for read in world.jobs.list_scenes(job.id)}
    assert states == {SceneState.FILMING}


def test_keyframe_of_the_exact_size_is_sent_as_it_is_stored(world: FakeServices) -> None:
    job = world.drawn()
    world.submit_queued()

    scenes = [read.value for read in world.jobs.list_scenes(job.id)]
    assert sent(world) == [(scene.start.uri, scene.end.uri) for scene in scenes if scene.start and scene.end]


@pytest.mark.parametrize(
    ("resolution", "aspect", "frame_px"),
    [("720p", "16:9", (1280, 720)), ("720p", "9:16", (720, 1280)), ("1080p", "16:9", (1920, 1080))],
)
def test_keyframes_are_fitted_to_the_frame_of_the_film(
    world: FakeServices, resolution: str, aspect: str, frame_px: tuple[int, int]
) -> None:
    job = world.drawn(resolution=resolution, aspect=aspect, budget_usd=100)
    store_in_place(world, job, STORED["as drawn"])
    world.submit_queued()

    assert {png_size_px(world.artifacts.get(uri)) for pair in sent(world) for uri in pair} == {frame_px}


def test_same_copy_is_sent_when_a_clip_is_submitted_a_second_time(world: FakeServices) -> None:
    job = world.drawn()
    store_in_place(world, job, STORED["square"])
    world.submit_queued()
    before = len(world.artifacts.list(f"jobs/{job.id}/"))
    (task, *_) = world.queue.tasks
    world.queue.done.clear()
    world.deliver(task)

    assert len(world.artifacts.list(f"jobs/{job.id}/")) == before
    assert len(world.video.requests) == 3


def test_picture_that_cannot_be_read_stops_the_scene_before_anything_is_paid(world: FakeServices) -> None:
    job = world.drawn()
    store_in_place(world, job, b"no picture at all, and of more than twenty-four bytes")
    world.submit_queued()

    calls = [read.value for read in world.jobs.list_calls(job.id) if read.value.kind == "video"]
    assert [call.sent_at for call in calls if call.scene != "scene-03"] == [None, None]
    problem = world.jobs.get_scene(job.id, "scene-01").value.problem
    assert problem is not None
    assert problem.code == "keyframe_changed"
    assert len(world.video.requests) == 1


def test_size_is_read_from_the_first_bytes_of_a_png_alone() -> None:
    data = a_keyframe((640, 360))

    assert png_size_px(data[:24]) == (640, 360)
    assert png_size_px(data[:23]) is None
    assert png_size_px(STORED["jpeg"][:24]) is None
