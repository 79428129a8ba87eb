"""Executions: start, watch, list, cancel. They live in memory and end with the process."""

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from localcloud.serving import ApiError
from localcloud.workflows import engine, history
from localcloud.workflows.catalogue import Catalogue, Deployed
from localcloud.workflows.faults import fault
from localcloud.workflows.filters import matching, ordered
from localcloud.workflows.program.calls import MISSING
from localcloud.workflows.program.frames import Run, World
from localcloud.workflows.report import error_resource
from localcloud.workflows.resources import FIRST_PAGE, Page, Resource, duration, page, project_number, timestamp
from localcloud.workflows.values import Value, from_json

logger = logging.getLogger(__name__)

ARGUMENT_LIMIT_BYTES = 32 * 1024
_GIVEN = ("argument", "callLogLevel", "labels", "executionHistoryLevel", "disableConcurrencyQuotaOverflowBuffering")
_LARGE = {"argument", "result"}  # what the BASIC view leaves out
_CANCELLED = {"payload": '"Execution was cancelled"', "context": "Execution was cancelled"}


@dataclass(slots=True, eq=False)
class Execution:
    """One execution: what the API shows of it, and the task that runs it while it is ACTIVE."""

    resource: Resource
    run: Run
    started_s: float
    task: "asyncio.Task[None] | None" = None

    @property
    def name(self) -> str:
        return str(self.resource["name"])

    @property
    def is_active(self) -> bool:
        return bool(self.resource["state"] == "ACTIVE")

    def shown(self) -> Resource:
        return {**self.resource, "status": {"currentSteps": engine.current_steps(self.run)}}


class Executions:
    def __init__(self, catalogue: Catalogue, world: World, now_s: Callable[[], float], origin: str) -> None:
        """``origin`` is where the REST surface answers: callback URLs begin with it."""
        self._origin = origin
        self._catalogue = catalogue
        self._world = world
        self._now_s = now_s
        self._executions: dict[str, Execution] = {}

    def create(self, workflow: str, given: Resource) -> Resource:
        deployed = self._catalogue.latest(workflow)
        argument = _argument(given)
        id_ = str(uuid.uuid4())
        now_s = self._now_s()
        labels = {**deployed.resource.get("labels", {}), **given.get("labels", {})}
        resource = {
            "name": f"{workflow}/executions/{id_}",
            "createTime": timestamp(now_s),
            "startTime": timestamp(now_s),
            "state": "ACTIVE",
            "callLogLevel": deployed.resource.get("callLogLevel"),
            **{field: given[field] for field in _GIVEN if field in given},
            "workflowRevisionId": deployed.resource["revisionId"],
            **({"labels": labels} if labels else {}),
        }
        callbacks_base = f"{self._origin}/v1/{resource['name']}/callbacks"
        run = engine.start(deployed.program, self._world, environment(deployed, id_), callbacks_base)
        execution = Execution(resource, run, now_s)
        self._executions[execution.name] = execution
        execution.task = asyncio.get_running_loop().create_task(self._carry_out(execution, argument))
        return execution.shown()

    async def _carry_out(self, execution: Execution, argument: Value) -> None:
        try:
            outcome = await engine.execute(execution.run, argument)
        except Exception:  # a bug of this stand-in must not leave an execution ACTIVE for ever
            logger.exception("%s broke the interpreter", execution.name)
            outcome = engine.Failed(error_resource(fault("SystemError", "internal error of the stand-in")))
        if isinstance(outcome, engine.Succeeded):
            self._end(execution, {"state": "SUCCEEDED", "result": outcome.result})
        else:
            self._end(execution, {"state": "FAILED", "error": dict(outcome.error)})

    def _end(self, execution: Execution, fields: Resource) -> None:
        now_s = self._now_s()
        ended = {"endTime": timestamp(now_s), "duration": duration(now_s - execution.started_s)}
        execution.resource = {**execution.resource, **fields, **ended}

    def get(self, name: str, view: str = "") -> Resource:
        shown = self._existing(name).shown()
        return _brief(shown) if view == "BASIC" else shown

    def listed(self, workflow: str, wanted: Page = FIRST_PAGE, view: str = "") -> Resource:
        """Newest first, unless an order is asked for."""
        self._catalogue.latest(workflow)
        prefix = f"{workflow}/executions/"
        newest_first = reversed(self._executions.items())
        found = [execution.shown() for name, execution in newest_first if name.startswith(prefix)]
        items, following = page(ordered(matching(found, wanted.filter), wanted.order_by), wanted)
        shown = [item if view == "FULL" else _brief(item) for item in items]
        return {"executions": shown, "nextPageToken": following}

    def cancel(self, name: str) -> Resource:
        """Stop the execution at once, whatever it waits for. What it was doing outside goes on, as in the service."""
        execution = self._existing(name)
        if not execution.is_active:
            raise ApiError(400, f"Execution '{name}' has already ended", "FAILED_PRECONDITION")
        if execution.task is not None:
            execution.task.cancel()
        execution.run.journal.cancel()
        self._end(execution, {"state": "CANCELLED", "error": dict(_CANCELLED)})
        return execution.shown()

    def step_entries(self, name: str, wanted: Page = FIRST_PAGE) -> Resource:
        entries = self._existing(name).run.journal.entries
        items, following = page(entries, wanted)
        shown = [history.step_entry(name, entry) for entry in items]
        return {"stepEntries": shown, "totalSize": len(entries), "nextPageToken": following}

    def step_entry(self, name: str) -> Resource:
        execution, _, id_ = name.partition("/stepEntries/")
        found = (entry for entry in self._existing(execution).run.journal.entries if str(entry.id) == id_)
        entry = next(found, None)
        if entry is None:
            raise ApiError(404, f"Step entry '{name}' does not exist")
        return history.step_entry(execution, entry)

    def callbacks(self, name: str, wanted: Page = FIRST_PAGE) -> Resource:
        callbacks = self._existing(name).run.callbacks.by_id.values()
        items, following = page([history.callback(name, callback) for callback in callbacks], wanted)
        return {"callbacks": list(items), "nextPageToken": following}

    def call_back(self, name: str, request: Resource) -> Resource:
        """Somebody calls a callback URL. Raises: ApiError 404 when it is too late, 429 while another call is kept."""
        execution_name, _, id_ = name.partition("/callbacks/")
        execution = self._existing(execution_name)
        callback = execution.run.callbacks.by_id.get(id_)
        if callback is None or not execution.is_active:
            raise ApiError(404, f"Callback '{name}' does not exist")
        if request["method"] != callback.method:
            raise ApiError(405, f"this callback expects {callback.method}", "INVALID_ARGUMENT")
        received = {"http_request": request, "received_time": timestamp(self._now_s()), "type": "HTTP"}
        if not callback.deliver(received):
            raise ApiError(429, "an earlier request has not been processed yet")
        return {}

    def everything(self) -> list[Resource]:
        return [execution.shown() for execution in self._executions.values()]

    async def close(self) -> None:
        """Stop whatever still runs."""
        tasks = [execution.task for execution in self._executions.values() if execution.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _existing(self, name: str) -> Execution:
        if name not in self._executions:
            raise ApiError(404, f"Execution '{name}' does not exist")
        return self._executions[name]


def environment(deployed: Deployed, execution_id: str) -> dict[str, str]:
    """The user's variables and the service's own."""
    resource = deployed.resource
    _, project, _, location, _, workflow_id = resource["name"].split("/")
    number = project_number(project)
    account = resource.get("serviceAccount") or f"{number}-compute@developer.gserviceaccount.com"
    return {
        **resource.get("userEnvVars", {}),
        "GOOGLE_CLOUD_LOCATION": location,
        "GOOGLE_CLOUD_PROJECT_ID": project,
        "GOOGLE_CLOUD_PROJECT_NUMBER": number,
        "GOOGLE_CLOUD_SERVICE_ACCOUNT_NAME": account.rpartition("/")[2],
        "GOOGLE_CLOUD_WORKFLOW_ID": workflow_id,
        "GOOGLE_CLOUD_WORKFLOW_REVISION_ID": resource["revisionId"],
        "GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID": execution_id,
    }


def _brief(shown: Resource) -> Resource:
    return {field: value for field, value in shown.items() if field not in _LARGE}


def _argument(given: Resource) -> Value:
    text = given.get("argument")
    if not text:
        return MISSING
    if len(text.encode()) > ARGUMENT_LIMIT_BYTES:
        raise ApiError(400, f"the argument is longer than {ARGUMENT_LIMIT_BYTES} bytes")
    try:
        return from_json(text)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"the argument is not JSON: {error}") from error
