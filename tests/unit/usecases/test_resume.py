"""Resume: the first unfinished piece, a new run, no clip paid twice."""

import pytest

from promptreel.domain.job import Job
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.errors import AnswerLost, BudgetExceeded, Conflict, Refused, Rejected
from promptreel.ports.storage import Create
from promptreel.usecases import job_lifecycle
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.submit_clip import SubmitClip
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.factories import a_job
from tests.fakes.services import FakeServices


def resume(world: FakeServices, job: Job, limit_micros: int | None = None) -> Job:
    return job_lifecycle.resume(job.id, limit_micros, world)


def fail(world: FakeServices, job: Job) -> None:
    world.fail_job(FailJob(job.id, job.run, {"code": "x", "message": "it failed"}))


def cancel(world: FakeServices, job: Job) -> None:
    job_lifecycle.cancel(job.id, world)


def finish(world: FakeServices, job: Job) -> str:
    """Draw and film whatever is missing; answers what the last look said."""
    world.draw_all(job)
    return world.film_queued(job)


def test_resumed_job_has_a_new_run_no_error_and_an_execution(world: FakeServices) -> None:
    job = world.planned()
    fail(world, job)

    resumed = resume(world, job)

    assert (resumed.run, resumed.state, resumed.error, resumed.execution) == (2, JobState.KEYFRAMES, None, None)
    assert world.executions.started == [(job.id, 2)]


def test_run_is_unchanged_when_a_running_job_is_resumed(world: FakeServices) -> None:
    job = world.planned()
    fail(world, job)
    resume(world, job)

    assert resume(world, job).run == 2


def test_job_is_not_resumed_when_complete(world: FakeServices) -> None:
    world.jobs.write(Create("job-1", a_job(state=JobState.COMPLETE)))

    with pytest.raises(Conflict, match="nothing to go on with"):
        resume(world, a_job())


@pytest.mark.parametrize("end", [fail, cancel])
@pytest.mark.parametrize("swept", [False, True])
def test_resumed_job_pays_only_for_what_is_missing_when_it_ended_while_filming(
    world: FakeServices, end: object, *, swept: bool
) -> None:
    job = world.drawn()
    world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 1))
    end(world, job)  # type: ignore[operator]
    world.queue.tasks.clear()
    if swept:
        world.sweep_jobs(SweepJobs())

    assert finish(world, resume(world, job)) == "done"

    assert len(world.images.requests) == 4
    assert len(world.video.requests) == 3
    assert world.jobs.get_job(job.id).value.state is JobState.STITCH
    clips = [read.value for read in world.jobs.list_calls(job.id) if read.value.kind == "video"]
    assert sum(call.cost_micros for call in clips) == 3 * 2_400_000


def test_steps_of_the_old_run_do_nothing_after_a_resume(world: FakeServices) -> None:
    job = world.planned()
    fail(world, job)
    resume(world, job)

    assert world.draw_keyframe(DrawKeyframe(job.id, 1, "scene-01", "start")).state == "superseded"
    assert world.poll(job).state == "superseded"
    assert world.images.requests == []


def test_paid_storyboard_is_used_when_resumed_with_a_higher_limit(world: FakeServices) -> None:
    job = world.opened()
    world.lower_limit(job, 5_000_000)
    with pytest.raises(BudgetExceeded):
        world.write_storyboard(JobRun(job.id, 1))
    fail(world, job)

    resumed = resume(world, job, 25_000_000)

    assert (resumed.state, resumed.budget.limit_micros) == (JobState.PENDING, 25_000_000)
    assert world.write_storyboard(JobRun(job.id, 2)).state == "planned"
    assert len(world.text.requests) == 1


def test_limit_is_refused_when_below_what_is_spent_or_reserved(world: FakeServices) -> None:
    job = world.planned()
    fail(world, job)

    with pytest.raises(BudgetExceeded, match="are spent or reserved already"):
        resume(world, job, 1_000_000)
    assert world.jobs.get_job(job.id).value.state is JobState.FAILED


def test_scene_gets_new_attempts_when_resumed(world: FakeServices) -> None:
    job = world.drawn(on_scene_failure="fail")
    world.submit_queued()
    world.video.filter("operations/1", "89371032")
    world.video.deliver("operations/2")
    world.video.deliver("operations/3")
    world.clock.pass_s(60)
    assert world.poll(job).state == "failed"
    fail(world, job)
    world.clock.pass_s(1)

    resumed = resume(world, job)

    assert resumed.state is JobState.VIDEO_GEN
    assert finish(world, resumed) == "done"
    first = world.jobs.get_scene(job.id, "scene-01").value
    assert [one.outcome for one in first.tries] == ["refused", "delivered"]


def test_keyframe_gets_new_attempts_when_the_job_is_resumed(world: FakeServices) -> None:
    job = world.planned()
    world.images.failures = [Refused("IMAGE_SAFETY")] * 3
    with pytest.raises(Rejected):
        world.draw_keyframe(DrawKeyframe(job.id, 1, "scene-01", "start"))
    fail(world, job)
    world.clock.pass_s(1)
    resume(world, job)

    assert world.draw_keyframe(DrawKeyframe(job.id, 2, "scene-01", "start")).state == "drawn"


def test_storyboard_gets_new_attempts_when_the_job_is_resumed(world: FakeServices) -> None:
    job = world.opened()
    world.text.answers = ["{}", "{}", "{}"]
    with pytest.raises(Rejected):
        world.write_storyboard(JobRun(job.id, 1))
    fail(world, job)
    world.clock.pass_s(1)
    resume(world, job)

    assert world.write_storyboard(JobRun(job.id, 2)).state == "planned"
    assert len(world.text.requests) == 4


def test_late_clip_is_adopted_and_not_paid_twice_when_the_job_is_resumed(
    world: FakeServices,
) -> None:
    job = world.drawn()
    world.video.failures = [AnswerLost("reset")]
    world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 1))
    cancel(world, job)
    world.clock.pass_s(60 + 900 + 121)
    world.sweep_jobs(SweepJobs())
    lost = next(read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "clip/scene-01")
    assert lost.state is CallState.LOST
    world.artifacts.put(f"{lost.prefix}7/sample_0.mp4", b"clip", "video/mp4")

    world.poll(resume(world, job))

    assert world.jobs.get_scene(job.id, "scene-01").value.state is SceneState.DONE
    assert len(world.video.requests) == 1
