"""The actions that hold other steps: ``for``, ``parallel`` and ``try``."""

from localcloud.workflows import loader
from localcloud.workflows.compiler import steps
from localcloud.workflows.compiler.templates import is_expression, template
from localcloud.workflows.compiler.workspace import Place
from localcloud.workflows.faults import Position
from localcloud.workflows.program.attempts import Handler, Try
from localcloud.workflows.program.blocks import Action, Block
from localcloud.workflows.program.control_flow import For, Items, Round
from localcloud.workflows.program.formulas import Constant, Formula
from localcloud.workflows.program.parallel import Branch, Parallel, ParallelFor

BRANCHES_LIMIT = 50
_LOOP_KEYS = {"value", "index", "in", "range", "steps"}
_RETRY_KEYS = {"predicate", "max_retries", "backoff"}
_BACKOFF_KEYS = {"initial_delay", "max_delay", "multiplier"}


def for_loop(body: loader.Mapping, place: Place) -> Action:
    loop = place.workspace.mapping(body.get("for"), "for", body.at)
    items = _items(loop, place)
    value, index = _loop_names(loop, place)
    return For(items, _round(loop, value, index, place.loop(_own_names(value, index))))


def parallel(body: loader.Mapping, place: Place) -> Action:
    workspace = place.workspace
    settings = workspace.mapping(body.get("parallel"), "parallel", body.at)
    workspace.only_keys(
        settings, {"branches", "for", "shared", "concurrency_limit", "exception_policy"}, "a parallel step"
    )
    _check_policy(settings, place)
    shared = _shared(settings, place)
    limit = settings.get("concurrency_limit")
    if isinstance(limit, loader.Scalar) and not is_expression(limit) and not _is_positive(limit.value):
        place.complain(limit.at, f"concurrency_limit must be a positive integer, not {limit.value!r}")
    concurrency = template(limit, place) if limit is not None else None
    branches, loop_node = settings.get("branches"), settings.get("for")
    if (branches is None) == (loop_node is None):
        place.complain(settings.at, "a parallel step has either branches or for")
    if loop_node is None:
        return Parallel(_branches(branches, shared, place, settings.at), concurrency)
    loop = workspace.mapping(loop_node, "for", settings.at)
    items = _items(loop, place)
    value, index = _loop_names(loop, place)
    inside = place.thread(_own_names(value, index), shared, is_round=True)
    return ParallelFor(items, _round(loop, value, index, inside), concurrency)


def attempt(body: loader.Mapping, place: Place) -> Action:
    tried = body.get("try")
    retry = body.get("retry")
    handler = body.get("except")
    if isinstance(tried, loader.Sequence):
        tried_block = steps.block(tried, place, body.at)
    else:
        tried_block = _tried_step(place.workspace.mapping(tried, "try", body.at), place)
    if retry is None and handler is None:
        place.complain(body.at, "try needs retry or except")
    return Try(
        tried_block,
        _retry(retry, place) if retry is not None else None,
        _handler(handler, place, body.at) if handler is not None else None,
    )


def _tried_step(tried: loader.Mapping, place: Place) -> Block:
    if tried.get("for") is not None:
        place.complain(tried.at, "for cannot stand directly under try: put it into a named step")
    return steps.single_step(tried, place)


def _is_positive(value: loader.Plain) -> bool:
    return type(value) is int and value > 0


def _items(loop: loader.Mapping, place: Place) -> Items:
    place.workspace.only_keys(loop, _LOOP_KEYS, "a for loop")
    over, ends = loop.get("in"), loop.get("range")
    if (over is None) == (ends is None):
        place.complain(loop.at, "a for loop has either in or range")
    if ends is not None:
        pair = isinstance(ends, loader.Sequence) and len(ends.items) == 2  # noqa: PLR2004
        if not pair and not is_expression(ends):
            place.complain(ends.at, "range must be a list of two numbers, or an expression that gives one")
        return Items(template(ends, place), is_range=True)
    return Items(template(over, place) if over is not None else Constant([]), is_range=False)


def _loop_names(loop: loader.Mapping, place: Place) -> tuple[str, str | None]:
    value, index = loop.get("value"), loop.get("index")
    if value is None:
        place.complain(loop.at, "a for loop needs value, the name of its variable")
    value_name = place.workspace.name(value, "the loop's value") if value is not None else "_"
    index_name = place.workspace.name(index, "the loop's index") if index is not None else None
    for node, name in ((value, value_name), (index, index_name)):
        if node is not None and name is not None:
            place.loops(name, node.at)
    if value_name == index_name:
        place.complain(loop.at, "value and index need different names")
    return value_name, index_name


def _own_names(value: str, index: str | None) -> set[str]:
    return {value} if index is None else {value, index}


def _round(loop: loader.Mapping, value: str, index: str | None, inside: Place) -> Round:
    return Round(value, index, steps.block(loop.get("steps"), inside, loop.at))


def _branches(node: loader.Node | None, shared: frozenset[str], place: Place, at: Position) -> tuple[Branch, ...]:
    listed = place.workspace.sequence(node, "branches", at).items
    if not 1 <= len(listed) <= BRANCHES_LIMIT:
        place.complain(at, f"a parallel step has 1 to {BRANCHES_LIMIT} branches, this one {len(listed)}")
    found = [named for item in listed if (named := place.workspace.single(item, "a branch"))]
    return tuple(_branch(name, key.at, content, shared, place) for name, key, content in found)


def _branch(name: str, at: Position, node: loader.Node, shared: frozenset[str], place: Place) -> Branch:
    content = place.workspace.mapping(node, f"the branch {name!r}", at)
    inside = place.thread(set(), shared, is_round=False)
    if content.get("steps") is None and content.entries:
        return Branch(
            name, steps.single_step(content, inside.named(name))
        )  # a branch of one step, as a step is written
    place.workspace.only_keys(content, {"steps"}, "a branch")
    return Branch(name, steps.block(content.get("steps"), inside, at) if content.entries else place.workspace.block())


def _shared(settings: loader.Mapping, place: Place) -> frozenset[str]:
    node = settings.get("shared")
    if node is None:
        return frozenset()
    listed = place.workspace.sequence(node, "shared", settings.at)
    names = [(place.workspace.name(item, "a shared variable"), item.at) for item in listed.items]
    for name, at in names:
        place.reads(name, at)
    return frozenset(name for name, _ in names)


def _check_policy(settings: loader.Mapping, place: Place) -> None:
    policy = settings.get("exception_policy")
    if policy is not None and not (isinstance(policy, loader.Scalar) and policy.value == "continueAll"):
        place.complain(policy.at, "the only exception_policy is continueAll")


def _retry(node: loader.Node, place: Place) -> Formula:
    if isinstance(node, loader.Mapping):
        place.workspace.only_keys(node, _RETRY_KEYS, "retry")
        predicate = node.get("predicate")
        if predicate is not None and not is_expression(predicate):
            place.complain(
                predicate.at, "predicate must be an expression that names a function, such as ${retry.always}"
            )
        backoff = node.get("backoff")
        if isinstance(backoff, loader.Mapping):
            place.workspace.only_keys(backoff, _BACKOFF_KEYS, "backoff")
    elif not is_expression(node):
        place.complain(node.at, "retry must be a policy: an expression, or a map")
    return template(node, place)


def _handler(node: loader.Node, place: Place, at: Position) -> Handler:
    content = place.workspace.mapping(node, "except", at)
    place.workspace.only_keys(content, {"as", "steps"}, "except")
    as_node = content.get("as")
    error = place.workspace.name(as_node, "as") if as_node is not None else None
    inside = place.handler({error} if error is not None else set())
    return Handler(error, steps.block(content.get("steps"), inside, content.at))
