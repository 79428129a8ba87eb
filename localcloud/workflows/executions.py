"""Executions: start, queue, watch, list, cancel. They live in memory and end with the process."""

import asyncio
import json
import logging
import uuid
from collections import deque
from collections.abc import Callable

from localcloud.serving import ApiError
from localcloud.workflows import engine, step_entries
from localcloud.workflows.deployments import Deployments
from localcloud.workflows.execution import (
    NOWHERE,
    UNFINISHED,
    Execution,
    Remembered,
    check_view,
    environment,
    recording,
)
from localcloud.workflows.faults import fault
from localcloud.workflows.filters import filter_resources, sort_resources
from localcloud.workflows.program.frames import Runtime
from localcloud.workflows.pubsub import cloud_event
from localcloud.workflows.report import error_resource
from localcloud.workflows.resources import FIRST_PAGE, Page, Resource, duration, page, timestamp
from localcloud.workflows.validation import argument_of, execution_fields

logger = logging.getLogger(__name__)

AT_ONCE = 10_000
"""How many executions run at the same time before the next ones are QUEUED."""

KEPT = 20_000
"""How many ended executions are kept; Google keeps them for 90 days."""

_CANCELLED = {"payload": '"Execution was cancelled"', "context": "Execution was cancelled"}


class Executions:
    def __init__(
        self,
        deployments: Deployments,
        runtime: Runtime,
        now_s: Callable[[], float],
        origin: str,
        *,
        at_once: int = AT_ONCE,
        remembered: Remembered = NOWHERE,
    ) -> None:
        """``origin`` is where the REST surface answers: callback URLs begin with it."""
        self._origin = origin
        self._deployments = deployments
        self._runtime = runtime
        self._now_s = now_s
        self._at_once = at_once
        self._remembered = remembered
        self._executions: dict[str, Execution] = {}
        self._queue: list[Execution] = []
        self._ended: deque[str] = deque()
        self._active = 0
        deployments.on_delete.append(self._forget)

    def create(self, workflow: str, given: Resource) -> Resource:
        deployed = self._deployments.latest(workflow)
        fields = execution_fields(given)
        argument = argument_of(fields)
        is_full = self._active >= self._at_once
        if is_full and fields.get("disableConcurrencyQuotaOverflowBuffering"):
            raise ApiError(429, f"{self._at_once} executions are running already")
        id_ = str(uuid.uuid4())
        labels = {**deployed.resource.get("labels", {}), **fields.get("labels", {})}
        resource = {
            "name": f"{workflow}/executions/{id_}",
            "createTime": timestamp(self._now_s()),
            "state": "QUEUED",
            "argument": "null",
            "callLogLevel": deployed.resource.get("callLogLevel"),
            **fields,
            "workflowRevisionId": deployed.resource["revisionId"],
            **({"labels": labels} if labels else {}),
        }
        callbacks_base = f"{self._origin}/v1/{resource['name']}/callbacks"
        levels = recording(deployed, fields)
        run = engine.start(deployed.program, self._runtime, environment(deployed, id_), callbacks_base, levels)
        execution = Execution(resource, run, argument)
        self._executions[execution.name] = execution
        self._remembered.add(execution.name)
        self._queue.append(execution)
        self._start_waiting()
        return execution.shown()

    def create_from_pubsub(self, workflow: str, request: Resource) -> Resource:
        """What a Pub/Sub push subscription of an Eventarc trigger sends becomes the CloudEvent a workflow gets."""
        return self.create(workflow, {"argument": json.dumps(cloud_event(request, timestamp(self._now_s())))})

    def _start_waiting(self) -> None:
        while self._queue and self._active < self._at_once:
            execution = self._queue.pop(0)
            self._active += 1
            execution.started_s = self._now_s()
            execution.resource |= {"state": "ACTIVE", "startTime": timestamp(execution.started_s)}
            execution.task = asyncio.get_running_loop().create_task(self._carry_out(execution))

    async def _carry_out(self, execution: Execution) -> None:
        try:
            outcome = await engine.execute(execution.run, execution.argument)
        except Exception:  # a bug of this stand-in must not leave an execution ACTIVE for ever
            logger.exception("%s broke the interpreter", execution.name)
            outcome = engine.Failed(error_resource(fault("SystemError", "internal error of the stand-in")))
        if isinstance(outcome, engine.Succeeded):
            self._end(execution, {"state": "SUCCEEDED", "result": outcome.result})
        else:
            self._end(execution, {"state": "FAILED", "error": dict(outcome.error)})

    def _end(self, execution: Execution, fields: Resource) -> None:
        if execution.state == "ACTIVE":
            self._active -= 1
        now_s = self._now_s()
        lasted_s = now_s - execution.started_s if execution.started_s else 0.0
        execution.resource |= {**fields, "endTime": timestamp(now_s), "duration": duration(lasted_s)}
        self._remembered.discard(execution.name)
        self._ended.append(execution.name)
        if len(self._ended) > KEPT:
            self._executions.pop(self._ended.popleft(), None)
        self._start_waiting()

    def get(self, name: str, view: str = "") -> Resource:
        return self.existing(name).shown(check_view(view, "FULL"))

    def listed(self, workflow: str, wanted: Page = FIRST_PAGE, view: str = "") -> Resource:
        """Newest first, unless an order is asked for."""
        self._deployments.latest(workflow)
        view = check_view(view, "BASIC")
        found = {
            name: execution.shown()
            for name, execution in reversed(self._executions.items())
            if name.startswith(f"{workflow}/executions/")
        }
        sorted_ = sort_resources(filter_resources(list(found.values()), wanted.filter), wanted.order_by)
        items, following = page(sorted_, wanted, largest=100 if view == "FULL" else 1000)
        shown = [self._executions[item["name"]].shown(view) for item in items]
        return {"executions": shown, "nextPageToken": following}

    def cancel(self, name: str) -> Resource:
        """Stop the execution at once, whatever it waits for. What it was doing outside goes on, as in the service."""
        execution = self.existing(name)
        if execution.state not in UNFINISHED:
            raise ApiError(400, f"Execution '{name}' has already ended", "FAILED_PRECONDITION")
        self._stop(execution)
        self._end(execution, {"state": "CANCELLED", "error": dict(_CANCELLED)})
        return execution.shown()

    def _stop(self, execution: Execution) -> None:
        if execution in self._queue:
            self._queue.remove(execution)
        if execution.task is not None:
            execution.task.cancel()
        execution.journal.cancel()

    def export(self, name: str) -> Resource:
        execution = self.existing(name)
        entries = [step_entries.step_entry(name, entry) for entry in execution.journal.entries]
        return {"data": json.dumps({"execution": execution.shown(), "stepEntries": entries})}

    def delete_history(self, name: str) -> Resource:
        self.existing(name).journal.forget()
        return {}

    def step_entries(self, name: str, wanted: Page = FIRST_PAGE) -> Resource:
        entries = [step_entries.step_entry(name, entry) for entry in self.existing(name).journal.entries]
        found = sort_resources(filter_resources(entries, wanted.filter), wanted.order_by)
        items, following = page(found, wanted, default=1000)
        return {"stepEntries": list(items), "totalSize": len(found), "nextPageToken": following}

    def step_entry(self, name: str) -> Resource:
        execution, _, id_ = name.partition("/stepEntries/")
        found = (entry for entry in self.existing(execution).journal.entries if str(entry.id) == id_)
        entry = next(found, None)
        if entry is None:
            raise ApiError(404, f"Step entry '{name}' does not exist")
        return step_entries.step_entry(execution, entry)

    def callbacks(self, name: str, wanted: Page = FIRST_PAGE) -> Resource:
        callbacks = self.existing(name).run.callbacks.by_id.values()
        items, following = page([step_entries.callback(name, callback) for callback in callbacks], wanted)
        return {"callbacks": list(items), "nextPageToken": following}

    def call_back(self, name: str, request: Resource) -> Resource:
        """A callback URL is called. Raises: ApiError 404 when it is too late, 429 while another call is kept."""
        execution_name, _, id_ = name.partition("/callbacks/")
        execution = self.existing(execution_name)
        callback = execution.run.callbacks.by_id.get(id_)
        if callback is None or execution.state != "ACTIVE":
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
        self._queue.clear()
        tasks = [execution.task for execution in self._executions.values() if execution.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def existing(self, name: str) -> Execution:
        if name not in self._executions:
            raise ApiError(404, f"Execution '{name}' does not exist")
        return self._executions[name]

    def _forget(self, workflow: str) -> None:
        """The workflow was deleted: what runs is cancelled, and all its executions are gone with it."""
        for name in [name for name in self._executions if name.startswith(f"{workflow}/executions/")]:
            execution = self._executions.pop(name)
            if execution.state in UNFINISHED:
                self._stop(execution)
                self._end(execution, {"state": "CANCELLED", "error": dict(_CANCELLED)})
