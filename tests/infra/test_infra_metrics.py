"""The metrics' filters against log lines that the code writes.

The same filters over the log files of a whole stack: tests/e2e/test_log_lines_of_a_film.py.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from promptreel.domain.states import CallState, JobState
from promptreel.errors import NotFound
from promptreel.http.step_handler import Step, answer
from promptreel.logging.endings import log_call_ended, log_job_ended
from promptreel.usecases.close_job import JobClosed
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.factories import a_call, a_job
from tests.fakes.jobs import MemoryJobs
from tests.fakes.services import FakeServices
from tests.fakes.system import START
from tests.loglines import METRICS, Written, counted_by, writing

STEP = {"steps", "step_duration"}
PAID = {"calls_ended", "spend", "call_latency"}


@pytest.fixture
def lines() -> Iterator[Written]:
    with writing() as written:
        yield written


def run_step(name: str, command: type[Any], reply: Callable[[Any], Any], **body: Any) -> None:
    step = Step(name, command, lambda cmd, services: reply(cmd), uses=set())
    answer(step, {"job_id": "job-1", "run": 1, **body}, FakeServices)


def end_job(state: JobState) -> None:
    error = {"code": "budget_exceeded", "message": "m"} if state is JobState.FAILED else None
    log_job_ended(a_job(state=state, error=error), MemoryJobs())


def end_call(state: CallState, **fields: Any) -> None:
    log_call_ended(a_call(state=state, sent_at=START, **fields), CallState.SENT)


def sweep_one_abandoned(world: FakeServices) -> None:
    world.opened()
    world.clock.pass_s(300)
    world.sweep_jobs(SweepJobs())


def leave_one_waiting(world: FakeServices) -> None:
    world.planned(approval="storyboard")
    world.clock.pass_s(2 * 86_400)
    world.sweep_jobs(SweepJobs())


def request_near_an_end(world: FakeServices) -> None:
    """A film asked for 60 days before the announced end of its image model, and a month before that of Veo."""
    world.clock.pass_s((datetime(2027, 3, 29, tzinfo=UTC) - world.clock.now()).total_seconds())
    world.opened()


@pytest.mark.parametrize(
    ("state", "metrics"),
    [
        (JobState.COMPLETE, {"jobs_ended", "jobs_complete", "makespan"}),
        (JobState.FAILED, {"jobs_ended", "jobs_failed"}),
        (JobState.CANCELLED, {"jobs_withdrawn"}),
        (JobState.DELETED, {"jobs_withdrawn"}),
    ],
)
def test_ended_job_is_counted_by_its_state(state: JobState, metrics: set[str], lines: Written) -> None:
    end_job(state)

    (line,) = lines.read()
    assert counted_by(line) == metrics
    assert line["severity"] == "INFO"


@pytest.mark.parametrize(
    ("state", "fields", "metrics"),
    [
        (CallState.SETTLED, {"cost_micros": 5}, PAID),
        (CallState.ADOPTED, {"cost_micros": 5}, PAID),
        (CallState.LOST, {}, {"calls_ended", "spend"}),
        (CallState.RELEASED, {"codes": ("64151117",)}, {"calls_ended", "call_latency", "refusals"}),
        (CallState.RELEASED, {"codes": ("job_ended",)}, {"calls_ended", "call_latency"}),
    ],
)
def test_ended_call_is_counted_by_its_state(
    state: CallState, fields: dict[str, Any], metrics: set[str], lines: Written
) -> None:
    end_call(state, **fields)

    assert counted_by(lines.read()[0]) == metrics


def test_repeated_close_of_a_job_is_not_counted_as_an_ended_job(lines: Written) -> None:
    run_step("close_job", JobRun, lambda _: JobClosed("complete"))

    assert counted_by(lines.read()[0]) == STEP


def test_refused_step_is_counted_by_its_code(lines: Written) -> None:
    def refuse(_: Any) -> Any:
        raise NotFound("There is no job-1.")

    run_step("poll_clips", JobRun, refuse)

    (line,) = lines.read()
    assert counted_by(line) == {*STEP, "polls"}
    assert (line["outcome"], line["status"]) == ("not_found", 404)


def test_abandoned_job_is_counted_as_stuck_in_each_sweep_that_finds_it(world: FakeServices, lines: Written) -> None:
    sweep_one_abandoned(world)
    world.sweep_jobs(SweepJobs())  # it was restarted a moment ago

    stuck = [line for line in lines.read() if "jobs_stuck" in counted_by(line)]
    assert [counted_by(line) for line in stuck] == [{"jobs_stuck"}]


def test_job_that_waits_for_days_is_counted_by_the_stage_it_waits_after(world: FakeServices, lines: Written) -> None:
    leave_one_waiting(world)

    (line,) = [line for line in lines.read() if "approvals_waiting" in counted_by(line)]
    assert (line["stage"], line["waited_s"], line["reminders"]) == ("storyboard", 2 * 86_400, 2)


def test_request_is_counted_for_each_of_its_models_that_ends_soon(world: FakeServices, lines: Written) -> None:
    request_near_an_end(world)

    counted = [line for line in lines.read() if "models_ending" in counted_by(line)]
    assert [counted_by(line) for line in counted] == [{"models_ending"}] * 2
    assert {line["model"]: line["ends"] for line in counted} == {
        "gemini-3.1-flash-image": "2027-05-28",
        "veo-3.1-generate-001": "2027-05-04",
    }


def test_request_is_not_counted_when_no_model_ends_soon(world: FakeServices, lines: Written) -> None:
    world.opened()

    assert [line for line in lines.read() if "models_ending" in counted_by(line)] == []


def test_unexpected_error_is_counted_once(lines: Written) -> None:
    def fail(_: Any) -> Any:
        raise ZeroDivisionError

    run_step("poll_clips", JobRun, fail)

    bug, ended = lines.read()
    assert counted_by(bug) == {"unexpected_errors"}
    assert counted_by(ended) == {*STEP, "polls"}
    assert bug["severity"] == "ERROR"
    assert "ZeroDivisionError" in bug["stack_trace"]


@pytest.mark.parametrize("name", sorted(METRICS))
def test_labels_and_values_are_fields_of_the_counted_lines(name: str, lines: Written, world: FakeServices) -> None:
    def fail(_: Any) -> Any:
        raise ZeroDivisionError

    run_step("poll_clips", JobRun, fail)
    sweep_one_abandoned(world)
    leave_one_waiting(FakeServices())
    request_near_an_end(world)
    for job_state in (JobState.COMPLETE, JobState.FAILED, JobState.CANCELLED, JobState.DELETED):
        end_job(job_state)
    for call_state in (CallState.SETTLED, CallState.RELEASED, CallState.ADOPTED, CallState.LOST):
        end_call(call_state, codes=("3",) if call_state is CallState.RELEASED else ())
    counted = [line for line in lines.read() if name in counted_by(line)]
    fields = {*METRICS[name]["labels"].values(), *filter(None, [METRICS[name].get("value")])}

    assert counted
    assert all(fields <= set(line) for line in counted)
    assert not fields & {"prompt", "reason", "job_id", "call_id"}, "a label with many values is expensive"
