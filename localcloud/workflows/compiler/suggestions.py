"""The known name that was probably meant: the helpful half of a complaint about an unknown one."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggest(name: str, known: Iterable[object]) -> str:
    """The end of a complaint; empty when nothing known is like the name."""
    close = get_close_matches(name, [word for word in known if isinstance(word, str)], n=1, cutoff=0.7)
    return f", did you mean {close[0]!r}?" if close and close[0] != name else ""
