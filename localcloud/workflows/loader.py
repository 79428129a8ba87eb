"""YAML or JSON text → a tree whose every node knows its line and column.

PyYAML scans and composes; which plain words are numbers, booleans or null is decided here, by YAML 1.2's core schema:
the service knows only the true/false spellings, while PyYAML's own resolver also turns yes, on, 12:30, 010 and dates
into something else. Nothing about steps or expressions may enter here.
"""

import json
import re
from dataclasses import dataclass
from typing import TypeAlias

import yaml
from yaml.composer import Composer
from yaml.error import MarkedYAMLError
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from localcloud.workflows.faults import Position, Problem, SourceRefused
from localcloud.workflows.values import well_formed

SOURCE_LIMIT_BYTES = 128 * 1024
NODE_LIMIT = 70_000  # more than 128 KB can spell out; aliases of aliases unfold into far more

_START = Position(1, 1)
_LINE_ENDS = "\0\r\n"  # PyYAML ends its text with a null character
_NULLS = {"", "~", "null", "Null", "NULL"}
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_PREFIXED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_DOUBLE = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INT64 = range(-(2**63), 2**63)

Plain: TypeAlias = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Scalar:
    value: Plain
    at: Position
    inset: int = 0  # columns from ``at`` to the first character of the text: 1 behind a quote


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple["Node", ...]
    at: Position


@dataclass(frozen=True, slots=True)
class Mapping:
    entries: tuple[tuple[Scalar, "Node"], ...]
    at: Position

    def get(self, key: str) -> "Node | None":
        return next((node for name, node in self.entries if name.value == key), None)

    def keys(self) -> tuple[Plain, ...]:
        return tuple(name.value for name, _ in self.entries)


Node: TypeAlias = Scalar | Sequence | Mapping


class _Text(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML's front half without its resolver: every plain scalar arrives as text."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)

    def scan_plain(self) -> yaml.ScalarToken:
        """A plain scalar. In ``[${x}]`` YAML itself would stop before the brace, the service reads the expression."""
        start = self.get_mark()
        length = self._expression_length() if self.flow_level else 0
        if not length:
            return super().scan_plain()
        chunk = self.prefix(length)
        self.forward(length)
        self.allow_simple_key = False
        return yaml.ScalarToken(chunk, plain=True, start_mark=start, end_mark=self.get_mark())

    def _expression_length(self) -> int:
        """Characters of the ``${…}`` that begins here and ends on this line; 0 if none does."""
        if self.prefix(2) != "${":
            return 0
        length, depth, quote = 1, 0, ""
        while (char := self.peek(length)) not in _LINE_ENDS:
            length += 1
            if quote:
                length += char == "\\" and self.peek(length) not in _LINE_ENDS
                quote = "" if char == quote else quote
            elif char in "\"'":
                quote = char
            else:
                depth += (char == "{") - (char == "}")
            if depth == 0:
                return length
        return 0


def load(text: str) -> Node:
    """The tree of one document. Raises: SourceRefused, with the place of the first thing that is not YAML."""
    text = well_formed(text)
    if len(text.encode()) > SOURCE_LIMIT_BYTES:
        raise SourceRefused([Problem(_START, f"the source is larger than {SOURCE_LIMIT_BYTES // 1024} KB")])
    try:
        root = _Text(_without_tabs(text)).get_single_node()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part and mark is error.problem_mark)
        raise SourceRefused([Problem(_position(mark), said or "this is not YAML")]) from error
    except ReaderError as error:
        raise SourceRefused([Problem(_START, f"unreadable character: {error.reason}")]) from error
    except RecursionError as error:
        raise SourceRefused([Problem(_START, "the source is nested too deeply")]) from error
    if root is None:
        raise SourceRefused([Problem(_START, "the source is empty")])
    return _Tree().node(root, ())


def _without_tabs(text: str) -> str:
    """JSON may be indented with tabs, YAML may not; a tab that is JSON's own is never inside a string."""
    if "\t" not in text or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text.replace("\t", " ")


class _Tree:
    """Unfolds PyYAML's graph of nodes, which aliases may have tied into loops, into a plain tree."""

    def __init__(self) -> None:
        self.nodes = 0

    def node(self, raw: yaml.Node, within: tuple[int, ...]) -> Node:
        at = _position(raw.start_mark)
        self.nodes += 1
        if id(raw) in within or self.nodes > NODE_LIMIT:
            raise SourceRefused([Problem(at, "an alias unfolds without end")])
        inside = (*within, id(raw))
        if isinstance(raw, yaml.SequenceNode):
            return Sequence(tuple(self.node(item, inside) for item in raw.value), at)
        if isinstance(raw, yaml.MappingNode):
            return self.mapping(raw, inside, at)
        if isinstance(raw, yaml.ScalarNode):
            return self.scalar(raw, at)
        raise SourceRefused([Problem(at, "this is not YAML")])

    def mapping(self, raw: yaml.MappingNode, inside: tuple[int, ...], at: Position) -> Mapping:
        entries: list[tuple[Scalar, Node]] = []
        seen: set[tuple[type, Plain]] = set()
        for raw_key, raw_value in raw.value:
            key = self.node(raw_key, inside)
            if not isinstance(key, Scalar):
                raise SourceRefused([Problem(key.at, "a key must be a plain value")])
            if (type(key.value), key.value) in seen:
                raise SourceRefused([Problem(key.at, f"the key {key.value!r} is given twice")])
            seen.add((type(key.value), key.value))
            entries.append((key, self.node(raw_value, inside)))
        return Mapping(tuple(entries), at)

    @staticmethod
    def scalar(raw: yaml.ScalarNode, at: Position) -> Scalar:
        if raw.style is not None or raw.tag == "!":
            return Scalar(well_formed(raw.value), at, inset=1 if raw.style in ("'", '"') else 0)
        if not raw.tag.endswith(":str"):
            raise SourceRefused([Problem(at, f"tags such as {raw.tag} are not understood")])
        return Scalar(resolve(raw.value, at), at)


def resolve(word: str, at: Position = _START) -> Plain:
    """What a plain (unquoted) word means in YAML 1.2's core schema."""
    if word in _NULLS:
        return None
    if word in _BOOLEANS:
        return _BOOLEANS[word]
    if _INTEGER.fullmatch(word) or _PREFIXED.fullmatch(word):
        number = int(word) if _INTEGER.fullmatch(word) else int(word, 0)
        if number not in _INT64:
            raise SourceRefused([Problem(at, f"{word} does not fit in a 64-bit integer")])
        return number
    if _DOUBLE.fullmatch(word):
        return float(word)
    return word


def _position(mark: yaml.Mark | None) -> Position:
    return _START if mark is None else Position(mark.line + 1, mark.column + 1)
