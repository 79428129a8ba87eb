"""``call`` steps: which function, subworkflow or connector a name means, and whether the arguments fit."""

from collections.abc import Collection
from dataclasses import replace

from localcloud.workflows import loader
from localcloud.workflows.compiler.names import suggest
from localcloud.workflows.compiler.templates import template
from localcloud.workflows.compiler.workspace import Place
from localcloud.workflows.connectors import calls as connectors
from localcloud.workflows.faults import Position
from localcloud.workflows.program.blocks import Action
from localcloud.workflows.program.calls import Assignee, CallFunction, CallRoutine
from localcloud.workflows.program.control_flow import GoTo
from localcloud.workflows.program.formulas import Constant, Formula
from localcloud.workflows.stdlib.functions import Function
from localcloud.workflows.stdlib.table import FUNCTIONS

_REGION = "location"
"""Some connectors take it for the region of the endpoint; here there is one endpoint."""


def call(body: loader.Mapping, place: Place) -> Action:
    called = body.get("call")
    name = called.value if isinstance(called, loader.Scalar) else None
    given = place.workspace.given(body, "args")
    result = _result(body, place)
    at = called.at if called else body.at
    if not isinstance(name, str):
        place.complain(at, "call must name a function or subworkflow")
        return GoTo()
    if (connector := connectors.signature(name)) is not None:
        arguments = place.workspace.mapping(given, "args", body.at) if given else loader.Mapping((), body.at)
        return _connector_call(name, connector, arguments, result, place)
    if (routine := place.workspace.signatures.get(name)) is not None:
        arguments = _named(name, given, list(routine.parameters), body.at, place)
        _check(name, arguments, routine.parameters, routine.required, place)
        return CallRoutine(name, tuple(_values(arguments, place).items()), result)
    if (function := FUNCTIONS.get(name)) is not None:
        names = [argument.name for argument in function.arguments]
        arguments = _named(name, given, names, body.at, place)
        _check(name, arguments, names, names[: function.required], place)
        return CallFunction(function, _in_order(function, _values(arguments, place)), result)
    known = [*FUNCTIONS, *place.workspace.signatures]
    place.complain(at, f"unknown function or subworkflow {name!r}" + suggest(name, known))
    return GoTo()


def _named(name: str, given: loader.Node | None, names: list[str], at: Position, place: Place) -> loader.Mapping:
    """The arguments by name; a list gives them in the order they are declared in."""
    if given is None:
        return loader.Mapping((), at)
    if not isinstance(given, loader.Sequence):
        return place.workspace.mapping(given, "args", at)
    if len(given.items) > len(names):
        place.complain(given.at, f"{name} takes at most {len(names)} arguments, not {len(given.items)}")
    entries = tuple((loader.Scalar(key, item.at), item) for key, item in zip(names, given.items, strict=False))
    return loader.Mapping(entries, given.at)


def _values(arguments: loader.Mapping, place: Place) -> dict[str, Formula]:
    return {str(key.value): template(value, place) for key, value in arguments.entries}


def _connector_call(
    name: str, connector: connectors.Signature, given: loader.Mapping, result: Assignee, place: Place
) -> Action:
    if connector.arguments is not None:
        given = _flat(given, connector.arguments)
        _check(name, given, (*connector.arguments, _REGION), connector.required, place)
    values = tuple((str(key.value), template(value, place)) for key, value in given.entries)
    return connectors.CallConnector(name, values, result)


def _flat(given: loader.Mapping, known: Collection[str]) -> loader.Mapping:
    """Google's samples also write ``mask: {fieldPaths: …}`` for ``mask.fieldPaths``, and put some into ``query``."""
    entries: list[tuple[loader.Scalar, loader.Node]] = []
    for key, node in given.entries:
        nested = isinstance(node, loader.Mapping) and key.value not in known
        prefix = "" if key.value == "query" else f"{key.value}."
        if isinstance(node, loader.Mapping) and nested and any(name.startswith(prefix) for name in known):
            entries.extend((replace(inner, value=f"{prefix}{inner.value}"), item) for inner, item in node.entries)
        else:
            entries.append((key, node))
    return replace(given, entries=tuple(entries))


def _result(body: loader.Mapping, place: Place) -> Assignee:
    node = body.get("result")
    if node is None:
        return Assignee(None)
    name = place.workspace.name(node, "result")
    place.writes(name, node.at)
    return Assignee(name)


def _in_order(function: Function, values: dict[str, Formula]) -> tuple[Formula, ...]:
    return tuple(
        values.get(argument.name, Constant(None if argument.is_required else argument.default))
        for argument in function.arguments
    )


def _check(name: str, given: loader.Mapping, known: Collection[str], required: Collection[str], place: Place) -> None:
    for key, _ in given.entries:
        if key.value not in known:
            place.complain(key.at, f"{name} has no argument {key.value!r}" + suggest(str(key.value), known))
    missing = [argument for argument in required if argument not in given.keys()]  # noqa: SIM118 - not a dict
    if missing:
        place.complain(given.at, f"{name} needs the argument {', '.join(missing)}")
