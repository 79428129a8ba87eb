"""Expression text → tokens, each with its offset."""

import re
from dataclasses import dataclass
from enum import StrEnum

from localcloud.workflows.values import INT64, Value

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
_WORDS = {"and": "and", "AND": "and", "or": "or", "OR": "or", "not": "not", "NOT": "not", "in": "in"}
_LITERALS: dict[str, Value] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    "null": None,
}


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
            complaint = "a string is not closed" if text[offset] in "\"'" else f"unexpected {text[offset]!r}"
            raise ExpressionRefused(complaint, offset)
        if match.lastgroup != "space":
            found.append(_token(str(match.lastgroup), match.group(), offset))
        offset = match.end()
    found.append(Token(Kind.END, "the end", offset))
    return found


def _token(group: str, text: str, offset: int) -> Token:
    if group == "name":
        if text in _WORDS:
            return Token(Kind.SYMBOL, _WORDS[text], offset)
        if text in _LITERALS:
            return Token(Kind.LITERAL, text, offset, _LITERALS[text])
        return Token(Kind.NAME, text, offset)
    if group == "symbol":
        return Token(Kind.SYMBOL, text, offset)
    if group == "string":
        return Token(Kind.LITERAL, text, offset, _ESCAPE.sub(_unescaped, text[1:-1]))
    if group == "double":
        return Token(Kind.LITERAL, text, offset, float(text))
    if int(text) not in INT64:
        raise ExpressionRefused(f"{text} does not fit in a 64-bit integer", offset)
    return Token(Kind.LITERAL, text, offset, int(text))


def _unescaped(match: re.Match[str]) -> str:
    code = match.group(1)
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, code)
