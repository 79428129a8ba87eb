"""``experimental.executions.*``: other workflows, run and waited for. The connector does the work."""

from localcloud.workflows.connectors.calls import call_connector
from localcloud.workflows.connectors.methods import RUN_WORKFLOW
from localcloud.workflows.faults import Raised, fault
from localcloud.workflows.program.frames import Frame
from localcloud.workflows.program.parallel import AT_ONCE_LIMIT, at_once
from localcloud.workflows.stdlib.functions import Namespace, need, need_number
from localcloud.workflows.values import Value

namespace = Namespace()

DEFAULT_TIMEOUT_S = 1800.0


@namespace.calling("experimental.executions.run", "workflow_id", location=None, project_id=None, argument=None)
async def run(frame: Frame, workflow_id: Value, location: Value, project_id: Value, argument: Value) -> Value:
    return await _result(frame, workflow_id, location, project_id, argument, DEFAULT_TIMEOUT_S)


@namespace.calling(
    "experimental.executions.map",
    "workflow_id",
    "arguments",
    timeout=DEFAULT_TIMEOUT_S,
    location=None,
    project_id=None,
)
async def map_(
    frame: Frame,
    workflow_id: Value,
    arguments: Value,
    timeout: Value,  # noqa: ASYNC109 - the argument's name
    location: Value,
    project_id: Value,
) -> Value:
    """One execution for each argument; the results in the order of the arguments."""
    need(list, arguments, "arguments")
    need_number(timeout, "timeout")
    results: dict[int, Value] = {}
    waiting = iter(enumerate(arguments))

    async def work() -> None:
        for index, argument in waiting:
            results[index] = await _result(frame, workflow_id, location, project_id, argument, timeout)

    await at_once([work() for _ in range(min(AT_ONCE_LIMIT, len(arguments)))])
    return [results[index] for index in range(len(arguments))]


async def _result(
    frame: Frame, workflow_id: Value, location: Value, project_id: Value, argument: Value, timeout_s: float
) -> Value:
    named = {"workflow_id": workflow_id, "location": location, "project_id": project_id, "argument": argument}
    given = {name: value for name, value in named.items() if value is not None}
    try:
        return await call_connector(RUN_WORKFLOW, frame, {**given, "connector_params": {"timeout": timeout_s}})
    except Raised as error:
        if "OperationError" in error.value["tags"]:  # a connector only raises what the language itself would
            raise fault("ExecutionError", error.value["message"], operation=error.value.get("operation")) from error
        raise
