"""Calls that were claimed and never sent, when what they are made from has changed since: nothing waits for ever."""

from collections.abc import Iterator

import pytest

from promptreel.domain.call import Call
from promptreel.domain.job import Job
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.errors import QuotaExhausted, Throttled, Transient
from promptreel.ports.models import Failed
from promptreel.ports.storage import Change
from promptreel.usecases import job_lifecycle
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.submit_clip import SubmitClip
from tests.fakes.hooks import Killed
from tests.fakes.services import FakeServices
from tests.fakes.templates import PromptTemplates, deployed_templates

REWRITTEN = "57734940"  # the first remedy of this code rewrites the scene


@pytest.fixture
def templates() -> Iterator[PromptTemplates]:
    with deployed_templates() as templates:
        yield templates


def calls(world: FakeServices, job: Job, purpose: str) -> list[Call]:
    return [read.value for read in world.jobs.list_calls(job.id) if read.value.purpose.startswith(purpose)]


def resume(world: FakeServices, job: Job) -> Job:
    return job_lifecycle.resume(job.id, None, world)


def test_storyboard_is_written_when_its_second_attempt_met_a_quota_and_the_job_was_resumed_at_once(
    world: FakeServices,
) -> None:
    job = world.opened()
    world.text.answers = ["no storyboard", Throttled("429")]
    with pytest.raises(QuotaExhausted):
        world.write_storyboard(JobRun(job.id, job.run))
    world.fail_job(FailJob(job.id, job.run, "429"))
    world.clock.pass_s(1)
    job = resume(world, job)

    assert world.write_storyboard(JobRun(job.id, job.run)).state == "planned"


def test_scene_is_rewritten_when_the_rewriter_met_a_quota_and_the_job_was_resumed_at_once(world: FakeServices) -> None:
    job = world.drawn()
    world.submit_queued()
    world.video.states["operations/1"] = Failed("refused", (REWRITTEN,))
    world.clock.pass_s(60)
    world.poll(job)
    world.text.answers = ["no scene", Throttled("429")]
    with pytest.raises(Transient):
        world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 2))
    job_lifecycle.cancel(job.id, world)
    world.clock.pass_s(1)
    job = resume(world, job)

    assert world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 2)).state == "filming"


def test_clip_is_filmed_when_the_prompt_template_changed_after_its_call_met_a_quota(
    world: FakeServices, templates: PromptTemplates
) -> None:
    job = world.drawn()
    world.video.failures = [Throttled("429")]
    with pytest.raises(QuotaExhausted):
        world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 1))
    templates.deploy(1)

    assert world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 1)).state == "filming"
    assert [shot.prompt.startswith("Release 1") for shot in world.video.requests] == [False, True]
    assert len(calls(world, job, "clip/scene-01")) == 1


def test_keyframe_is_drawn_when_the_prompt_template_changed_after_its_call_met_a_quota(
    world: FakeServices, templates: PromptTemplates
) -> None:
    job = world.planned()
    world.images.failures = [Throttled("429")]
    picture = DrawKeyframe(job.id, job.run, "scene-01", "start")
    with pytest.raises(QuotaExhausted):
        world.draw_keyframe(picture)
    templates.deploy(1)

    assert world.draw_keyframe(picture).state == "drawn"
    assert len(calls(world, job, "keyframe/scene-01/start")) == 1


def test_film_is_planned_and_drawn_when_the_prompt_templates_change_between_all_steps(
    world: FakeServices, templates: PromptTemplates
) -> None:
    job = world.opened()
    templates.deploy(1)
    world.write_storyboard(JobRun(job.id, job.run))
    job = world.jobs.get_job(job.id).value
    for release, item in enumerate((item for wave in job.require_plan().waves for item in wave.items), start=2):
        templates.deploy(release)
        world.draw_keyframe(DrawKeyframe(job.id, job.run, item.scene, item.frame, item.take))

    assert world.jobs.get_job(job.id).value.state is JobState.VIDEO_GEN
    assert {read.value.state for read in world.jobs.list_scenes(job.id)} == {SceneState.QUEUED}
    assert len(world.images.requests) == 4


def test_paid_keyframe_is_used_when_its_painter_died_and_the_prompt_template_changed(
    world: FakeServices, templates: PromptTemplates
) -> None:
    job = world.planned()
    write = world.jobs.write

    def die_after_receipt(*changes: Change) -> None:
        write(*changes)
        if any(isinstance(change.value, Call) and change.value.state is CallState.SETTLED for change in changes):
            world.jobs.write = write  # type: ignore[method-assign]
            raise Killed

    world.jobs.write = die_after_receipt  # type: ignore[method-assign]
    picture = DrawKeyframe(job.id, job.run, "scene-01", "start")
    with pytest.raises(Killed):
        world.draw_keyframe(picture)
    templates.deploy(1)

    assert world.draw_keyframe(picture).state == "drawn"
    (paid,) = calls(world, job, "keyframe/scene-01/start")
    drawn = world.jobs.get_scene(job.id, "scene-01").value.start
    assert drawn is not None
    assert (drawn.uri, drawn.digest) == (paid.artifact, paid.digest)
    assert len(world.images.requests) == 1
