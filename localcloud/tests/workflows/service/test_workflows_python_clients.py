"""The official Python clients, unmodified, against the gRPC port."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import workflows_v1
from google.cloud.workflows import executions_v1
from google.cloud.workflows.executions_v1.services.executions.transports import ExecutionsGrpcTransport
from google.cloud.workflows_v1.services.workflows.transports import WorkflowsGrpcTransport

from localcloud.tests.waiting import PATIENCE_S, eventually

PARENT = "projects/local/locations/us-central1"
ECHO = "main:\n  params: [input]\n  steps:\n  - give:\n      return: ${input}\n"
NAP = "main:\n  steps:\n  - nap:\n      call: sys.sleep\n      args: {seconds: 3600}\n"

State = executions_v1.Execution.State


@pytest.fixture
def channel(stand_in: Any) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(stand_in.grpc) as opened:
        yield opened


@pytest.fixture
def workflows(channel: grpc.Channel) -> workflows_v1.WorkflowsClient:
    return workflows_v1.WorkflowsClient(transport=WorkflowsGrpcTransport(channel=channel))


@pytest.fixture
def executions(channel: grpc.Channel) -> executions_v1.ExecutionsClient:
    return executions_v1.ExecutionsClient(transport=ExecutionsGrpcTransport(channel=channel))


@pytest.fixture
def deployed(workflows: Any) -> Callable[[str], Any]:
    def create(source: str) -> Any:
        workflow = workflows_v1.Workflow(source_contents=source, user_env_vars={"A": "b"})
        operation = workflows.create_workflow(parent=PARENT, workflow=workflow, workflow_id=f"w-{uuid.uuid4()}")
        return operation.result(timeout=PATIENCE_S)

    return create


def test_workflow_succeeds_when_deployed_and_run_by_the_clients(workflows: Any, executions: Any, deployed: Any) -> None:
    workflow = deployed(ECHO)
    argument = json.dumps({"prompt": "ünï", "n": [1, 2.5, None]})
    started = executions.create_execution(parent=workflow.name, execution={"argument": argument})

    def finished() -> Any:
        found = executions.get_execution(name=started.name)
        return found if found.state != State.ACTIVE else None

    execution = eventually(finished, "the end of the execution")
    assert (execution.state, json.loads(execution.result)) == (State.SUCCEEDED, json.loads(argument))
    assert execution.workflow_revision_id == workflow.revision_id
    assert execution.duration.total_seconds() >= 0
    assert [step.step for step in execution.status.current_steps] == ["give"]
    assert workflows.get_workflow(name=workflow.name).user_env_vars == {"A": "b"}


def test_execution_is_cancelled_when_cancelled_by_the_client(executions: Any, deployed: Any) -> None:
    workflow = deployed(NAP)
    started = executions.create_execution(parent=workflow.name)
    cancelled = executions.cancel_execution(name=started.name)
    listed = list(executions.list_executions(parent=workflow.name))

    assert cancelled.state == State.CANCELLED
    assert [(found.name, found.state) for found in listed] == [(started.name, State.CANCELLED)]
    with pytest.raises(FailedPrecondition):
        executions.cancel_execution(name=started.name)


def test_revisions_are_listed_when_workflow_is_updated_by_the_client(workflows: Any, deployed: Any) -> None:
    workflow = deployed(ECHO)
    changed = workflows_v1.Workflow(name=workflow.name, source_contents=NAP)
    request = {"workflow": changed, "update_mask": {"paths": ["source_contents"]}}
    updated = workflows.update_workflow(request=request).result(timeout=PATIENCE_S)
    revisions = list(workflows.list_workflow_revisions(request={"name": workflow.name}))

    assert (updated.source_contents, updated.user_env_vars) == (NAP, {"A": "b"})
    assert [found.revision_id[:6] for found in revisions] == ["000002", "000001"]


def test_workflow_is_gone_when_deleted_by_the_client(workflows: Any, deployed: Any) -> None:
    workflow = deployed(ECHO)
    workflows.delete_workflow(name=workflow.name).result(timeout=PATIENCE_S)

    assert workflow.name not in [found.name for found in workflows.list_workflows(parent=PARENT)]
    with pytest.raises(NotFound):
        workflows.get_workflow(name=workflow.name)


def test_failures_have_their_status_when_answered_over_grpc(workflows: Any, executions: Any, deployed: Any) -> None:
    workflow = deployed(ECHO)
    taken = workflow.name.rpartition("/")[2]

    with pytest.raises(AlreadyExists):
        workflows.create_workflow(parent=PARENT, workflow=workflow, workflow_id=taken)
    bad = workflows_v1.Workflow(source_contents="main: {}")
    with pytest.raises(InvalidArgument, match="line 1"):
        workflows.create_workflow(parent=PARENT, workflow=bad, workflow_id=f"w-{uuid.uuid4()}")
    with pytest.raises(NotFound):
        executions.get_execution(name=f"{workflow.name}/executions/none")


def test_filter_order_view_and_pages_apply_when_the_client_lists_executions(executions: Any, deployed: Any) -> None:
    workflow = deployed(ECHO)
    names = [
        executions.create_execution(parent=workflow.name, execution={"argument": str(n), "labels": {"n": str(n)}}).name
        for n in range(5)
    ]
    eventually(
        lambda: all(executions.get_execution(name=name).state == State.SUCCEEDED for name in names),
        "the end of all executions",
    )

    def listed(**request: Any) -> list[Any]:
        return list(executions.list_executions(request={"parent": workflow.name, **request}))

    assert [found.name for found in listed(page_size=2)] == names[::-1]
    assert [found.name for found in listed(order_by="startTime")] == names
    assert [found.name for found in listed(filter='labels.n="3" OR labels.n="4"')] == [names[4], names[3]]
    assert {found.argument for found in listed()} == {""}
    assert [found.result for found in listed(view="FULL")] == ["4", "3", "2", "1", "0"]
    assert executions.get_execution(request={"name": names[0], "view": "BASIC"}).result == ""


def test_client_gets_invalid_argument_when_filter_is_not_understood(executions: Any, deployed: Any) -> None:
    workflow = deployed(ECHO)

    with pytest.raises(InvalidArgument, match="not understood"):
        list(executions.list_executions(request={"parent": workflow.name, "filter": "state"}))


def test_operations_and_locations_are_there_when_asked_for_by_the_client(workflows: Any) -> None:
    workflow = workflows_v1.Workflow(source_contents=ECHO)
    operation = workflows.create_workflow(parent=PARENT, workflow=workflow, workflow_id=f"w-{uuid.uuid4()}").operation
    listed = [found.name for found in workflows.list_operations({"name": PARENT}).operations]
    fetched = workflows.get_operation({"name": operation.name})
    workflows.delete_operation({"name": operation.name})
    locations = [found.location_id for found in workflows.list_locations({"name": "projects/local"}).locations]

    assert operation.name in listed
    assert fetched.done
    assert "us-central1" in locations
    assert workflows.get_location({"name": PARENT}).location_id == "us-central1"
    with pytest.raises(NotFound):
        workflows.get_operation({"name": operation.name})


def test_workflow_comes_back_the_same_when_created_by_the_client_with_everything(workflows: Any) -> None:
    given = {
        "source_contents": ECHO,
        "description": "all of it",
        "labels": {"team": "film"},
        "service_account": "projects/local/serviceAccounts/me@local.iam.gserviceaccount.com",
        "call_log_level": workflows_v1.Workflow.CallLogLevel.LOG_ALL_CALLS,
        "user_env_vars": {"A": "1"},
        "execution_history_level": workflows_v1.ExecutionHistoryLevel.EXECUTION_HISTORY_DETAILED,
    }
    name = f"w-{uuid.uuid4()}"
    request = {"parent": PARENT, "workflow": given, "workflow_id": name}
    made = workflows.create_workflow(request=request).result(timeout=PATIENCE_S)
    found = workflows.get_workflow(request={"name": made.name, "revision_id": made.revision_id})

    assert {field: getattr(found, field) for field in given} == given
    assert (found.state, found.name) == (workflows_v1.Workflow.State.ACTIVE, f"{PARENT}/workflows/{name}")
    assert found.create_time == found.revision_create_time == found.update_time


def test_workflows_are_the_same_ones_when_listed_by_the_client_over_rest(stand_in: Any, deployed: Any) -> None:
    workflow = deployed(ECHO)
    options = ClientOptions(api_endpoint=stand_in.rest)
    rest = workflows_v1.WorkflowsClient(transport="rest", client_options=options, credentials=AnonymousCredentials())

    with rest:
        request = {"parent": PARENT, "filter": f'name="{workflow.name}"'}
        assert [found.name for found in rest.list_workflows(request=request)] == [workflow.name]
        rest.delete_workflow(name=workflow.name).result(timeout=PATIENCE_S)
        with pytest.raises(NotFound):
            rest.get_workflow(name=workflow.name)


def test_failed_execution_shows_its_error_when_fetched_by_the_client(executions: Any, deployed: Any) -> None:
    workflow = deployed("main:\n  steps:\n  - bad:\n      raise: {code: 7}\n")
    name = executions.create_execution(parent=workflow.name).name
    eventually(lambda: executions.get_execution(name=name).state == State.FAILED, "the failure")
    error = executions.get_execution(name=name).error

    assert json.loads(error.payload) == {"code": 7}
    assert 'in step "bad", routine "main", line: 4' in error.context
    assert [(e.step, e.routine, e.position.line) for e in error.stack_trace.elements] == [("bad", "main", 4)]
