"""The sweeper recovers what a crash left behind."""

from promptreel.domain.call import Call
from promptreel.domain.states import FINISHED_CALL_STATES, CallState, JobState
from promptreel.errors import AnswerLost, Transient
from promptreel.ledger import call_requests
from promptreel.usecases import job_lifecycle
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.submit_clip import SubmitClip
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.fakes.services import FakeServices
from tests.loglines import writing


def unfinished(world: FakeServices) -> list[Call]:
    return [read.value for read in world.jobs.list_calls_in_states(set(CallState) - FINISHED_CALL_STATES)]


def cancel(world: FakeServices, job_id: str) -> None:
    job_lifecycle.cancel(job_id, world)


def open_again(world: FakeServices, job_id: str) -> None:
    """The execution that was started last opens its job."""
    run = world.jobs.get_job(job_id).value.run
    world.open_job(OpenJob(f"execution-{len(world.executions.started)}", {"job_id": job_id, "run": run}))


def test_job_gets_a_new_run_three_times_then_fails_when_its_executions_are_lost(world: FakeServices) -> None:
    job = world.opened()
    for run in (2, 3, 4):
        world.clock.pass_s(300)
        assert world.sweep_jobs(SweepJobs()).restarted == 1
        assert world.executions.started[-1] == (job.id, run)
        open_again(world, job.id)
        world.executions.active.clear()
    world.clock.pass_s(300)

    assert world.sweep_jobs(SweepJobs()).failed == 1

    failed = world.jobs.get_job(job.id).value
    assert failed.state is JobState.FAILED
    assert failed.error is not None
    assert failed.error.code == "execution_lost"


def test_sweep_logs_what_it_did_and_which_jobs_were_stuck(
    world: FakeServices,
) -> None:
    job = world.opened()
    world.clock.pass_s(300)

    with writing() as lines:
        swept = world.sweep_jobs(SweepJobs())

    (found,), (line,) = lines.of("job_stuck"), lines.of("jobs_swept")
    assert (found["job_id"], found["state"], found["restarts"]) == (job.id, job.state.value, 0)
    fields = {name: line[name] for name in ("restarted", "failed", "calls", "deleted", "stuck")}
    assert fields == {"restarted": 1, "failed": 0, "calls": 0, "deleted": 0, "stuck": 1}
    assert swept.stuck == 1


def test_job_counts_as_stuck_when_it_cannot_be_restarted(world: FakeServices) -> None:
    world.opened()
    world.clock.pass_s(300)
    world.executions.failure = Transient("503")

    swept = world.sweep_jobs(SweepJobs())

    assert (swept.stuck, swept.restarted) == (1, 0)


def test_slow_execution_is_not_fenced_off_before_it_opens_the_job(world: FakeServices) -> None:
    job = world.opened()
    world.clock.pass_s(300)
    world.sweep_jobs(SweepJobs())
    world.clock.pass_s(299)
    assert world.sweep_jobs(SweepJobs()).restarted == 0
    world.clock.pass_s(1)
    assert world.sweep_jobs(SweepJobs()).restarted == 1

    opened = world.open_job(OpenJob("execution-1", {"job_id": job.id, "run": 2}))

    assert opened.state == "open"
    assert world.executions.started == [(job.id, 2), (job.id, 2)]


def test_restart_is_not_counted_when_workflows_is_unreachable(
    world: FakeServices,
) -> None:
    cancelled = world.drawn()
    cancel(world, cancelled.id)
    job_id = world.open_job(OpenJob("e-2", {"prompt": "A whale"})).job_id
    world.executions.failure = Transient("503")
    for _ in range(5):
        world.clock.pass_s(300)
        assert world.sweep_jobs(SweepJobs()).failed == 0
    assert not [call for call in unfinished(world) if call.job == cancelled.id]
    world.executions.failure = None

    assert world.sweep_jobs(SweepJobs()).restarted == 1
    assert world.jobs.get_job(job_id).value.restarts == 1


def test_job_is_left_alone_when_its_execution_is_active_or_it_changed_recently(world: FakeServices) -> None:
    job = world.opened()
    assert world.sweep_jobs(SweepJobs()).restarted == 0

    world.executions.active.add(str(job.execution))
    world.clock.pass_s(300)
    assert world.sweep_jobs(SweepJobs()).restarted == 0


def test_planned_calls_are_released_and_clips_finished_when_a_job_is_cancelled(world: FakeServices) -> None:
    job = world.drawn()
    world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 1))
    world.video.failures = [AnswerLost("reset")]
    world.submit_clip(SubmitClip(job.id, 1, "scene-02", 1, 1))
    cancel(world, job.id)

    world.sweep_jobs(SweepJobs())
    states = {read.value.purpose: read.value.state for read in world.jobs.list_calls(job.id)}
    assert states["clip/scene-01"] is CallState.SENT
    assert states["clip/scene-02"] is CallState.UNCERTAIN
    assert states["clip/scene-03"] is CallState.RELEASED

    world.video.deliver("operations/1")
    world.clock.pass_s(60 + 900 + 121)
    world.sweep_jobs(SweepJobs())
    states = {read.value.purpose: read.value.state for read in world.jobs.list_calls(job.id)}
    assert states["clip/scene-01"] is CallState.SETTLED
    assert states["clip/scene-02"] is CallState.LOST
    assert not unfinished(world)


def test_call_is_released_when_its_lease_expires_after_a_cancel(world: FakeServices) -> None:
    job = world.drawn()
    scene = world.jobs.get_scene(job.id, "scene-01").value
    world.ledger.claim(call_requests.clip(job, job.require_plan(), scene, "digest", world.clock.now()))
    cancel(world, job.id)

    world.sweep_jobs(SweepJobs())
    assert [call.state for call in unfinished(world)] == [CallState.RESERVED]
    world.clock.pass_s(61)
    world.sweep_jobs(SweepJobs())
    world.sweep_jobs(SweepJobs())

    assert not unfinished(world)


def test_other_calls_are_finished_when_one_cannot_be_read(world: FakeServices) -> None:
    job = world.drawn()
    world.video.failures = [AnswerLost("reset"), AnswerLost("reset")]
    for scene in ("scene-01", "scene-02"):
        world.submit_clip(SubmitClip(job.id, 1, scene, 1, 1))
    cancel(world, job.id)
    listed, listings = world.artifacts.list, []

    def away_once(prefix: str) -> object:
        listings.append(prefix)
        if len(listings) == 1:
            raise Transient("503")
        return listed(prefix)

    world.artifacts.list = away_once  # type: ignore[method-assign,assignment]
    world.clock.pass_s(60 + 900 + 121)

    world.sweep_jobs(SweepJobs())

    states = [read.value.state for read in world.jobs.list_calls(job.id) if read.value.kind == "video"]
    assert sorted(states) == [CallState.LOST, CallState.RELEASED, CallState.UNCERTAIN]
