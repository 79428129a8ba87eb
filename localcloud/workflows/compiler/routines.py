"""A whole source text → program: the routines, their parameters, and the final check of all names."""

from localcloud.workflows import loader
from localcloud.workflows.compiler import calls, nesting, steps
from localcloud.workflows.compiler.names import Area
from localcloud.workflows.compiler.steps import block
from localcloud.workflows.compiler.templates import template
from localcloud.workflows.compiler.workspace import CompileAction, Place, Signature, Workspace
from localcloud.workflows.faults import Position, Problem, SourceRefused
from localcloud.workflows.program.blocks import Parameter, Program, Routine
from localcloud.workflows.stdlib.table import FUNCTIONS

_START = Position(1, 1)
_ACTIONS: dict[str, CompileAction] = {
    "assign": steps.assign,
    "call": calls.call,
    "switch": steps.switch,
    "for": nesting.for_loop,
    "parallel": nesting.parallel,
    "try": nesting.attempt,
    "raise": steps.raise_,
    "return": steps.return_,
    "steps": steps.nested,
}
PARAMETERS_LIMIT = 10


def compile_source(text: str) -> Program:
    """The program. Raises: SourceRefused with every problem found."""
    root = loader.load(text)
    try:
        return _program(root, Workspace(_ACTIONS))
    except RecursionError as error:
        raise SourceRefused([Problem(_START, "the steps are nested too deeply")]) from error


def _program(root: loader.Node, workspace: Workspace) -> Program:
    bodies = _bodies(root, workspace)
    workspace.signatures = {name: _signature(body) for name, (_, body) in bodies.items() if name != "main"}
    routines = {name: _routine(name, at, body, workspace) for name, (at, body) in bodies.items()}
    workspace.problems.extend(problem for use in workspace.uses if (problem := use.problem()))
    if workspace.problems:
        raise SourceRefused(workspace.problems)
    return Program(routines)


def _bodies(root: loader.Node, workspace: Workspace) -> dict[str, tuple[Position, loader.Mapping]]:
    """The routines by name; a source that is only a list of steps is its ``main``."""
    if isinstance(root, loader.Sequence):
        return {"main": (root.at, loader.Mapping(((loader.Scalar("steps", root.at), root),), root.at))}
    bodies: dict[str, tuple[Position, loader.Mapping]] = {}
    for key, node in workspace.mapping(root, "a workflow", _START).entries:
        name = str(key.value)
        if name in FUNCTIONS:
            workspace.complain(key.at, f"{name!r} is a library function, a subworkflow needs another name")
        bodies[name] = (key.at, workspace.mapping(node, f"the routine {name!r}", key.at))
    if "main" not in bodies and not workspace.problems:
        workspace.complain(_START, "there is no routine called main")
    return bodies


def _signature(body: loader.Mapping) -> Signature:
    params = body.get("params")
    items = params.items if isinstance(params, loader.Sequence) else ()
    return Signature(
        {
            str(item.value if isinstance(item, loader.Scalar) else item.entries[0][0].value): not isinstance(
                item, loader.Scalar
            )
            for item in items
            if isinstance(item, loader.Scalar) or (isinstance(item, loader.Mapping) and item.entries)
        }
    )


def _routine(name: str, at: Position, body: loader.Mapping, workspace: Workspace) -> Routine:
    workspace.only_keys(body, {"params", "steps"}, "a routine")
    parameters = _parameters(name, body, workspace)
    place = Place(workspace, Area(names={parameter.name for parameter in parameters}))
    return Routine(name, parameters, block(body.get("steps"), place, at))


def _parameters(routine: str, body: loader.Mapping, workspace: Workspace) -> tuple[Parameter, ...]:
    node = workspace.given(body, "params")
    if node is None:
        return ()
    items = workspace.sequence(node, "params", body.at).items
    most = 1 if routine == "main" else PARAMETERS_LIMIT
    if len(items) > most:
        count = "one parameter" if most == 1 else f"{most} parameters"
        workspace.complain(node.at, f"{routine} has at most {count}, not {len(items)}")
    parameters = tuple(_parameter(item, workspace) for item in items)
    seen: set[str] = set()
    for parameter, item in zip(parameters, items, strict=True):
        if parameter.name in seen:
            workspace.complain(item.at, f"the parameter {parameter.name!r} is given twice")
        seen.add(parameter.name)
    return parameters


def _parameter(node: loader.Node, workspace: Workspace) -> Parameter:
    """``name``, or ``name: default``."""
    if isinstance(node, loader.Mapping):
        single = workspace.single(node, "a parameter")
        if single is None:
            return Parameter("_")
        _, key, default = single
        return Parameter(workspace.name(key, "a parameter"), template(default, Place(workspace, Area())))
    return Parameter(workspace.name(node, "a parameter"))
