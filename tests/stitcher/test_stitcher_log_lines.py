"""The stitcher's line for each request, with the fields of the functions' lines."""

from typing import Any, NoReturn

import pytest

from promptreel.errors import Transient
from stitcher_service.http import create_app
from tests.loglines import counted_by, writing

JOB = "job-0123456789abcdef0123"


def away() -> NoReturn:
    raise Transient("Firestore is away.", code="unavailable")


def stumble() -> NoReturn:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("path", "body", "outcome", "status"),
    [
        ("/film", {"job_id": JOB, "run": 1}, "unavailable", 503),
        ("/film", {"job_id": JOB, "scene": "scene-01"}, "invalid", 422),
    ],
)
def test_log_line_of_a_refused_request_has_job_and_outcome(
    path: str, body: dict[str, Any], outcome: str, status: int
) -> None:
    with writing() as lines:
        answer = create_app(away).test_client().post(path, json=body, headers={"X-Promptreel-Execution": "e-7"})

    assert answer.status_code == status
    (line,) = lines.of("step")
    fields = {name: line[name] for name in ("action", "job_id", "outcome", "status")}
    assert fields == {"action": "stitch", "job_id": JOB, "outcome": outcome, "status": status}
    assert counted_by(line) == {"steps", "step_duration"}
    assert line["logging.googleapis.com/trace"] == f"projects/p/traces/000000000000{JOB.removeprefix('job-')}"
    assert line["logging.googleapis.com/labels"]["workflows.googleapis.com/execution_id"] == "e-7"


def test_unexpected_error_is_counted_with_its_stack_and_step() -> None:
    with writing() as lines:
        create_app(stumble).test_client().post("/preview", json={"job_id": JOB})

    (bug,) = lines.of("unexpected error")
    assert counted_by(bug) == {"unexpected_errors"}
    assert "ZeroDivisionError" in bug["stack_trace"]
    assert (bug["step"], bug["job_id"]) == ("preview", JOB)
