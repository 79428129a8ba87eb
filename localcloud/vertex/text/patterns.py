"""Strings that a regular expression accepts: its parsed form is walked, every choice drawn from the seed."""

import string
from collections.abc import Sequence
from re import _constants as op  # type: ignore[attr-defined] # the standard library's own parser, which has no public name
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from localcloud.vertex import chance
from localcloud.vertex.text.keywords import regex

_TRIES = 60
_PRINTABLE = string.ascii_lowercase + string.digits + string.ascii_uppercase + " -_.,:/#@+"
_CATEGORIES = {
    op.CATEGORY_DIGIT: string.digits,
    op.CATEGORY_WORD: string.ascii_lowercase + string.digits + "_",
    op.CATEGORY_SPACE: " ",
    op.CATEGORY_NOT_DIGIT: string.ascii_lowercase,
    op.CATEGORY_NOT_WORD: " -.,",
    op.CATEGORY_NOT_SPACE: string.ascii_lowercase + string.digits,
}


def sample(pattern: str, least_chars: int, most_chars: int, *seed: object) -> str | None:
    """A string within the lengths that the pattern accepts; None when none was found, or the pattern is broken."""
    accepts = regex(pattern)
    if accepts is None:
        return None
    for attempt in range(_TRIES):
        text = _Walk((seed, attempt), longest_repeat=2 ** (attempt % 10) - 1 + attempt // 10).write(accepts.pattern)
        if len(text) < least_chars and not pattern.endswith("$"):
            text += "a" * (least_chars - len(text))
        if least_chars <= len(text) <= (most_chars or len(text)) and accepts.search(text):
            return text
    return None


class _Walk:
    """One way through a pattern. Look-arounds are not walked: whether the text fits is checked at the end."""

    def __init__(self, seed: object, longest_repeat: int) -> None:
        self._seed = seed
        self._longest_repeat = longest_repeat
        self._drawn = 0
        self._groups: dict[int, str] = {}

    def write(self, pattern: str) -> str:
        return self._all(_parser.parse(pattern))

    def _draw(self, below: int) -> int:
        self._drawn += 1
        return chance.number(self._seed, self._drawn) % max(1, below)

    def _one_of(self, choices: Sequence[Any]) -> Any:
        return choices[self._draw(len(choices))]

    def _all(self, steps: Any) -> str:
        return "".join(self._step(name, argument) for name, argument in steps)

    def _step(self, name: Any, argument: Any) -> str:  # noqa: PLR0911 - one answer for each kind of step
        match name:
            case op.LITERAL:
                return chr(argument)
            case op.NOT_LITERAL:
                return str(self._one_of([each for each in _PRINTABLE if ord(each) != argument]))
            case op.ANY:
                return str(self._one_of(string.ascii_lowercase))
            case op.IN:
                return str(self._one_of(_characters(argument)))
            case op.BRANCH:
                return self._all(self._one_of(argument[1]))
            case op.SUBPATTERN:
                group, _, _, inner = argument
                self._groups[group] = self._all(inner)
                return self._groups[group]
            case op.GROUPREF:
                return self._groups.get(argument, "")
            case op.MAX_REPEAT | op.MIN_REPEAT | op.POSSESSIVE_REPEAT:
                least, most, inner = argument
                times = least + self._draw(min(int(most) - least, self._longest_repeat) + 1)
                return "".join(self._all(inner) for _ in range(times))
            case op.ATOMIC_GROUP:
                return self._all(argument)
            case _:
                return ""


def _characters(members: Sequence[tuple[Any, Any]]) -> str:
    """The characters of a set like ``[a-z_-]``, or of those outside it where it is negated."""
    inside = ""
    for name, argument in members:
        if name is op.LITERAL:
            inside += chr(argument)
        elif name is op.RANGE:
            inside += "".join(map(chr, range(argument[0], min(argument[1], argument[0] + 127) + 1)))
        elif name is op.CATEGORY:
            inside += _CATEGORIES.get(argument, string.ascii_lowercase)
    if members[0][0] is op.NEGATE:
        return "".join(each for each in _PRINTABLE if each not in inside) or "~"
    return inside
