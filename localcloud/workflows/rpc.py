"""The gRPC surface: Google's own messages in and out, translated to the REST form by protobuf's JSON mapping."""

from collections.abc import Callable
from typing import Any

import grpc
from google.cloud import workflows_v1
from google.cloud.location import locations_pb2
from google.cloud.workflows import executions_v1
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2, json_format

from localcloud.serving import LOOPBACK, ApiError
from localcloud.workflows.deployments import Deployments
from localcloud.workflows.executions import Executions
from localcloud.workflows.resources import Page, Resource

Answer = Callable[[Resource], Resource]


def _page(request: Resource) -> Page:
    read = request.get
    return Page(int(read("pageSize", 0)), read("pageToken", ""), read("filter", ""), read("orderBy", ""))


def _workflows(deployments: Deployments) -> dict[str, tuple[Any, Any, Answer]]:
    workflow, operation = workflows_v1.Workflow.pb(), operations_pb2.Operation
    listed, revisions = workflows_v1.ListWorkflowsResponse.pb(), workflows_v1.ListWorkflowRevisionsResponse.pb()
    return {
        "CreateWorkflow": (
            workflows_v1.CreateWorkflowRequest.pb(),
            operation,
            lambda r: deployments.create(r.get("parent", ""), r.get("workflowId", ""), r.get("workflow", {})),
        ),
        "GetWorkflow": (
            workflows_v1.GetWorkflowRequest.pb(),
            workflow,
            lambda r: deployments.get(r.get("name", ""), r.get("revisionId", "")),
        ),
        "ListWorkflows": (
            workflows_v1.ListWorkflowsRequest.pb(),
            listed,
            lambda r: deployments.listed(r.get("parent", ""), _page(r)),
        ),
        "UpdateWorkflow": (
            workflows_v1.UpdateWorkflowRequest.pb(),
            operation,
            lambda r: deployments.update(
                r.get("workflow", {}).get("name", ""), r.get("workflow", {}), r.get("updateMask", "")
            ),
        ),
        "DeleteWorkflow": (
            workflows_v1.DeleteWorkflowRequest.pb(),
            operation,
            lambda r: deployments.delete(r.get("name", "")),
        ),
        "ListWorkflowRevisions": (
            workflows_v1.ListWorkflowRevisionsRequest.pb(),
            revisions,
            lambda r: deployments.revisions(r.get("name", ""), _page(r)),
        ),
    }


def _operations(deployments: Deployments) -> dict[str, tuple[Any, Any, Answer]]:
    return {
        "GetOperation": (
            operations_pb2.GetOperationRequest,
            operations_pb2.Operation,
            lambda r: deployments.operation(r.get("name", "")),
        ),
        "ListOperations": (
            operations_pb2.ListOperationsRequest,
            operations_pb2.ListOperationsResponse,
            lambda r: deployments.operations(r.get("name", "").removesuffix("/operations"), _page(r)),
        ),
        "DeleteOperation": (
            operations_pb2.DeleteOperationRequest,
            empty_pb2.Empty,  # type: ignore[attr-defined] # built when imported
            lambda r: deployments.delete_operation(r.get("name", "")),
        ),
    }


def _locations(deployments: Deployments) -> dict[str, tuple[Any, Any, Answer]]:
    return {
        "ListLocations": (
            locations_pb2.ListLocationsRequest,
            locations_pb2.ListLocationsResponse,
            lambda r: deployments.locations(r.get("name", "").removesuffix("/locations"), _page(r)),
        ),
        "GetLocation": (
            locations_pb2.GetLocationRequest,
            locations_pb2.Location,
            lambda r: deployments.location(r.get("name", "")),
        ),
    }


def _executions(executions: Executions) -> dict[str, tuple[Any, Any, Answer]]:
    execution = executions_v1.Execution.pb()
    return {
        "CreateExecution": (
            executions_v1.CreateExecutionRequest.pb(),
            execution,
            lambda r: executions.create(r.get("parent", ""), r.get("execution", {})),
        ),
        "GetExecution": (
            executions_v1.GetExecutionRequest.pb(),
            execution,
            lambda r: executions.get(r.get("name", ""), r.get("view", "")),
        ),
        "ListExecutions": (
            executions_v1.ListExecutionsRequest.pb(),
            executions_v1.ListExecutionsResponse.pb(),
            lambda r: executions.listed(r.get("parent", ""), _page(r), r.get("view", "")),
        ),
        "CancelExecution": (
            executions_v1.CancelExecutionRequest.pb(),
            execution,
            lambda r: executions.cancel(r.get("name", "")),
        ),
    }


def server(port: int, deployments: Deployments, executions: Executions) -> tuple[grpc.aio.Server, int]:
    """The server, not yet started, and the port it is bound to (chosen by the system for port 0)."""
    made = grpc.aio.server()
    for service, methods in {
        "google.cloud.workflows.v1.Workflows": _workflows(deployments),
        "google.longrunning.Operations": _operations(deployments),
        "google.cloud.location.Locations": _locations(deployments),
        "google.cloud.workflows.executions.v1.Executions": _executions(executions),
    }.items():
        handlers = {name: _handler(*method) for name, method in methods.items()}
        made.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    return made, made.add_insecure_port(f"{LOOPBACK}:{port}")


def _handler(request_type: Any, response_type: Any, answer: Answer) -> Any:
    async def call(request: Any, context: Any) -> Any:
        try:
            resource = answer(json_format.MessageToDict(request))
        except ApiError as error:
            await context.abort(grpc.StatusCode[error.status], error.message)
            raise  # never reached, abort() has raised
        return json_format.ParseDict(resource, response_type(), ignore_unknown_fields=True)

    return grpc.unary_unary_rpc_method_handler(
        call, request_deserializer=request_type.FromString, response_serializer=response_type.SerializeToString
    )
