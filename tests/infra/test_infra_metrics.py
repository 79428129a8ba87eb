"""The metrics' filters, held against log lines that the code really writes (H5, H6)."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from promptreel.api import logs, stepping
from promptreel.errors import NotFound
from promptreel.steps.close_job import CloseJob, JobClosed
from promptreel.steps.fail_job import FailJob, JobFailed
from promptreel.steps.poll_clips import PollClips
from tests.infra.policy import truth

METRICS: dict[str, dict[str, Any]] = truth.config("metrics")["metrics"]


class _Lines:
    """What the functions write, line by line."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


@pytest.fixture
def lines() -> Iterator[_Lines]:
    stream, root = io.StringIO(), logging.getLogger()
    before = root.handlers[:], root.level
    logs.configure()
    for handler in root.handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(stream)
    yield _Lines(stream)
    root.handlers[:], root.level = before[0], before[1]


def counted_by(line: dict[str, Any]) -> set[str]:
    """The metrics that count a line, as Cloud Logging would."""
    return {
        name
        for name, metric in METRICS.items()
        if all(field in line and ("*" in values or line[field] in values) for field, values in metric["match"].items())
    }


def step(name: str, command: Callable[..., Any], answer: Callable[[Any], Any], **body: Any) -> None:
    stepping.answer(name, {"job_id": "job-1", "run": 1, **body}, command, answer)  # type: ignore[arg-type]


def test_finished_job_when_logged_then_counts_as_complete(lines: _Lines) -> None:
    step("close_job", CloseJob, lambda _: JobClosed("complete"))

    (line,) = lines.read()
    assert counted_by(line) == {"steps", "step_duration", "jobs_ended", "jobs_complete"}
    assert line["severity"] == "INFO"


def test_superseded_run_when_logged_then_ends_no_job(lines: _Lines) -> None:
    step("close_job", CloseJob, lambda _: JobClosed("superseded"))

    assert counted_by(lines.read()[0]) == {"steps", "step_duration"}


def test_failed_job_when_logged_then_counts_as_failed(lines: _Lines) -> None:
    step("fail_job", FailJob, lambda _: JobFailed("failed"), error="x")

    assert counted_by(lines.read()[0]) == {"steps", "step_duration", "jobs_ended", "jobs_failed"}


def test_refused_step_when_logged_then_counts_by_its_code(lines: _Lines) -> None:
    def refuse(_: Any) -> Any:
        raise NotFound("There is no job-1.")

    step("poll_clips", PollClips, refuse)

    (line,) = lines.read()
    assert counted_by(line) == {"steps", "step_duration", "polls"}
    assert line["outcome"] == "not_found"


def test_bug_when_logged_then_counts_as_one(lines: _Lines) -> None:
    def stumble(_: Any) -> Any:
        raise ZeroDivisionError

    step("poll_clips", PollClips, stumble)

    bug, ended = lines.read()
    assert counted_by(bug) == {"unexpected_errors"}
    assert counted_by(ended) == {"steps", "step_duration", "polls"}
    assert bug["severity"] == "ERROR"


@pytest.mark.parametrize("name", sorted(METRICS))
def test_labels_and_values_then_are_fields_of_the_lines_that_count(name: str, lines: _Lines) -> None:
    def stumble(_: Any) -> Any:
        raise ZeroDivisionError

    step("close_job", CloseJob, lambda _: JobClosed("complete"))
    step("fail_job", FailJob, lambda _: JobFailed("failed"), error="x")
    step("poll_clips", PollClips, stumble)
    counted = [line for line in lines.read() if name in counted_by(line)]
    fields = {*METRICS[name]["labels"].values(), *filter(None, [METRICS[name].get("value")])}

    assert counted
    assert all(fields <= set(line) for line in counted)
    assert not fields & {"prompt", "reason", "job_id"}, "a label with many values is dear"
