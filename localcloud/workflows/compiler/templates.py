"""YAML values with expressions in them → formulas; the left sides of assignments."""

from localcloud.workflows import loader
from localcloud.workflows.compiler.expressions import compile_expression, move_problem, parse_expression
from localcloud.workflows.compiler.workspace import Place
from localcloud.workflows.expressions.syntax import Expression, Field, Item, Literal, Name
from localcloud.workflows.faults import type_fault
from localcloud.workflows.program.formulas import Constant, Formula, list_of, located, map_of
from localcloud.workflows.values import Value, type_name

_OPENING, _CLOSING = "${", "}"


def template(node: loader.Node, place: Place) -> Formula:
    """The value of the node when the step runs; a tree without expressions is a constant."""
    if isinstance(node, loader.Sequence):
        return list_of([template(item, place) for item in node.items])
    if isinstance(node, loader.Mapping):
        keys = [template(key, place) for key, _ in node.entries]
        return map_of(keys, [template(item, place) for _, item in node.entries], _checked_key)
    if not is_expression(node):
        return Constant(node.value)
    text = str(node.value).rstrip("\n")
    at = move_problem(node.at, node.inset + len(_OPENING))
    formula = compile_expression(parse_expression(text[len(_OPENING) : -len(_CLOSING)], at, place), at, place)
    return located(formula, node.at, len(text))


def is_expression(node: loader.Node) -> bool:
    """Only a text that is nothing but ``${…}``; inside other text the signs mean themselves."""
    if not isinstance(node, loader.Scalar) or not isinstance(node.value, str):
        return False
    text = node.value.rstrip("\n")
    return text.startswith(_OPENING) and text.endswith(_CLOSING)


def left_side(node: loader.Scalar, place: Place) -> tuple[str, tuple[Formula, ...]]:
    """``name``, ``name.key``, ``name["key"][i]``: the variable and the path into it."""
    if not isinstance(node.value, str):
        place.complain(node.at, "the left side of an assignment must be a variable")
        return "_", ()
    if is_expression(node):
        place.complain(node.at, "the left side of an assignment is written without ${…}")
        return "_", ()
    at = move_problem(node.at, node.inset)
    tree: Expression = parse_expression(node.value, at, place)
    path: list[Formula] = []
    while isinstance(tree, Field | Item):
        key = Literal(tree.name) if isinstance(tree, Field) else tree.key
        path.append(compile_expression(key, at, place))
        tree = tree.of
    if not isinstance(tree, Name):
        place.complain(node.at, f"{node.value!r} is not a variable that can be assigned")
        return "_", ()
    if path:
        place.reads(tree.name, at)
    place.writes(tree.name, at, creates=not path)
    return tree.name, tuple(reversed(path))


def _checked_key(key: Value) -> Value:
    if type(key) in (str, int, float, bool):
        return key
    raise type_fault(f"a map key cannot be of type {type_name(key)}")
