"""What the programs of a whole stack log for one film with one refusal: every metric counts what happened."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from client.api import PromptreelClient
from client.views import event_lines
from localcloud.tests.waiting import eventually
from tests.e2e.stack import BY_VEO, Stack
from tests.loglines import METRICS, Line, counted_by, structured

REFUSED_FOR = "22137204"  # its first remedy is another seed, which costs nothing extra
PROMPT = "A lighthouse keeper waits for the night ferry"
PAID = {"SETTLED", "ADOPTED"}


@pytest.fixture(scope="module")
def film(shared_stack: Stack) -> dict[str, Any]:
    """A complete film of one scene whose clip was refused once, with its ledger and log lines."""
    refusal = {"model": "veo-*", "method": "predictLongRunning", "fault": "rai", "args": {"codes": [REFUSED_FOR]}}
    shared_stack.vertex("POST", "faults", [{**refusal, "nth": [1]}])
    job = shared_stack.wait(shared_stack.submit(PROMPT, scenes=1, duration_s=4, **BY_VEO), "COMPLETE")
    shared_stack.vertex("DELETE", "faults")

    def find() -> list[Line] | None:  # close_job logs its line after the state that a caller can see
        lines = lines_of(shared_stack, job["id"])
        return lines if any(line.get("action") == "close_job" and "status" in line for line in lines) else None

    lines = eventually(find, "the line of close_job")
    return {"job": job, "calls": shared_stack.ledger(job["id"])["calls"], "lines": lines}


def lines_of(stack: Stack, job_id: str) -> list[Line]:
    """One job's lines in the log files of all programs, in order of time within each file."""
    files = sorted(Path(stack.state["logs"]).glob("*.log"))
    lines = [line for file in files for line in structured(file.read_text(errors="replace"))]
    return [line for line in lines if line.get("job_id") == job_id]


def counted(film: dict[str, Any], metric: str) -> list[Line]:
    """The lines that a metric counts."""
    return [line for line in film["lines"] if metric in counted_by(line)]


def test_job_ending_is_logged_once_when_the_film_is_complete(film: dict[str, Any]) -> None:
    (end,) = counted(film, "jobs_ended")

    spent = sum(call["cost_micros"] for call in film["calls"])
    assert (end["message"], end["state"], end["scenes"], end["spent_micros"]) == ("job_complete", "COMPLETE", 1, spent)
    assert end["makespan_s"] > 0
    assert [len(counted(film, name)) for name in ("jobs_complete", "makespan", "jobs_failed", "jobs_withdrawn")] == [
        1, 1, 0, 0,
    ]  # fmt: skip


def test_call_ending_is_logged_once_with_its_cost(film: dict[str, Any]) -> None:
    ended = counted(film, "calls_ended")

    assert Counter((line["call_id"], line["cost_micros"]) for line in ended) == Counter(
        (call["id"], call["cost_micros"]) for call in film["calls"]
    )
    paid = [call for call in film["calls"] if call["state"] in PAID]
    assert len(counted(film, "spend")) == len(paid)
    assert sum(line["cost_micros"] for line in counted(film, "spend")) == sum(call["cost_micros"] for call in paid)


def test_refusal_is_counted_once_by_its_code_when_a_clip_is_refused_once(film: dict[str, Any]) -> None:
    (refusal,) = counted(film, "refusals")

    assert (refusal["code"], refusal["attempt"], refusal["cost_micros"]) == (REFUSED_FOR, 1, 0)
    assert refusal["scene_id"].startswith("scene-")


def test_step_is_logged_with_duration_and_outcome_for_each_call(film: dict[str, Any]) -> None:
    steps = counted(film, "steps")

    by_name = Counter(line["action"] for line in steps)
    assert {"open_job", "write_storyboard", "close_job", "stitch"} <= by_name.keys()
    assert by_name["close_job"] == 1
    assert by_name["submit_clip"] >= 2  # the second one is the second attempt
    assert counted(film, "step_duration") == steps
    assert len(counted(film, "polls")) == by_name["poll_clips"]
    assert all(line["status"] == 200 for line in steps)
    assert counted(film, "unexpected_errors") == []


def test_log_lines_of_one_job_share_one_trace_and_name_its_execution(film: dict[str, Any], shared_stack: Stack) -> None:
    job = film["job"]
    trace = f"projects/{shared_stack.project}/traces/000000000000{job['id'].removeprefix('job-')}"
    execution = job["execution"].rpartition("/")[2]
    labels = [line["logging.googleapis.com/labels"] for line in film["lines"]]

    assert {line["logging.googleapis.com/trace"] for line in film["lines"]} == {trace}
    assert {label.get("workflows.googleapis.com/execution_id", execution) for label in labels} == {execution}
    unlabelled = {
        line.get("action", line["message"])
        for line, label in zip(film["lines"], labels, strict=True)
        if "workflows.googleapis.com/execution_id" not in label
    }
    assert unlabelled <= {"job_submitted", "submit_clip", "sweep_jobs"}  # called by people, tasks and the scheduler


def test_events_contain_the_refusal_its_remedy_and_every_cost(film: dict[str, Any], shared_stack: Stack) -> None:
    with PromptreelClient(shared_stack.state["api"], shared_stack.state["tokens"]["owner"]) as client:
        events = client.events(film["job"]["id"])

    states = [event["state"] for event in events if event["event"] == "state"]
    assert states == ["PENDING", "STORYBOARD", "KEYFRAMES", "VIDEO_GEN", "STITCH", "COMPLETE"]
    refused, delivered = [event for event in events if event["event"] == "try"]
    assert (refused["codes"], refused["remedy"], delivered["outcome"]) == ([REFUSED_FOR], "reseed", "delivered")
    costs = {event["call"]: event["cost_micros"] for event in events if "cost_micros" in event}
    assert costs == {call["id"]: call["cost_micros"] for call in film["calls"]}
    assert event_lines(events)[-1].endswith("COMPLETE")


def test_log_lines_contain_neither_prompt_nor_signed_url(film: dict[str, Any]) -> None:
    text = json.dumps(film["lines"])

    assert PROMPT not in text
    assert "X-Goog-Signature" not in text


def test_metrics_count_what_happened_to_the_film(film: dict[str, Any]) -> None:
    counted = set().union(*map(counted_by, film["lines"]))

    assert METRICS.keys() - counted == {
        "approvals_waiting",
        "jobs_failed",
        "jobs_stuck",
        "jobs_withdrawn",
        "models_ending",
        "unexpected_errors",
    }
