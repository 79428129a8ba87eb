"""Calling a connector by name, as a step or in an expression.

`signature` is what a deploy checks, `call_connector` what happens at run time; nothing else of this package is needed
outside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from localcloud.workflows.connectors.helpers import HELPERS
from localcloud.workflows.connectors.methods import COMMON_ARGUMENTS, METHODS, is_connector_name
from localcloud.workflows.connectors.requests import call_method
from localcloud.workflows.connectors.settings import Settings
from localcloud.workflows.connectors.waiting import await_operation
from localcloud.workflows.faults import fault
from localcloud.workflows.program.blocks import Signal
from localcloud.workflows.program.calls import Assignee
from localcloud.workflows.program.formulas import Formula
from localcloud.workflows.program.frames import Frame
from localcloud.workflows.values import Value


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
