"""The plain bodies of steps → actions. Those that hold loops, branches and handlers live in ``nesting``."""

from localcloud.workflows import loader
from localcloud.workflows.compiler import steps
from localcloud.workflows.compiler.templates import left_side, template
from localcloud.workflows.compiler.workspace import Place
from localcloud.workflows.connectors.calls import CallConnector
from localcloud.workflows.connectors.methods import COMMON_ARGUMENTS, METHODS, RUN_ARGUMENTS, RUN_WORKFLOW
from localcloud.workflows.program.basic import Assign, Assignment, GoTo, Nested, Raise, ReturnValue
from localcloud.workflows.program.blocks import Action
from localcloud.workflows.program.branching import Case, Switch
from localcloud.workflows.program.calls import Assignee, CallFunction, CallRoutine
from localcloud.workflows.program.formulas import Constant, Formula
from localcloud.workflows.stdlib.functions import Function
from localcloud.workflows.stdlib.table import FUNCTIONS

ASSIGNMENTS_LIMIT = 50
CASES_LIMIT = 50


def assign(body: loader.Mapping, place: Place) -> Action:
    lines = place.workspace.sequence(body.get("assign"), "assign", body.at)
    if len(lines.items) > ASSIGNMENTS_LIMIT:
        place.complain(lines.at, f"assign has at most {ASSIGNMENTS_LIMIT} lines, this one {len(lines.items)}")
    return Assign(tuple(made for line in lines.items if (made := _assignment(line, place))))


def _assignment(line: loader.Node, place: Place) -> Assignment | None:
    if not isinstance(line, loader.Mapping) or len(line.entries) != 1:
        place.complain(line.at, "an assignment is a map of one variable to its value")
        return None
    left, right = line.entries[0]
    value = template(right, place)
    name, path = left_side(left, place)
    return Assignment(name, path, value)


def return_(body: loader.Mapping, place: Place) -> Action:
    if place.in_branch:
        place.complain(body.at, "a parallel branch cannot return from the routine")
    return ReturnValue(_content(body, "return", place))


def raise_(body: loader.Mapping, place: Place) -> Action:
    return Raise(_content(body, "raise", place))


def _content(body: loader.Mapping, key: str, place: Place) -> Formula:
    node = body.get(key)
    return template(node, place) if node is not None else Constant(None)


def nested(body: loader.Mapping, place: Place) -> Action:
    return Nested(steps.block(body.get("steps"), place, body.at))


def switch(body: loader.Mapping, place: Place) -> Action:
    entries = place.workspace.sequence(body.get("switch"), "switch", body.at)
    if not 1 <= len(entries.items) <= CASES_LIMIT:
        place.complain(entries.at, f"switch has 1 to {CASES_LIMIT} entries, this one {len(entries.items)}")
    return Switch(tuple(_case(entry, place) for entry in entries.items))


def _case(node: loader.Node, place: Place) -> Case:
    entry = place.workspace.mapping(node, "a switch entry", node.at)
    condition = entry.get("condition")
    if condition is None:
        place.complain(entry.at, "a switch entry needs a condition")
    formula = template(condition, place) if condition is not None else Constant(None)
    action, then = steps.action_of(entry, place, {"condition"})
    return Case(formula, action, then)


def call(body: loader.Mapping, place: Place) -> Action:
    called = body.get("call")
    name = called.value if isinstance(called, loader.Scalar) else None
    given = body.get("args")
    arguments = place.workspace.mapping(given, "args", body.at) if given is not None else loader.Mapping((), body.at)
    values = {str(key.value): template(value, place) for key, value in arguments.entries}
    result = _result(body, place)
    signature = place.workspace.signatures.get(str(name))
    function = FUNCTIONS.get(str(name))
    if signature is not None:
        _check_arguments(str(name), arguments, set(signature.parameters), set(signature.required), place)
        return CallRoutine(str(name), tuple(values.items()), result)
    if str(name) in METHODS or name == RUN_WORKFLOW:
        _check_connector(str(name), arguments, place)
        return CallConnector(str(name), tuple(values.items()), result)
    if function is None:
        place.complain(called.at if called else body.at, f"unknown function or subworkflow {name!r}")
        return GoTo()
    required = {argument.name for argument in function.arguments if argument.is_required}
    _check_arguments(function.name, arguments, {argument.name for argument in function.arguments}, required, place)
    return CallFunction(function, _in_order(function, values), result)


def _check_connector(name: str, given: loader.Mapping, place: Place) -> None:
    if name == RUN_WORKFLOW:
        _check_arguments(name, given, {*RUN_ARGUMENTS, *COMMON_ARGUMENTS}, {"workflow_id"}, place)
        return
    method = METHODS[name]
    known = {*method.parameters, *method.query, *COMMON_ARGUMENTS} | ({"body"} if method.has_body else set())
    _check_arguments(name, given, known, set(method.parameters), place)


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


def _check_arguments(name: str, given: loader.Mapping, known: set[str], required: set[str], place: Place) -> None:
    for key, _ in given.entries:
        if key.value not in known:
            place.complain(key.at, f"{name} has no argument {key.value!r}")
    missing = sorted(required - {str(key) for key in given.keys()})  # noqa: SIM118 - not a dict
    if missing:
        place.complain(given.at, f"{name} needs the argument {', '.join(missing)}")
