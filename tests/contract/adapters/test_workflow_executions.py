"""The executions adapter before the stand-in: started with the job and its run, cancelled, and looked at."""

import json
from collections.abc import Callable
from uuid import uuid4

import pytest

from localcloud.tests.loopback import free_port
from localcloud.tests.waiting import eventually
from localcloud.tests.workflows.service.conftest import StandIn
from promptreel.adapters.workflows import WorkflowExecutions
from promptreel.errors import NotFound, Transient

PARENT = "/v1/projects/local/locations/us-central1"
SLEEPING = """
main:
  params: [input]
  steps:
    - sleep: {call: sys.sleep, args: {seconds: 3600}}
"""
ECHOING = """
main:
  params: [input]
  steps:
    - answer: {return: "${input}"}
"""


def deployed(stand_in: StandIn, source: str) -> WorkflowExecutions:
    """The adapter for a newly deployed workflow."""
    workflow = f"w-{uuid4().hex[:8]}"
    stand_in.post(f"{PARENT}/workflows?workflowId={workflow}", {"sourceContents": source})
    return WorkflowExecutions("local", "us-central1", workflow, stand_in.grpc)


def test_execution_is_started_with_the_job_and_its_run(stand_in: StandIn) -> None:
    executions = deployed(stand_in, ECHOING)

    name = executions.start("job-1", 2)

    eventually(lambda: not executions.is_active(name))
    stored = stand_in.get(f"/v1/{name}?view=FULL")
    assert (stored["state"], stored["labels"]) == ("SUCCEEDED", {"job": "job-1"})
    assert json.loads(stored["result"]) == {"job_id": "job-1", "run": 2}


def test_full_name_is_that_of_a_started_execution(stand_in: StandIn) -> None:
    executions = deployed(stand_in, ECHOING)
    name = executions.start("job-1", 1)

    assert name == executions.full_name(name.rpartition("/")[2])


def test_execution_is_active_until_it_is_cancelled(stand_in: StandIn) -> None:
    executions = deployed(stand_in, SLEEPING)
    name = executions.start("job-1", 1)
    assert executions.is_active(name)

    executions.cancel(name)

    assert not executions.is_active(name)
    assert stand_in.get(f"/v1/{name}")["state"] == "CANCELLED"


def test_execution_is_active_when_it_waits_for_a_free_place(launch: Callable[..., StandIn]) -> None:
    one_at_a_time = launch("--at-once", "1")
    executions = deployed(one_at_a_time, SLEEPING)
    executions.start("job-1", 1)
    waiting = executions.start("job-2", 1)

    assert one_at_a_time.get(f"/v1/{waiting}")["state"] == "QUEUED"
    assert executions.is_active(waiting)


def test_cancel_changes_nothing_when_the_execution_has_ended(stand_in: StandIn) -> None:
    executions = deployed(stand_in, ECHOING)
    name = executions.start("job-1", 1)
    eventually(lambda: not executions.is_active(name))

    executions.cancel(name)

    assert stand_in.get(f"/v1/{name}")["state"] == "SUCCEEDED"


@pytest.mark.parametrize("execution_id", ["00000000-0000-0000-0000-000000000000", "no-such-execution"])
def test_unknown_execution_is_not_active_and_may_be_cancelled(stand_in: StandIn, execution_id: str) -> None:
    executions = deployed(stand_in, ECHOING)
    name = executions.full_name(execution_id)

    assert not executions.is_active(name)
    executions.cancel(name)


def test_start_is_not_found_when_the_workflow_is_not_deployed(stand_in: StandIn) -> None:
    with pytest.raises(NotFound):
        WorkflowExecutions("local", "us-central1", "no-such-workflow", stand_in.grpc).start("job-1", 1)


def test_start_and_look_are_transient_when_nothing_listens() -> None:
    executions = WorkflowExecutions("local", "us-central1", "film", f"127.0.0.1:{free_port()}")

    with pytest.raises(Transient):
        executions.start("job-1", 1)
    with pytest.raises(Transient):
        executions.is_active(executions.full_name("x"))
    with pytest.raises(Transient):
        executions.cancel(executions.full_name("x"))
