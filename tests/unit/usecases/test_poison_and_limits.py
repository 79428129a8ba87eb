"""Input that is too large, and artifacts that were removed or changed by other principals."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from promptreel.domain.job import Job
from promptreel.domain.states import JobState
from promptreel.errors import Invalid
from promptreel.usecases import job_lifecycle
from promptreel.usecases.artifact_integrity import ArtifactDamaged
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.submit_clip import SubmitClip
from tests.fakes.models import a_storyboard
from tests.fakes.services import FakeServices

FIRESTORE_BYTES = 1_048_576
BATCH_WRITES = 500


def by_execution(world: FakeServices, payload: dict[str, Any]) -> object:
    return world.open_job(OpenJob("e-1", payload))


def by_upload(world: FakeServices, payload: dict[str, Any]) -> object:
    event = world.inbox.lay_in("idea.json", json.dumps(payload).encode())
    return world.open_job(OpenJob("e-1", {"data": event}))


@pytest.mark.parametrize("way_in", [by_execution, by_upload])
@pytest.mark.parametrize(
    ("payload", "field", "limit"),
    [
        ({"prompt": "x" * 20_001}, "prompt", "20000 characters"),
        ({"prompt": "A film", "scenes": 200}, "scenes", "less than or equal to 60"),
        ({"prompt": "A film", "duration_s": 100_000}, "duration_s", "less than or equal to 480"),
        ({"prompt": "A film", "title": "x" * 201}, "title", "200 characters"),
    ],
)
def test_request_over_a_limit_is_refused_with_field_limit_and_remedy(
    world: FakeServices,
    way_in: Callable[[FakeServices, dict[str, Any]], object],
    payload: dict[str, Any],
    field: str,
    limit: str,
) -> None:
    with pytest.raises(Invalid) as refused:
        way_in(world, payload)

    assert refused.value.message.startswith(f"{field}: ")
    assert limit in refused.value.message
    assert refused.value.remedy
    assert list(world.jobs.list_jobs_in_states(set(JobState))) == []
    if way_in is by_upload:
        assert world.inbox.reports["idea.json"]["message"] == refused.value.message


def test_longest_film_stays_within_firestores_limits(
    world: FakeServices,
) -> None:
    words = "ü" * 2000
    people = [{"name": f"Person {number}", "description": words} for number in range(12)]
    story = a_storyboard(60, characters=people, settings=people)
    scenes: Any = story["scenes"]
    long = {
        "description": words,
        "start_frame_prompt": words,
        "end_frame_prompt": words,
        "motion_prompt": words[1:] + "m",
    }
    world.text.answers = [json.dumps({**story, "scenes": [{**scene, **long} for scene in scenes]}, ensure_ascii=False)]
    largest: list[int] = []
    write = world.jobs.write

    def measured(*changes: Any) -> None:
        assert len(changes) <= BATCH_WRITES
        largest.extend(len(json.dumps(change.value.to_json(), ensure_ascii=False).encode()) for change in changes)
        write(*changes)

    world.jobs.write = measured  # type: ignore[method-assign]
    job = world.drawn(prompt="ü" * 20_000, scenes=60, budget_usd="10000")

    assert set(world.submit_queued()) == {"filming"}
    for operation in list(world.video.states):
        world.video.deliver(operation)
    world.clock.pass_s(120)
    polled = world.poll(job)

    assert polled.state == "done"
    assert len(world.video.requests) == 60
    assert max(largest) < FIRESTORE_BYTES / 4


def first_picture_of(world: FakeServices) -> tuple[Job, str]:
    """A job whose first picture is drawn; the picture's address."""
    job = world.planned()
    world.draw_keyframe(DrawKeyframe(job.id, 1, "scene-01", "start"))
    start = world.jobs.get_scene(job.id, "scene-01").value.start
    assert start is not None
    return job, start.uri


def remove(world: FakeServices, uri: str) -> None:
    world.artifacts.delete(uri)


def replace(world: FakeServices, uri: str) -> None:
    world.artifacts.delete(uri)
    world.artifacts.put(uri.removeprefix("gs://artifacts/"), b"something else", "image/png")


HARM = pytest.mark.parametrize(
    ("harm", "fault", "text"), [(remove, "missing", "is gone"), (replace, "changed", "no longer what was stored")]
)
Harm = Callable[[FakeServices, str], None]


@HARM
def test_keyframe_is_not_paid_while_its_reference_is_missing_or_changed(
    world: FakeServices, harm: Harm, fault: str, text: str
) -> None:
    job, uri = first_picture_of(world)
    harm(world, uri)

    with pytest.raises(ArtifactDamaged) as stopped:
        world.draw_keyframe(DrawKeyframe(job.id, 1, "scene-01", "end"))

    assert stopped.value.code == f"keyframe_{fault}"
    assert stopped.value.message.startswith("scene-01: its first picture")
    assert text in stopped.value.message
    assert len(world.images.requests) == 1


@HARM
def test_clip_is_not_paid_while_a_keyframe_is_missing_or_changed(
    world: FakeServices, harm: Harm, fault: str, text: str
) -> None:
    job = world.drawn()
    end = world.jobs.get_scene(job.id, "scene-01").value.end
    assert end is not None
    kept = world.artifacts.get(end.uri)
    harm(world, end.uri)

    assert world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 1)).state == f"keyframe_{fault}"
    polled = world.poll(job)
    assert (polled.state, world.video.requests) == ("failed", [])
    assert polled.problem is not None
    assert "scene-01: its last picture" in polled.problem.message
    assert text in polled.problem.message
    world.fail_job(FailJob(job.id, 1, polled.problem.model_dump()))

    world.artifacts.delete(end.uri)
    world.artifacts.put(end.uri.removeprefix("gs://artifacts/"), kept, "image/png")
    resumed = job_lifecycle.resume(job.id, None, world)
    world.clock.pass_s(200)
    world.poll(resumed)
    assert world.submit_clip(SubmitClip(job.id, 2, "scene-01", 1, 1)).state == "filming"
    assert len(world.video.requests) == 1
