"""Expression text → tokens, each with its offset."""

import math
import re
from dataclasses import dataclass
from enum import StrEnum

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


_HINTS = {
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
    hint = _HINTS.get(char)
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
