"""Calling a connector: build the request, repeat it as the reference says, wait for what it started."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from localcloud.workflows.connectors.methods import METHODS, PREFIX, RUN_WORKFLOW, Method, Waits
from localcloud.workflows.faults import Raised, fault, type_fault
from localcloud.workflows.program.attempts import Backoff, Policy
from localcloud.workflows.program.blocks import Signal
from localcloud.workflows.program.calls import Assignee, call_value
from localcloud.workflows.program.formulas import Formula
from localcloud.workflows.program.frames import Frame
from localcloud.workflows.stdlib.retry import CONSTANTS
from localcloud.workflows.values import Value, from_json, to_json

_REQUEST_TIMEOUT_S = 1800.0
_DEFAULT_POLLING = {"initial_delay": 1, "multiplier": 1.25, "max_delay": 60}
_DEFAULTS = {"timeout": 1800, "polling_policy": _DEFAULT_POLLING, "skip_polling": False, "scopes": None}
_START = METHODS[f"{PREFIX}workflowexecutions.v1.projects.locations.workflows.executions.create"]


@dataclass(frozen=True, slots=True)
class CallConnector:
    kind: ClassVar[str] = "STEP_CONNECTOR_CALL"
    name: str
    arguments: tuple[tuple[str, Formula], ...]
    result: Assignee

    async def run(self, frame: Frame) -> Signal:
        arguments = {name: await formula.value(frame) for name, formula in self.arguments}
        settings = {**_DEFAULTS, **(arguments.pop("connector_params", None) or {})}
        if self.name == RUN_WORKFLOW:
            execution = await _waited(frame, _START, await _started(frame, arguments, settings), settings)
            value = from_json(execution["result"]) if "result" in execution else None
        else:
            method = METHODS[self.name]
            value = await _waited(frame, method, await _requested(frame, method, arguments, settings), settings)
        self.result.set(frame, value)
        return None


async def _started(frame: Frame, arguments: Mapping[str, Value], settings: Mapping[str, Value]) -> Value:
    env = frame.run.env
    project = arguments.get("project_id") or env.get("GOOGLE_CLOUD_PROJECT_ID")
    location = arguments.get("location") or env.get("GOOGLE_CLOUD_LOCATION")
    parent = f"projects/{project}/locations/{location}/workflows/{arguments['workflow_id']}"
    body = {"argument": to_json(arguments["argument"])} if "argument" in arguments else {}
    return await _requested(frame, _START, {"parent": parent, "body": body}, settings)


async def _requested(
    frame: Frame, method: Method, arguments: Mapping[str, Value], settings: Mapping[str, Value]
) -> Value:
    """One request, repeated by the idempotent policy for GET and by the careful one for the rest."""
    path = method.path
    for parameter in method.parameters:
        if type(arguments[parameter]) is not str:
            raise type_fault(f"{parameter} must be a string")
        path = path.replace(f"{{{parameter}}}", arguments[parameter])
    query = [
        (name, item if type(item) is str else to_json(item))
        for name in method.query
        if name in arguments
        for item in (arguments[name] if type(arguments[name]) is list else [arguments[name]])
    ]
    return await _sent(frame, method.verb, method.origin + path, query, arguments.get("body"), settings)


async def _sent(
    frame: Frame, verb: str, url: str, query: list[tuple[str, str]], body: Value, settings: Mapping[str, Value]
) -> Value:
    auth = {"type": "OAuth2", **({"scopes": settings["scopes"]} if settings["scopes"] else {})}
    request = {
        "method": verb,
        "url": url,
        "query": query,
        "body": body,
        "headers": {},
        "auth": auth,
        "timeout_s": _REQUEST_TIMEOUT_S,
    }
    policy = Policy.of(CONSTANTS["http.default_retry" if verb == "GET" else "http.default_retry_non_idempotent"])
    attempts = 1
    while True:
        try:
            answer = await frame.run.world.send(request)
        except Raised as error:
            if attempts > policy.max_retries or not await call_value(policy.predicate, frame, [error.value]):
                raise
        else:
            return answer["body"]
        await frame.run.world.sleep(policy.backoff.pause_s(attempts))
        attempts += 1


async def _waited(frame: Frame, method: Method, answer: Value, settings: Mapping[str, Value]) -> Value:
    """The answer once nothing more can happen to what it names."""
    if method.waits is Waits.FOR_NOTHING or settings["skip_polling"] is True:
        return answer
    policy = {**_DEFAULT_POLLING, **settings["polling_policy"]}
    backoff = Backoff(float(policy["initial_delay"]), float(policy["max_delay"]), float(policy["multiplier"]))
    ends_s = frame.run.world.now_s() + float(settings["timeout"])
    polls = 1
    while not _is_done(method, answer):
        pause_s = backoff.pause_s(polls)
        if frame.run.world.now_s() + pause_s > ends_s:
            raise fault("TimeoutError", f"the operation was not done within {settings['timeout']} seconds")
        await frame.run.world.sleep(pause_s)
        url = f"{method.origin}/{method.version}/{answer['name']}"
        answer = await _sent(frame, "GET", url, [], None, settings)
        polls += 1
    return _outcome(method, answer)


def _is_done(method: Method, answer: Value) -> bool:
    if type(answer) is not dict or type(answer.get("name")) is not str:
        raise fault("ResponseTypeError", "the answer does not name an operation")
    if method.waits is Waits.FOR_EXECUTION:
        return answer.get("state") not in ("ACTIVE", "QUEUED")
    return answer.get("done") is True


def _outcome(method: Method, answer: dict[str, Value]) -> Value:
    failed = answer.get("state") != "SUCCEEDED" if method.waits is Waits.FOR_EXECUTION else "error" in answer
    if failed:
        raise fault("OperationError", f"the operation failed: {answer['name']}", operation=answer)
    return answer if method.waits is Waits.FOR_EXECUTION else answer.get("response", answer)
