"""A sweep reaches every job and call, however many there are and whatever fails on the way."""

from collections.abc import Iterator
from typing import Any

import pytest

from promptreel.domain.call import Call
from promptreel.domain.states import CallState, JobState
from promptreel.errors import Broken, Transient
from promptreel.ports.storage import Create, Replace
from promptreel.usecases import delete_job, job_lifecycle
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.submit_clip import SubmitClip
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.factories import a_call, a_job
from tests.fakes.services import FakeServices
from tests.loglines import writing


def cancel(world: FakeServices, job_id: str) -> None:
    job_lifecycle.cancel(job_id, world)


def running_job(world: FakeServices, number: int, calls: int) -> None:
    """A job that an execution works on, with so many planned calls."""
    name, execution = f"job-{number}", f"execution-of-{number}"
    world.executions.active.add(execution)
    job = a_job(name, state=JobState.VIDEO_GEN, execution=execution)
    planned = [a_call(f"call-{number}-{count}", job=name) for count in range(calls)]
    world.jobs.write(Create(name, job), *(Create(name, call) for call in planned))


def states(world: FakeServices, job_id: str) -> set[CallState]:
    return {read.value.state for read in world.jobs.list_calls(job_id)}


def cancelled_jobs(world: FakeServices, count: int) -> list[str]:
    """Jobs of three scenes that were cancelled before anything but their storyboards was paid."""
    names = [world.open_job(OpenJob(f"e-{number}", {"prompt": "A whale"})).job_id for number in range(2, count + 2)]
    for name in names:
        world.write_storyboard(JobRun(name, 1))
        cancel(world, name)
    return names


def test_sweep_finishes_calls_of_an_ended_job_when_running_jobs_have_hundreds(world: FakeServices) -> None:
    for number in range(40):
        running_job(world, number, 13)
    job = world.drawn()
    world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 1))
    cancel(world, job.id)
    world.video.deliver("operations/1")

    world.sweep_jobs(SweepJobs())

    assert states(world, job.id) == {CallState.SETTLED, CallState.RELEASED}
    assert states(world, "job-7") == {CallState.PLANNED}


def test_sweep_reads_no_call_of_a_running_job_that_is_only_planned(world: FakeServices) -> None:
    running_job(world, 1, 13)
    read: list[str] = []
    calls_in = world.jobs.list_calls_in_states

    def remember(states: set[CallState]) -> Iterator[Any]:
        for one in calls_in(states):
            read.append(one.value.id)
            yield one

    setattr(world.jobs, "list_calls_in_states", remember)  # noqa: B010 - a method is replaced
    setattr(world.jobs, "list_calls", read.append)  # noqa: B010

    world.sweep_jobs(SweepJobs())

    assert read == []


def test_sweep_reads_calls_of_an_ended_job_no_more_when_all_are_finished(world: FakeServices) -> None:
    job = world.drawn()
    cancel(world, job.id)
    assert [one.id for one in world.jobs.list_jobs_with_open_calls(world.clock.now())] == [job.id]
    world.sweep_jobs(SweepJobs())
    world.sweep_jobs(SweepJobs())

    assert list(world.jobs.list_jobs_with_open_calls(world.clock.now())) == []


@pytest.mark.parametrize("error", [Transient("503"), Broken("403"), ValueError("no JSON"), KeyError("field")])
@pytest.mark.parametrize("broken", ["get_job", "list_calls", "write"])
def test_sweep_finishes_the_other_jobs_when_one_fails(world: FakeServices, broken: str, error: Exception) -> None:
    ended = cancelled_jobs(world, 3)
    method = getattr(world.jobs, broken)

    def fail_for_the_first(*arguments: Any) -> Any:
        about = {arguments[0]} if isinstance(arguments[0], str) else {change.job_id for change in arguments}
        if ended[0] in about:
            raise error
        return method(*arguments)

    setattr(world.jobs, broken, fail_for_the_first)
    world.sweep_jobs(SweepJobs())
    setattr(world.jobs, broken, method)

    assert states(world, ended[0]) == {CallState.SETTLED, CallState.PLANNED}
    assert states(world, ended[1]) == states(world, ended[2]) == {CallState.SETTLED, CallState.RELEASED}


def test_sweep_finishes_the_other_calls_when_one_fails(world: FakeServices) -> None:
    (job_id,) = cancelled_jobs(world, 1)
    write = world.jobs.write
    failed: list[str] = []

    def fail_for_the_first(*changes: Any) -> None:
        calls = [change.value for change in changes if isinstance(change.value, Call)]
        if calls and (not failed or failed[0] == calls[0].id):
            failed.append(calls[0].id)
            raise ValueError("one broken call")
        write(*changes)

    world.jobs.write = fail_for_the_first  # type: ignore[method-assign]
    world.sweep_jobs(SweepJobs())

    left = [read.value.id for read in world.jobs.list_calls(job_id) if not read.value.is_finished]
    assert left == failed[:1]


@pytest.mark.parametrize(
    "query", ["list_jobs_in_states", "list_jobs_with_open_calls", "list_calls_in_states", "list_expired_jobs"]
)
def test_sweep_does_its_other_parts_and_reports_the_error_when_one_query_fails(world: FakeServices, query: str) -> None:
    (ended,) = cancelled_jobs(world, 1)
    abandoned = world.opened()
    world.clock.pass_s(300)
    failing = Transient("503")

    def fail(*arguments: Any) -> Any:
        raise failing

    setattr(world.jobs, query, fail)
    with writing() as lines, pytest.raises(Transient) as raised:
        world.sweep_jobs(SweepJobs())

    assert raised.value is failing
    assert len(lines.of("jobs_swept")) == 1
    assert bool(world.executions.started) is (query != "list_jobs_in_states")
    assert (CallState.PLANNED in states(world, ended)) is (query == "list_jobs_with_open_calls")
    assert world.jobs.get_job(abandoned.id).value.run == (1 if query == "list_jobs_in_states" else 2)


def test_sweep_logs_a_bug_when_an_error_is_not_expected(world: FakeServices) -> None:
    (job_id,) = cancelled_jobs(world, 1)

    def fail(job_id: str) -> None:
        raise KeyError(job_id)

    setattr(world.jobs, "list_calls", fail)  # noqa: B010 - a method is replaced

    with writing() as lines:
        world.sweep_jobs(SweepJobs())

    (line,) = lines.of("unexpected error")
    assert (line["job_id"], line["step"]) == (job_id, "sweep_jobs")


def test_deleted_job_ends_when_a_version_without_notes_on_open_calls_ended_it(world: FakeServices) -> None:
    job = world.drawn()
    delete_job.mark(job.id, world)
    read = world.jobs.get_job(job.id)
    world.jobs.write(Replace(job.id, read, read.value.evolve(open_calls_since=None)))
    for _ in range(3):
        world.sweep_jobs(SweepJobs())
        world.clock.pass_s(delete_job.IN_FLIGHT_UPLOAD_GRACE_S)

    assert world.jobs.get_job(job.id).value.state is JobState.DELETED


def test_sent_call_is_finished_when_a_version_without_notes_on_open_calls_ended_its_job(world: FakeServices) -> None:
    job = world.drawn()
    world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 1))
    cancel(world, job.id)
    read = world.jobs.get_job(job.id)
    world.jobs.write(Replace(job.id, read, read.value.evolve(open_calls_since=None)))
    world.video.deliver("operations/1")

    world.sweep_jobs(SweepJobs())

    assert CallState.SENT not in states(world, job.id)


def test_note_on_open_calls_stays_when_the_job_was_resumed_while_its_calls_were_read(world: FakeServices) -> None:
    (job_id,) = cancelled_jobs(world, 1)
    world.sweep_jobs(SweepJobs())
    calls = world.jobs.list_calls

    def resume_meanwhile(wanted: str) -> Any:
        setattr(world.jobs, "list_calls", calls)  # noqa: B010 - a method is replaced
        found = calls(wanted)
        job_lifecycle.resume(job_id, None, world)
        cancel(world, job_id)
        return found

    setattr(world.jobs, "list_calls", resume_meanwhile)  # noqa: B010 - a method is replaced
    world.sweep_jobs(SweepJobs())

    assert [job.id for job in world.jobs.list_jobs_with_open_calls(world.clock.now())] == [job_id]
