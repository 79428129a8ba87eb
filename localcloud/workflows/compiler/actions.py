"""The plain bodies of steps → actions. Calls live in ``calls``; loops, branches and handlers in ``nesting``."""

from localcloud.workflows import loader
from localcloud.workflows.compiler import steps
from localcloud.workflows.compiler.templates import left_side, template
from localcloud.workflows.compiler.workspace import Place
from localcloud.workflows.program.basic import Assign, Assignment, Nested, Raise, ReturnValue
from localcloud.workflows.program.blocks import Action
from localcloud.workflows.program.branching import Case, Switch
from localcloud.workflows.program.formulas import Constant, Formula

ASSIGNMENTS_LIMIT = 50
CASES_LIMIT = 50


def assign(body: loader.Mapping, place: Place) -> Action:
    lines = place.workspace.sequence(body.get("assign"), "assign", body.at)
    if not 1 <= len(lines.items) <= ASSIGNMENTS_LIMIT:
        place.complain(lines.at, f"assign has 1 to {ASSIGNMENTS_LIMIT} assignments, this one {len(lines.items)}")
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
