"""Log lines as Cloud Logging takes them: JSON, with job and execution, in the job's one trace (docs/adr/0005)."""

import logging
from collections.abc import Iterator

import pytest

from promptreel.domain import identifiers
from promptreel.http.step_handler import Step, answer
from promptreel.logging import events
from promptreel.usecases.open_job import Opened, OpenJob
from promptreel.usecases.submit_clip import ClipSubmitted, SubmitClip
from tests.fakes.services import FakeServices
from tests.loglines import Written, writing

JOB = "job-0123456789abcdef0123"
TRACE = "0000000000000123456789abcdef0123"
CLIP = {"job_id": JOB, "run": 1, "scene": "scene-02", "take": 1, "attempt": 3}


@pytest.fixture
def lines() -> Iterator[Written]:
    with writing("film-project") as written:
        yield written


def test_step_is_logged_with_job_outcome_and_duration(lines: Written) -> None:
    step = Step("submit_clip", SubmitClip, lambda cmd, services: ClipSubmitted("filming"), uses=set())
    answer(step, CLIP, FakeServices, execution="e-7")

    (line,) = lines.read()
    logged = {name: line[name] for name in ("message", "action", "job_id", "scene_id", "attempt", "outcome", "status")}
    assert logged == {
        "message": "step", "action": "submit_clip", "job_id": JOB, "scene_id": "scene-02", "attempt": 3,
        "outcome": "filming", "status": 200,
    }  # fmt: skip
    assert line["duration_ms"] >= 0
    assert line["logging.googleapis.com/trace"] == f"projects/film-project/traces/{TRACE}"
    assert line["logging.googleapis.com/labels"]["workflows.googleapis.com/execution_id"] == "e-7"


def test_log_line_is_in_the_jobs_trace_when_the_job_is_known_only_afterwards(lines: Written) -> None:
    step = Step("open_job", OpenJob, lambda cmd, services: Opened("open", JOB, 1), uses=set())

    answer(step, {"execution": "e-7", "input": {"prompt": "secret"}}, FakeServices)

    (line,) = lines.read()
    assert line["logging.googleapis.com/trace"].endswith(TRACE)
    assert line["logging.googleapis.com/labels"]["workflows.googleapis.com/execution_id"] == "e-7"
    assert "secret" not in str(line)


def test_log_line_of_a_library_belongs_to_the_steps_job(lines: Written) -> None:
    with events.log_context(job_id=JOB, action="poll_clips"):
        logging.getLogger("some.library").warning("slow %s", "disk")
    logging.getLogger("some.library").warning("outside")

    inside, outside = lines.read()
    assert (inside["message"], inside["severity"], inside["action"]) == ("slow disk", "WARNING", "poll_clips")
    assert inside["logging.googleapis.com/trace"].endswith(TRACE)
    assert (outside["logging.googleapis.com/trace"], outside.get("action")) == ("", None)


def test_nested_log_context_ends_with_its_block() -> None:
    with events.log_context(job_id="job-1", action="a"):
        with events.log_context(action="b", job_id=None):
            assert events.current_context.get() == {"job_id": "job-1", "action": "b"}
        assert events.current_context.get() == {"job_id": "job-1", "action": "a"}
    assert events.current_context.get() == {}


def test_trace_of_a_job_is_valid_by_w3c() -> None:
    assert identifiers.trace_id(JOB) == TRACE
    assert identifiers.traceparent(JOB) == f"00-{TRACE}-0000000000000001-01"
