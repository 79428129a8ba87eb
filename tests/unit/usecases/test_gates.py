"""Gates: where a job waits for a person, what nobody does meanwhile, and how it goes on."""

import pytest

from promptreel.domain.job import Animatic, Job
from promptreel.domain.request import Approval
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.errors import Broken, BudgetExceeded, Conflict, NotFound, Transient
from promptreel.ledger import call_requests
from promptreel.ledger.claims import Superseded
from promptreel.ports.storage import Replace
from promptreel.usecases import job_lifecycle
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.sweep_jobs import SweepJobs
from promptreel.usecases.write_storyboard import DrawingWave
from tests.fakes.services import FakeServices

YEAR_S = 365 * 86_400.0


def approve(world: FakeServices, job: Job, gate: str | None = None) -> Job:
    return job_lifecycle.approve(job.id, Approval.model_validate({"gate": gate}), world)


def stored(world: FakeServices, job: Job) -> Job:
    return world.jobs.get_job(job.id).value


@pytest.fixture
def waiting(world: FakeServices) -> Job:
    """A job that waits after its storyboard."""
    return world.planned(approval="storyboard")


def test_job_waits_with_its_plan_reserved_when_its_storyboard_is_to_be_approved(
    world: FakeServices, waiting: Job
) -> None:
    assert waiting.state is JobState.AWAITING_APPROVAL
    assert waiting.gate is not None
    assert (waiting.gate.stage, waiting.gate.since) == ("storyboard", world.clock.now())
    assert waiting.plan is not None
    calls = [read.value for read in world.jobs.list_calls(waiting.id)]
    assert [call.state for call in calls if call.kind != "text"] == [CallState.PLANNED] * 7
    assert world.write_storyboard(JobRun(waiting.id, 1)).state == "awaiting_approval", "the answer may be lost"


def test_nothing_is_drawn_filmed_or_failed_when_a_job_waits_at_a_gate(world: FakeServices, waiting: Job) -> None:
    drawn = world.draw_keyframe(DrawKeyframe(waiting.id, 1, "scene-01", "start"))
    polled = world.poll(waiting)
    closed = world.close(waiting)
    failed = world.fail_job(FailJob(waiting.id, 1, {"code": "x", "message": "a late failure"}))
    opened = world.open_job(OpenJob("e-1", {"job_id": waiting.id, "run": 1}))

    assert (drawn.state, polled.state, opened.state) == ("superseded",) * 3
    assert (closed, failed.state) == ("awaiting_approval",) * 2
    assert stored(world, waiting) == waiting
    assert world.images.requests == []


def test_no_call_is_claimed_when_its_job_waits_at_a_gate(world: FakeServices, waiting: Job) -> None:
    scene = world.jobs.get_scene(waiting.id, "scene-01").value
    request = call_requests.clip(waiting, waiting.require_plan(), scene, "digest", world.clock.now())

    assert isinstance(world.ledger.claim(request), Superseded)


def test_waiting_job_is_left_alone_by_the_sweeper(world: FakeServices, waiting: Job) -> None:
    world.clock.pass_s(30 * 86_400)

    swept = world.sweep_jobs(SweepJobs())

    assert (swept.stuck, swept.restarted, swept.calls) == (0, 0, 0)
    assert stored(world, waiting).state is JobState.AWAITING_APPROVAL
    assert CallState.RELEASED not in {read.value.state for read in world.jobs.list_calls(waiting.id)}


def test_approved_job_goes_on_with_a_new_run_and_does_not_stop_there_again(world: FakeServices, waiting: Job) -> None:
    approved = approve(world, waiting, "storyboard")

    assert (approved.state, approved.run, approved.approved) == (JobState.KEYFRAMES, 2, ("storyboard",))
    assert (approved.gate, approved.execution) == (None, None)
    assert world.executions.started == [(waiting.id, 2)]
    world.open_job(OpenJob("e-2", {"job_id": waiting.id, "run": 2}))
    written = world.write_storyboard(JobRun(waiting.id, 2))
    assert (written.state, written.waves) == ("planned", DrawingWave.list_of(approved.require_plan()))
    assert len(world.text.requests) == 1


@pytest.mark.parametrize("gate", ["storyboard", None])
def test_one_execution_is_started_when_a_job_is_approved_twice(
    world: FakeServices, waiting: Job, gate: str | None
) -> None:
    approve(world, waiting, gate)
    world.open_job(OpenJob("e-2", {"job_id": waiting.id, "run": 2}))

    again = approve(world, waiting, gate)

    assert (again.run, again.state) == (2, JobState.KEYFRAMES)
    assert world.executions.started == [(waiting.id, 2)]


def test_one_of_two_approvals_at_once_starts_the_run(world: FakeServices, waiting: Job) -> None:
    write = world.jobs.write

    def write_second(*changes: object) -> None:
        world.jobs.write = write  # type: ignore[method-assign]
        approve(world, waiting)
        write(*changes)  # type: ignore[arg-type]

    world.jobs.write = write_second  # type: ignore[method-assign]
    approve(world, waiting)

    assert stored(world, waiting).run == 2
    assert set(world.executions.started) == {(waiting.id, 2)}


def test_approval_is_a_conflict_when_the_job_was_cancelled_first(world: FakeServices, waiting: Job) -> None:
    write = world.jobs.write

    def cancel_first(*changes: object) -> None:
        world.jobs.write = write  # type: ignore[method-assign]
        job_lifecycle.cancel(waiting.id, world)
        write(*changes)  # type: ignore[arg-type]

    world.jobs.write = cancel_first  # type: ignore[method-assign]
    with pytest.raises(Conflict, match="The job is CANCELLED") as refused:
        approve(world, waiting, "storyboard")

    assert (refused.value.code, refused.value.remedy) == ("not_at_a_gate", "Resume it first.")
    assert world.executions.started == []


def test_cancel_ends_the_run_when_the_job_was_approved_first(world: FakeServices, waiting: Job) -> None:
    approve(world, waiting)

    cancelled = job_lifecycle.cancel(waiting.id, world)

    assert cancelled.state is JobState.CANCELLED
    assert world.open_job(OpenJob("e-2", {"job_id": waiting.id, "run": 2})).state == "superseded"


def test_approval_names_the_gate_when_another_one_was_looked_at(world: FakeServices, waiting: Job) -> None:
    with pytest.raises(Conflict, match="waits after its storyboard, not after its keyframes") as refused:
        approve(world, waiting, "keyframes")

    assert refused.value.code == "another_gate"
    assert stored(world, waiting) == waiting


def test_approval_is_a_conflict_with_the_state_when_the_job_waits_nowhere(world: FakeServices) -> None:
    job = world.planned()

    with pytest.raises(Conflict, match="The job is KEYFRAMES"):
        approve(world, job)


def test_cancelled_job_returns_to_its_gate_when_resumed(world: FakeServices, waiting: Job) -> None:
    job_lifecycle.cancel(waiting.id, world)
    world.sweep_jobs(SweepJobs())
    world.clock.pass_s(3600)

    resumed = job_lifecycle.resume(waiting.id, None, world)

    assert (resumed.state, resumed.run) == (JobState.AWAITING_APPROVAL, 2)
    assert resumed.gate is not None
    assert (resumed.gate.stage, resumed.gate.since) == ("storyboard", world.clock.now())
    assert world.executions.started == []
    assert approve(world, resumed).state is JobState.KEYFRAMES


def test_cancelled_job_does_not_return_to_a_gate_that_was_approved(world: FakeServices, waiting: Job) -> None:
    approve(world, waiting)
    job_lifecycle.cancel(waiting.id, world)

    resumed = job_lifecycle.resume(waiting.id, None, world)

    assert (resumed.state, resumed.gate) == (JobState.KEYFRAMES, None)


def test_sweeper_starts_the_run_when_an_approval_could_not(world: FakeServices, waiting: Job) -> None:
    world.executions.failure = Transient("unavailable")
    approve(world, waiting)
    world.executions.failure = None
    world.clock.pass_s(301)

    world.sweep_jobs(SweepJobs())

    assert world.executions.started == [(waiting.id, 2)]


def test_waiting_job_expires_like_every_job(world: FakeServices, waiting: Job) -> None:
    world.clock.pass_s(YEAR_S)

    with pytest.raises(NotFound):
        approve(world, waiting)
    world.sweep_jobs(SweepJobs())
    assert stored(world, waiting).state is JobState.DELETING
    assert stored(world, waiting).gate is None


def test_storyboard_is_not_shown_for_approval_when_the_limit_does_not_hold_its_film(world: FakeServices) -> None:
    job = world.opened(approval="storyboard")
    world.lower_limit(job, 200_000)

    with pytest.raises(BudgetExceeded, match="No picture was paid"):
        world.write_storyboard(JobRun(job.id, 1))
    assert stored(world, job).gate is None


def test_approved_job_is_kept_as_long_as_it_was_given_before(world: FakeServices, waiting: Job) -> None:
    world.clock.pass_s(86_400)

    approved = approve(world, waiting)

    assert approved.expires is not None
    assert approved.expires - world.clock.now() == world.keep


def test_waiting_job_is_read_again_when_another_version_wrote_it(world: FakeServices, waiting: Job) -> None:
    read = world.jobs.get_job(waiting.id)
    world.jobs.write(Replace(waiting.id, read, Job.from_json({**waiting.to_json(), "later": 1}, "jobs/x")))

    assert approve(world, waiting).to_json()["later"] == 1


def give_animatic(world: FakeServices, job: Job) -> None:
    """What the stitcher writes on the job."""
    read = world.jobs.get_job(job.id)
    world.jobs.write(
        Replace(job.id, read, read.value.evolve(animatic=Animatic(uri="gs://artifacts/a.mp4", frames=432)))
    )


def test_no_clip_is_queued_while_the_animatic_is_not_approved(world: FakeServices) -> None:
    job = world.drawn(approval="animatic")

    polled = world.poll(job)

    assert (polled.state, polled.shows) == ("held", "animatic")
    assert job.state is JobState.KEYFRAMES
    assert world.queue.tasks == {}
    assert {read.value.state for read in world.jobs.list_scenes(job.id)} == {SceneState.DRAWN}


def test_clips_are_queued_when_the_animatic_was_approved(world: FakeServices) -> None:
    job = world.drawn(approval="animatic")
    give_animatic(world, job)
    assert world.close(job) == "awaiting_approval"
    assert world.close(job) == "awaiting_approval", "the answer may be lost"

    approved = approve(world, job, "keyframes")

    assert approved.state is JobState.VIDEO_GEN
    world.poll(approved)
    assert len(world.queue.tasks) == 3
    assert world.film_queued(approved) == "done"


def test_job_does_not_wait_for_an_animatic_that_was_not_made(world: FakeServices) -> None:
    job = world.drawn(approval="animatic")

    with pytest.raises(Broken, match="no animatic"):
        world.close(job)


@pytest.mark.parametrize(
    ("request_fields", "state"),
    [({"approval": "animatic"}, JobState.KEYFRAMES), ({"stop_after": "clips"}, JobState.VIDEO_GEN)],
)
def test_job_that_had_not_reached_its_gate_does_not_pass_it_when_resumed(
    world: FakeServices, request_fields: dict[str, str], state: JobState
) -> None:
    job = world.drawn(**request_fields)
    world.film_queued(job)
    job_lifecycle.cancel(job.id, world)

    resumed = job_lifecycle.resume(job.id, None, world)

    assert resumed.state is state
    assert world.poll(resumed).state == "held"


def test_film_is_stitched_from_approved_clips(world: FakeServices) -> None:
    job = world.drawn(stop_after="clips")
    assert world.film_queued(job) == "held"
    assert world.close(job) == "awaiting_approval"

    approved = approve(world, job, "clips")

    assert approved.state is JobState.STITCH
    assert world.poll(approved).state == "done"


def test_sweeper_logs_daily_that_a_job_waits_and_stops_after_a_week(
    world: FakeServices, waiting: Job, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    counts = []
    for _ in range(9):
        world.clock.pass_s(86_400)
        counts.append(world.sweep_jobs(SweepJobs()).waiting)
        assert world.sweep_jobs(SweepJobs()).waiting == 0, "once a day"

    assert counts == [1] * 7 + [0, 0]
    reminders = [record for record in caplog.records if record.message == "approval_waiting"]
    assert [record.json_fields["reminders"] for record in reminders] == [1, 2, 3, 4, 5, 6, 7]  # type: ignore[attr-defined]
    assert stored(world, waiting).updated == waiting.updated, "nothing has happened to it"


def test_reminders_begin_anew_when_a_cancelled_job_returns_to_its_gate(world: FakeServices, waiting: Job) -> None:
    world.clock.pass_s(2 * 86_400)
    world.sweep_jobs(SweepJobs())
    job_lifecycle.cancel(waiting.id, world)

    resumed = job_lifecycle.resume(waiting.id, None, world)

    assert resumed.gate is not None
    assert resumed.gate.reminders == 0
    assert world.sweep_jobs(SweepJobs()).waiting == 0


def test_report_on_an_uploaded_request_names_the_gates_at_which_it_will_wait(world: FakeServices) -> None:
    request = b'{"prompt": "A fox made of paper", "approval": "storyboard", "stop_after": "clips"}'
    event = {"data": world.inbox.lay_in("fox.json", request)}

    world.open_job(OpenJob("e-1", event))

    assert world.inbox.reports["fox.json"]["gates"] == ["storyboard", "clips"]
