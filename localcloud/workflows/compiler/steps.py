"""Compiles blocks, steps and the actions that need no call: assign, return, raise, switch, nested steps."""

from localcloud.workflows import loader
from localcloud.workflows.compiler.names import suggest
from localcloud.workflows.compiler.templates import left_side, template
from localcloud.workflows.compiler.workspace import Place
from localcloud.workflows.faults import Position
from localcloud.workflows.program.blocks import BREAK, CONTINUE, END, Action, Block, Jump, Signal, Step
from localcloud.workflows.program.control_flow import Assign, Assignment, Case, GoTo, Nested, Raise, ReturnValue, Switch
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
    return Nested(block(body.get("steps"), place, body.at))


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
    action, then = action_of(entry, place, {"condition"})
    return Case(formula, action, then)


_COMPANIONS = {"call": {"args", "result"}, "try": {"retry", "except"}}


def block(node: loader.Node | None, place: Place, at: Position) -> Block:
    """A list of named steps. Names are known before the steps are compiled, so that a step can jump ahead."""
    workspace = place.workspace
    made = workspace.block()
    items = workspace.sequence(node, "steps", at).items
    if not items and isinstance(node, loader.Sequence):
        place.complain(at, "there must be at least one step")
    named = [found for item in items if (found := workspace.single(item, "a step"))]
    targets: dict[str, Jump] = {}
    for index, (name, key, _) in enumerate(named):
        if name in place.step_names:
            place.complain(key.at, f"the step {name!r} exists twice in this routine")
        place.step_names.add(name)
        targets[name] = Jump(made.number, index)
    inside = place.reaching(targets)
    made.steps = tuple(_step(name, key.at, body, inside.named(name)) for name, key, body in named)
    return made


def single_step(node: loader.Node, place: Place) -> Block:
    """The body of one step without a name of its own (under ``try``): it goes by the name of the step around it."""
    made = place.workspace.block()
    made.steps = (_step(place.step, node.at, node, place),)
    return made


def _step(name: str, at: Position, node: loader.Node, place: Place) -> Step:
    body = place.workspace.mapping(node, f"the step {name!r}", at)
    action, then = action_of(body, place, set())
    keys = [key for key, _ in body.entries]
    words = [key for key in keys if key.value in place.workspace.actions] or keys  # else there is only a next
    word = words[0] if words else loader.Scalar(name, at)
    return Step(name, action, word.at, len(str(word.value)), then)


def action_of(body: loader.Mapping, place: Place, more_keys: set[str]) -> tuple[Action, Signal]:
    """The one action of a step body or switch entry, and where it goes on."""
    table = place.workspace.actions
    actions = [key for key, _ in body.entries if key.value in table]
    if len(actions) > 1:
        place.complain(actions[1].at, f"a step does one thing: {actions[0].value} or {actions[1].value}")
    kind = str(actions[0].value) if actions else "next"
    known = {kind, *_COMPANIONS.get(kind, ()), *more_keys} | (set() if kind == "raise" else {"next"})
    unknown = [key for key, _ in body.entries if key.value not in known and key not in actions[1:]]
    for key in unknown:
        meant = suggest(str(key.value), known if actions else [*known, *table])
        subject = f"a step with {kind!r}" if actions else "a step"
        place.complain(key.at, f"{subject} does not know the key {key.value!r}{meant}")
    following = body.get("next")
    if not actions and following is None and not unknown:
        place.complain(body.at, "the step does nothing")
    then = _target(following, place) if following is not None else None
    return (table[kind](body, place) if actions else GoTo()), then


def _target(node: loader.Node, place: Place) -> Signal:
    name = node.value if isinstance(node, loader.Scalar) else None
    if not isinstance(name, str):
        place.complain(node.at, "next must name a step")
        return None
    if name in place.targets:
        return place.targets[name]
    if name == "end":
        if place.in_branch:
            place.complain(node.at, "a parallel branch cannot end the routine")
        return END
    if (name == "break" and place.may_break) or (name == "continue" and place.in_loop):
        return BREAK if name == "break" else CONTINUE
    place.complain(node.at, _unreachable(name, place))
    return None


def _unreachable(name: str, place: Place) -> str:
    if name in ("break", "continue") and not place.in_branch:
        return f"{name} only has a meaning inside a for loop"
    where = "this parallel branch, which cannot be left by a jump" if place.in_branch else "here"
    return f"next goes to {name!r}, which is not a step that can be reached from {where}" + suggest(name, place.targets)
