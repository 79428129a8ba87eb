"""The scenes that a prompt lists itself: a script's INT. and EXT., "Scene 1: …", a numbered or a bulleted list."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from promptreel.domain import phrases

MIN_LISTED = 2  # one item is no list
MAX_HEADING_CHARS = 120
_SLUG = re.compile(r"\s*(?:\d{1,3}[.)]?\s+)?(?:INT|EXT|EST|I/E|INT\.?\s*/\s*EXT)[.\s]\s*\S")
_NUMBERED = re.compile(r"\s*[(\[]?(?P<number>\d{1,3})\s?[.):\]\u3001](?!\d)\s*(?P<text>\S.*)")
_BULLET = re.compile(r"\s*[-*\u2022\u2013\u2014]\s+(?P<text>\S.*)")
_MARKS = re.compile(r"[*_#`]+")


@dataclass(frozen=True, slots=True)
class WrittenScene:
    """A scene in the user's own words; ``heading`` is its first line where that is a heading."""

    heading: str | None
    text: str

    @property
    def first_words(self) -> str:
        """Where it begins, to be shown as what a number of scenes was read from."""
        return (self.heading or self.text).splitlines()[0][:MAX_HEADING_CHARS].strip()


def find_written_scenes(prompt: str) -> tuple[WrittenScene, ...]:
    """The scenes that a prompt lists, in its order and words; none where it tells its story in one piece."""
    lines = prompt.splitlines()
    plain = [_MARKS.sub("", phrases.normalize(line)) for line in lines]
    for starts in (_slugs(plain), _named(plain), _numbered(plain)):
        if len(starts) >= MIN_LISTED:
            return tuple(_between(lines, starts, start) for start in range(len(starts)))
    bullets = [position for position, line in enumerate(plain) if _BULLET.match(lines[position]) or _BULLET.match(line)]
    if len(bullets) >= MIN_LISTED and bullets[0] > 0 and _announces_scenes(plain[: bullets[0]]):
        consecutive = [one for order, one in enumerate(bullets) if one == bullets[0] + order]
        return tuple(WrittenScene(None, _BULLET.sub(r"\g<text>", lines[one]).strip()) for one in consecutive)
    return ()


def _slugs(lines: Sequence[str]) -> list[int]:
    return [position for position, line in enumerate(lines) if _SLUG.match(line)]


def _named(lines: Sequence[str]) -> list[int]:
    return [position for position, line in enumerate(lines) if _heading().match(line)]


def _numbered(lines: Sequence[str]) -> list[int]:
    """A list counted from 1 without a gap."""
    starts: list[int] = []
    for position, line in enumerate(lines):
        match = _NUMBERED.match(line)
        if match and int(match["number"]) == len(starts) + 1:
            starts.append(position)
    return starts


def _between(lines: Sequence[str], starts: Sequence[int], order: int) -> WrittenScene:
    """The scene from its heading to the next one, as written; the last ends at an empty line when it is a list's."""
    begin = starts[order]
    end = starts[order + 1] if order + 1 < len(starts) else _end(lines, starts)
    first, *rest = [line.rstrip() for line in lines[begin:end]]
    body = "\n".join(rest).strip()
    if body:
        return WrittenScene(first.strip(), f"{first.strip()}\n{body}")
    return WrittenScene(None, first.strip())


def _end(lines: Sequence[str], starts: Sequence[int]) -> int:
    """Where the last scene ends: a list of single lines is over at an empty line, a script at the prompt's end."""
    is_list = all(later - earlier == 1 for earlier, later in pairwise(starts))
    if not is_list:
        return len(lines)
    after = range(starts[-1] + 1, len(lines))
    return next((position for position in after if not lines[position].strip()), len(lines))


def _announces_scenes(lines: Sequence[str]) -> bool:
    """Whether the last line before a list says that scenes follow, as "Scenes:"."""
    before = next((line for line in reversed(lines) if line.strip()), "")
    names = "|".join(re.escape(word) for word in phrases.scene_words())
    return before.rstrip().endswith(":") and re.search(names, before, re.IGNORECASE) is not None


@cache
def _heading() -> re.Pattern[str]:
    """A heading as "Scene 1: …" in every language that rules read, its number before or after the word."""
    names = "|".join(re.escape(word) for word in sorted(phrases.scene_headings(), key=len, reverse=True))
    after, before = rf"(?:{names})\s*\d{{1,3}}(?!\d)", rf"\d{{1,3}}\.?\s*(?:{names})\b"
    return re.compile(rf"\s*(?:{after}|第\s*\d{{1,3}}\s*\S{{1,2}}|{before})", re.IGNORECASE)
