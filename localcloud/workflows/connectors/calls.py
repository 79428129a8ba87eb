"""Connector calls: their signatures, and the helpers that are no REST methods."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from localcloud.workflows.connectors.methods import (
    COMMON_ARGUMENTS,
    METHODS,
    PREFIX,
    RUN_ARGUMENTS,
    RUN_WORKFLOW,
    Settings,
    is_connector_name,
)
from localcloud.workflows.connectors.requests import await_operation, call_method
from localcloud.workflows.faults import fault, type_fault, value_fault
from localcloud.workflows.program.blocks import Signal
from localcloud.workflows.program.calls import Assignee
from localcloud.workflows.program.formulas import Formula
from localcloud.workflows.program.frames import Frame
from localcloud.workflows.values import Value, from_json, to_json, type_name

Arguments: TypeAlias = Mapping[str, Value]

_START = METHODS[f"{PREFIX}workflowexecutions.v1.projects.locations.workflows.executions.create"]
_SECRETS = f"{PREFIX}secretmanager.v1.projects.secrets"


@dataclass(frozen=True, slots=True)
class Helper:
    """``arguments`` are in the order of a positional call in an expression."""

    arguments: tuple[str, ...]
    required: tuple[str, ...]
    run: Callable[[Frame, Arguments, Settings], Awaitable[Value]]


async def run_workflow(frame: Frame, arguments: Arguments, settings: Settings) -> Value:
    """Start an execution from its parts, wait for its end, and give its decoded result."""
    parent = f"{_project(frame, arguments)}/locations/{_location(frame, arguments)}"
    parent = f"{parent}/workflows/{_text('workflow_id', arguments['workflow_id'])}"
    body = {"argument": to_json(arguments["argument"])} if "argument" in arguments else {}
    answer = await call_method(frame, _START, {"parent": parent, "body": body}, settings)
    execution = await await_operation(frame, _START, answer["body"], settings)
    return from_json(execution["result"]) if "result" in execution else None


async def access_string(frame: Frame, arguments: Arguments, settings: Settings) -> Value:
    """A secret's data as text; ``latest`` where no version is named."""
    secret = f"{_project(frame, arguments)}/secrets/{_text('secret_id', arguments['secret_id'])}"
    version = arguments.get("version")
    version = "latest" if version is None else version
    name = f"{secret}/versions/{version if type(version) is int else _text('version', version)}"
    answer = await call_method(frame, METHODS[f"{_SECRETS}.versions.access"], {"name": name}, settings)
    try:
        return base64.b64decode(answer["body"]["payload"]["data"]).decode()
    except (KeyError, TypeError, binascii.Error, UnicodeDecodeError) as error:
        raise value_fault(f"the data of {name} is not UTF-8 text") from error


async def add_version_string(frame: Frame, arguments: Arguments, settings: Settings) -> Value:
    """A new version of a secret from plain text; gives the version."""
    parent = f"{_project(frame, arguments)}/secrets/{_text('secret_id', arguments['secret_id'])}"
    data = base64.b64encode(_text("data", arguments["data"]).encode()).decode()
    body = {"payload": {"data": data}}
    answer = await call_method(frame, METHODS[f"{_SECRETS}.addVersion"], {"parent": parent, "body": body}, settings)
    return answer["body"]


HELPERS = {
    RUN_WORKFLOW: Helper(RUN_ARGUMENTS, ("workflow_id",), run_workflow),
    f"{_SECRETS}.versions.accessString": Helper(("secret_id", "version", "project_id"), ("secret_id",), access_string),
    f"{_SECRETS}.addVersionString": Helper(
        ("secret_id", "data", "project_id"), ("secret_id", "data"), add_version_string
    ),
}


def _project(frame: Frame, arguments: Arguments) -> str:
    return f"projects/{arguments.get('project_id') or frame.run.env.get('GOOGLE_CLOUD_PROJECT_ID')}"


def _location(frame: Frame, arguments: Arguments) -> Value:
    return arguments.get("location") or frame.run.env.get("GOOGLE_CLOUD_LOCATION")


def _text(name: str, value: Value) -> str:
    if type(value) is not str:
        raise type_fault(f"{name} must be a string, not {type_name(value)}")
    return value


@dataclass(frozen=True, slots=True)
class Signature:
    """``arguments`` in the order of a positional call; None where any name is taken, because nothing is known."""

    arguments: tuple[str, ...] | None
    required: tuple[str, ...] = ()


def signature(name: str) -> Signature | None:
    """What may be given to this connector; None if the name is not a connector's at all."""
    if name in HELPERS:
        return Signature((*HELPERS[name].arguments, *COMMON_ARGUMENTS), HELPERS[name].required)
    if name in METHODS:
        method = METHODS[name]
        body = ("body",) if method.has_body else ()
        return Signature((*method.parameters, *body, *method.query, *COMMON_ARGUMENTS), method.parameters)
    return Signature(None) if is_connector_name(name) else None


async def call_connector(name: str, frame: Frame, arguments: Mapping[str, Value]) -> Value:
    """The result of the call. Raises: Raised; also for a connector this stand-in does not have."""
    settings = Settings.of(arguments.get("connector_params"))
    if name in HELPERS:
        return await HELPERS[name].run(frame, arguments, settings)
    method = METHODS.get(name)
    if method is None:
        raise fault("SystemError", f"{name} is not among the connectors of this local stand-in")
    answer = await call_method(frame, method, arguments, settings)
    return await await_operation(frame, method, answer["body"], settings)


@dataclass(frozen=True, slots=True)
class CallConnector:
    kind: ClassVar[str] = "STEP_CONNECTOR_CALL"
    name: str
    arguments: tuple[tuple[str, Formula], ...]
    result: Assignee

    async def run(self, frame: Frame) -> Signal:
        arguments = {name: await formula.value(frame) for name, formula in self.arguments}
        self.result.set(frame, await call_connector(self.name, frame, arguments))
        return None
