"""Expressions: text to tokens to a syntax tree."""

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from localcloud.workflows.expressions.syntax import Binary, Call, Expression, Field, Item, ListOf, Literal, Name, Unary
from localcloud.workflows.expressions.syntax import dotted as dotted_name
from localcloud.workflows.values import INT64, Value, well_formed

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<double>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)
  | (?P<integer>[0-9]+)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
  | (?P<symbol>//|==|!=|<=|>=|[-+*/%<>()\[\].,])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_DIGITS_LIMIT = 400  # no expression is longer, and int() refuses what is much longer
_WORDS = {"and": "and", "AND": "and", "or": "or", "OR": "or", "not": "not", "NOT": "not", "in": "in"}
_LITERALS: dict[str, Value] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL")),
}


_CHARACTER_HINTS = {
    "{": "a map cannot be written inside an expression",
    "=": "== compares",
    "&": "the operator is and",
    "|": "the operator is or",
    "!": "the operators are not and !=",
    "?": "write if(condition, a, b)",
    "$": "an expression cannot contain another",
}

RESERVED = frozenset({*_WORDS, *_LITERALS})
"""Words of the language: no variable can have such a name."""


class ExpressionRefused(Exception):
    """``offset`` counts characters from the expression's first character."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class Kind(StrEnum):
    LITERAL = "literal"
    NAME = "name"
    SYMBOL = "symbol"  # operators, brackets, and the words and, or, not, in
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    offset: int
    value: Value = None


def tokens(text: str) -> list[Token]:
    """All tokens, the last one being END. Raises: ExpressionRefused."""
    found: list[Token] = []
    offset = 0
    while offset < len(text):
        match = _TOKEN.match(text, offset)
        if match is None:
            raise ExpressionRefused(_complaint(text[offset]), offset)
        if match.lastgroup == "name" and found and found[-1].text == ".":
            found.append(Token(Kind.NAME, match.group(), offset))  # a key may be called in or NOT
        elif match.lastgroup != "space":
            limit = INT64[-1] + (bool(found) and found[-1].text == "-")  # the smallest integer is one larger
            found.append(_token(str(match.lastgroup), match.group(), offset, limit))
        offset = match.end()
    found.append(Token(Kind.END, "the end", offset))
    return found


def _complaint(char: str) -> str:
    if char in "\"'":
        return "a string is not closed"
    hint = _CHARACTER_HINTS.get(char)
    return f"unexpected {char!r}" + (f": {hint}" if hint else "")


def _token(group: str, text: str, offset: int, limit: int) -> Token:
    if group == "name":
        if text in _WORDS:
            return Token(Kind.SYMBOL, _WORDS[text], offset)
        if text in _LITERALS:
            return Token(Kind.LITERAL, text, offset, _LITERALS[text])
        return Token(Kind.NAME, text, offset)
    if group == "symbol":
        return Token(Kind.SYMBOL, text, offset)
    if group == "string":
        return Token(Kind.LITERAL, text, offset, well_formed(_ESCAPE.sub(_unescaped, text[1:-1])))
    if group == "double":
        if math.isinf(float(text)):
            raise ExpressionRefused(f"{text} is too large for a double", offset)
        return Token(Kind.LITERAL, text, offset, float(text))
    if len(text) > _DIGITS_LIMIT or int(text) > limit:
        raise ExpressionRefused(f"{text} does not fit in a 64-bit integer", offset)
    return Token(Kind.LITERAL, text, offset, int(text))


def _unescaped(match: re.Match[str]) -> str:
    code = match.group(1)
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, code)


LENGTH_LIMIT = 400  # characters, quotas page
NESTING_LIMIT = 50  # ours: deeper brackets would exhaust Python's stack long before they help anybody

_LEVELS = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!=", "in"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "//", "%"), 5),
}
_LOOSEST = 1
_HINTS = {
    "not": ": write not(a in b)",
    "and": ": logical operators are all lower or all upper case",
    "or": ": logical operators are all lower or all upper case",
    "if": ": write if(condition, a, b)",
}


def parse(text: str) -> Expression:
    """The tree of the text between ``${`` and ``}``. Raises: ExpressionRefused, with the offset."""
    if len(text) > LENGTH_LIMIT:
        raise ExpressionRefused(f"an expression has at most {LENGTH_LIMIT} characters, this one {len(text)}", 0)
    parser = _Parser(tokens(text))
    tree = parser.expression(_LOOSEST)
    parser.expect_end()
    return tree


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._index = 0
        self._nesting = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._index]

    def _take(self) -> Token:
        token = self._next
        self._index += 1
        return token

    def _at(self, symbol: str) -> bool:
        return self._next.kind is Kind.SYMBOL and self._next.text == symbol

    def _expect(self, symbol: str) -> None:
        if not self._at(symbol):
            found = "the end" if self._next.kind is Kind.END else repr(self._next.text)
            raise self._refused(f"expected {symbol!r}, found {found}")
        self._take()

    def expect_end(self) -> None:
        if self._next.kind is not Kind.END:
            raise self._refused(f"unexpected {self._next.text!r}{_HINTS.get(self._next.text.lower(), '')}")

    def _refused(self, message: str) -> ExpressionRefused:
        return ExpressionRefused(message, self._next.offset)

    def expression(self, loosest: int) -> Expression:
        left = self._prefixed()
        while self._next.kind is Kind.SYMBOL and _LEVELS.get(self._next.text, 0) >= loosest:
            operator = self._take()
            right = self.expression(_LEVELS[operator.text] + 1)
            left = Binary(operator.text, left, right, operator.offset)
        return left

    def _prefixed(self) -> Expression:
        prefixes: list[Token] = []
        while self._at("-") or self._at("not"):
            if len(prefixes) == NESTING_LIMIT:
                raise self._refused("too many signs in a row")
            prefixes.append(self._take())
        operand = self._suffixed()
        for prefix in reversed(prefixes):
            operand = _negated(prefix, operand)
        return operand

    def _suffixed(self) -> Expression:
        value = self._primary()
        while True:
            offset = self._next.offset
            if self._at("."):
                self._take()
                if self._next.kind is Kind.END or not self._next.text.isidentifier():
                    raise self._refused("expected a name after the dot")
                value = Field(value, self._take().text, offset)
            elif self._at("["):
                value = Item(value, self._enclosed("]")[0], offset)
            elif self._at("("):
                name = dotted_name(value)
                if name is None:
                    raise self._refused("only a named function can be called")
                value = Call(name, self._enclosed(")", many=True), _begin(value))
            else:
                return value

    def _primary(self) -> Expression:
        token = self._next
        if token.kind is Kind.LITERAL:
            return Literal(self._take().value, token.offset)
        if token.kind is Kind.NAME:
            return Name(self._take().text, token.offset)
        if self._at("("):
            return self._enclosed(")")[0]
        if self._at("["):
            return ListOf(self._enclosed("]", many=True), token.offset)
        found = "the end" if token.kind is Kind.END else repr(token.text)
        raise self._refused(f"expected a value, found {found}")

    def _enclosed(self, closing: str, *, many: bool = False) -> tuple[Expression, ...]:
        """The content between the opening bracket, which is next, and the closing one: one expression, or many."""
        self._nesting += 1
        if self._nesting > NESTING_LIMIT:
            raise self._refused("the expression is nested too deeply")
        self._take()
        items: list[Expression] = []
        while not (many and not items and self._at(closing)):
            items.append(self.expression(_LOOSEST))
            if not (many and self._at(",")):
                break
            self._take()
        self._expect(closing)
        self._nesting -= 1
        return tuple(items)


def _begin(name: Expression) -> int:
    """Where a dotted name begins; the node itself is at its last dot."""
    while isinstance(name, Field):
        name = name.of
    return name.offset


def _negated(prefix: Token, operand: Expression) -> Expression:
    """A sign before a number literal is part of the number; anything else is worked out when the workflow runs."""
    if (
        prefix.text == "-"
        and isinstance(operand, Literal)
        and type(operand.value) in (int, float)
        and operand.value >= 0
    ):
        return Literal(-operand.value, prefix.offset)
    return Unary(prefix.text, operand, prefix.offset)
