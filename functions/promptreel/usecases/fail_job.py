"""fail_job: the last step of a run that cannot go on. The job shows its owner the problem and the remedy."""

import json
from dataclasses import dataclass
from typing import Any

from promptreel.domain.document import Problem
from promptreel.services import Services
from promptreel.usecases import job_lifecycle

RETRY_REMEDY = "Resume the job; what is made and paid is kept."


@dataclass(frozen=True, slots=True)
class FailJob:
    """``error`` is what the workflow caught: a step's problem, an HTTP error, or any raised value."""

    job_id: str
    run: int
    error: Any


@dataclass(frozen=True, slots=True)
class JobFailed:
    """``state`` is ``failed``, the job's other final state, or ``superseded``."""

    state: str


def fail_job(cmd: FailJob, services: Services) -> JobFailed:
    """Fail the job with its problem, unless it has ended or has a newer run."""
    problem = problem_of(cmd.error)
    job = job_lifecycle.fail(cmd.job_id, cmd.run, problem, services)
    return JobFailed("superseded" if job is None else job.state.value.lower())


def problem_of(error: Any) -> Problem:
    """The problem in whatever a workflow catches."""
    if not isinstance(error, dict):
        return Problem(code="step_failed", message=str(error), remedy=RETRY_REMEDY)
    body = error.get("body")
    problem = body if isinstance(body, dict) else error
    texts = {name: problem[name] for name in Problem.model_fields if isinstance(problem.get(name), str)}
    if {"code", "message"} <= texts.keys():
        return Problem(**texts)
    branches = error.get("branches")
    if isinstance(branches, list) and branches:
        return problem_of(_payload(branches[0]))
    message = str(error.get("message") or json.dumps(error))
    return Problem(code="step_failed", message=message, remedy=RETRY_REMEDY)


def _payload(branch: Any) -> Any:
    """What a parallel branch raised, as UnhandledBranchError reports it."""
    payload = branch.get("error", {}).get("payload") if isinstance(branch, dict) else branch
    try:
        return json.loads(payload) if isinstance(payload, str) else payload
    except ValueError:
        return payload
