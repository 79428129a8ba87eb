"""Expression tree → formula: names are checked, functions bound, operators become closures."""

from collections.abc import Awaitable, Callable

from localcloud.workflows.compiler.names import suggest
from localcloud.workflows.compiler.workspace import Place
from localcloud.workflows.connectors import calls as connectors
from localcloud.workflows.expressions import operators
from localcloud.workflows.expressions.parser import ExpressionRefused, parse
from localcloud.workflows.expressions.syntax import (
    Binary,
    Call,
    Expression,
    Field,
    Item,
    ListOf,
    Literal,
    Name,
    Unary,
    dotted,
)
from localcloud.workflows.faults import Position
from localcloud.workflows.program.blocks import RoutineReference
from localcloud.workflows.program.calls import call_routine
from localcloud.workflows.program.formulas import Constant, Formula, Plain, Waiting, combined, list_of
from localcloud.workflows.program.frames import Frame
from localcloud.workflows.stdlib.functions import Function, Kind
from localcloud.workflows.stdlib.table import CONSTANTS, FUNCTIONS
from localcloud.workflows.values import Value


def parse_expression(text: str, at: Position, place: Place) -> Expression:
    """The tree, or null after a complaint; ``at`` is the place of the expression's first character."""
    try:
        return parse(text)
    except ExpressionRefused as refusal:
        place.complain(move_problem(at, refusal.offset), f"bad expression: {refusal.message}")
        return Literal(None)


def compile_expression(tree: Expression, at: Position, place: Place) -> Formula:
    return _Builder(at, place).formula(tree)


def move_problem(at: Position, columns: int) -> Position:
    return Position(at.line, at.column + columns)


class _Builder:
    def __init__(self, at: Position, place: Place) -> None:
        self._at = at
        self._place = place

    def _complain(self, node: Expression, message: str) -> Formula:
        self._place.complain(move_problem(self._at, node.offset), message)
        return Constant(None)

    def formula(self, node: Expression) -> Formula:
        match node:
            case Literal(value):
                return Constant(value)
            case Name():
                return self._name(node)
            case Field():
                return self._field(node)
            case Item(of, key):
                return combined([self.formula(of), self.formula(key)], operators.lookup)
            case ListOf(items):
                return list_of([self.formula(item) for item in items])
            case Unary() | Binary():
                return self._operation(node)
            case Call():
                return self._call(node)

    def _operation(self, node: Unary | Binary) -> Formula:
        if isinstance(node, Unary):
            return combined([self.formula(node.operand)], operators.UNARY[node.operator])
        left, right = self.formula(node.left), self.formula(node.right)
        if node.operator in ("and", "or"):
            return _short_circuit(node.operator, left, right)
        return combined([left, right], operators.BINARY[node.operator])

    def _name(self, node: Name) -> Formula:
        name = node.name
        if name in self._place.workspace.signatures and not self._place.area.has(name):
            return Constant(RoutineReference(name))
        self._place.reads(name, move_problem(self._at, node.offset))

        def read(frame: Frame) -> Value:
            scope = frame.scope
            return scope.values[name] if name in scope.values else scope.read(name)

        return Plain(read)

    def _field(self, node: Field) -> Formula:
        path = dotted(node)
        if path in CONSTANTS and not self._place.area.has(path.partition(".")[0]):
            return Constant(CONSTANTS[path])
        name = node.name
        return combined([self.formula(node.of)], lambda container: operators.lookup(container, name))

    def _call(self, node: Call) -> Formula:
        arguments = [self.formula(argument) for argument in node.arguments]
        if node.function in self._place.workspace.signatures:
            return self._routine_call(node, arguments)
        function = FUNCTIONS.get(node.function)
        if function is None:
            return self._connector_call(node, arguments)
        if function.kind.waits:
            return self._complain(node, f"{node.function} waits, so it cannot be called in an expression")
        if not function.required <= len(arguments) <= len(function.arguments):
            return self._complain(node, f"{node.function} takes {_count(function)}, not {len(arguments)}")
        arguments.extend(Constant(argument.default) for argument in function.arguments[len(arguments) :])
        return _library_call(function, arguments)

    def _routine_call(self, node: Call, arguments: list[Formula]) -> Formula:
        signature = self._place.workspace.signatures[node.function]
        required, most = len(signature.required), len(signature.parameters)
        if not required <= len(arguments) <= most:
            return self._complain(node, f"{node.function} takes {required} to {most} arguments, not {len(arguments)}")
        missing = [name for name in list(signature.parameters)[len(arguments) :] if name in signature.required]
        if missing:
            return self._complain(node, f"{node.function} needs the argument {', '.join(missing)}")
        name = node.function

        async def wait(frame: Frame) -> Value:
            values = [await argument.value(frame) for argument in arguments]
            return await call_routine(frame.run.program.routines[name], frame, values)

        return Waiting(wait)

    def _connector_call(self, node: Call, arguments: list[Formula]) -> Formula:
        """Connectors may be called in expressions, too; their arguments then go by position."""
        name = node.function
        signature = connectors.signature(name)
        if signature is None:
            known = [*FUNCTIONS, *self._place.workspace.signatures]
            return self._complain(node, f"unknown function or subworkflow {name!r}" + suggest(name, known))
        names = signature.arguments
        if names is None:
            names = tuple(map(str, range(len(arguments))))
        if not len(signature.required) <= len(arguments) <= len(names):
            return self._complain(node, f"{name} does not take {len(arguments)} arguments")

        async def wait(frame: Frame) -> Value:
            values = [await argument.value(frame) for argument in arguments]
            return await connectors.call_connector(name, frame, dict(zip(names, values, strict=False)))

        return Waiting(wait)


def _count(function: Function) -> str:
    most = len(function.arguments)
    if function.required == most:
        return f"{most} argument" + "s" * (most != 1)
    return f"{function.required} to {most} arguments"


def _library_call(function: Function, arguments: list[Formula]) -> Formula:
    body = function.body
    if function.kind is Kind.PLAIN:
        return combined(arguments, body)
    return combined([Plain(lambda frame: frame.run), *arguments], body)


def _short_circuit(operator: str, left: Formula, right: Formula) -> Formula:
    """``and``/``or``: the right side is only looked at when the left one does not decide."""
    decisive = operator == "or"
    read_left, read_right = left.read, right.read
    if read_left is not None and read_right is not None:
        return Plain(_reader(operator, decisive, read_left, read_right))
    return Waiting(_waiter(operator, decisive, left, right))


def _reader(
    operator: str, decisive: bool, left: Callable[[Frame], Value], right: Callable[[Frame], Value]
) -> Callable[[Frame], Value]:
    def read(frame: Frame) -> Value:
        first = operators.truth(operator, left(frame))
        return first if first is decisive else operators.truth(operator, right(frame))

    return read


def _waiter(operator: str, decisive: bool, left: Formula, right: Formula) -> Callable[[Frame], Awaitable[Value]]:
    async def wait(frame: Frame) -> Value:
        first = operators.truth(operator, await left.value(frame))
        return first if first is decisive else operators.truth(operator, await right.value(frame))

    return wait
