"""Prompts that do not fit their model: cut and stored with both texts, or refused before anything is paid."""

import json

import pytest

from promptreel.domain.fitting import PromptTooLong
from promptreel.domain.states import JobState
from promptreel.http import responses
from promptreel.ports.storage import Replace
from promptreel.usecases.job_lifecycle import JobRun
from tests.fakes.models import a_storyboard
from tests.fakes.services import FakeServices

LONG = "The keeper climbs the stairs. " * 60


def story(**texts: str) -> str:
    """A storyboard of three scenes, of which the second has these texts."""
    written = a_storyboard()
    written["scenes"][1] |= texts  # type: ignore[index]
    return json.dumps(written)


def test_owner_sees_what_was_sent_and_what_it_was_cut_from(world: FakeServices) -> None:
    world.text.answers = [story(motion_prompt=f"Now. {LONG}", description=LONG)]
    job = world.drawn(models={"video": "kwaivgi/kling-v3-video"}, resolution="720p")
    world.submit_queued()

    scenes = [read.value for read in world.jobs.list_scenes(job.id)]
    calls = [read.value for read in world.jobs.list_calls(job.id)]
    links = world.artifacts.sign_urls(responses.artifact_uris(job, scenes), 60)
    shown = [scene["prompts"] for scene in responses.job_detail(job, scenes, calls, links)["scenes"]]

    clips = {request.prompt for request in world.video.requests}
    assert {scene["clip"]["sent"] for scene in shown} == clips
    assert [scene["clip"]["original"] is None for scene in shown] == [True, False, True]
    assert shown[1]["clip"]["original"].count(LONG.strip()) == 2
    assert len(shown[1]["clip"]["sent"]) <= 2500
    assert shown[0]["start"]["sent"] == world.images.requests[0].prompt
    assert shown[1]["start"] is None  # it is the last picture of the scene before
    assert [scene["end"]["sent"] for scene in shown] == [request.prompt for request in world.images.requests[1:]]


def test_storyboard_is_refused_by_scene_before_a_picture_is_paid_when_a_prompt_cannot_fit(world: FakeServices) -> None:
    world.text.answers = [story(end_frame_prompt="Waves " + "🌊" * 1990)]
    job = world.opened()

    with pytest.raises(PromptTooLong, match="scene-02: the prompt of its end picture"):
        world.write_storyboard(JobRun(job.id, job.run))

    assert world.images.requests == []
    assert [read.value.kind for read in world.jobs.list_calls(job.id)] == ["text", "text"]


def test_clip_whose_prompt_cannot_fit_becomes_a_problem_of_its_scene_and_is_not_sent(world: FakeServices) -> None:
    job = world.drawn()
    read = world.jobs.get_scene(job.id, "scene-02")
    world.jobs.write(Replace(job.id, read, read.value.model_copy(update={"motion_prompt": "word " * 1000})))

    states = world.submit_queued()

    assert sorted(states) == ["filming", "filming", "prompt_too_long"]
    problem = world.poll(job).problem
    assert problem is not None
    assert (problem.code, problem.scene) == ("prompt_too_long", "scene-02")
    assert len(world.video.requests) == 2
    assert world.jobs.get_job(job.id).value.state is JobState.VIDEO_GEN
