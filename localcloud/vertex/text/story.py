"""What a prompt tells: the story in it, cut into as many beats as an answer needs.

Nothing here knows what is being written; it only reads sentences.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from localcloud.vertex.judge.merit import QualityScore
from localcloud.vertex.wire import Conversation

# Tags whose content is rather the story than the rules, when a prompt marks several passages.
_STORY_TAGS = ("idea", "story", "prompt", "premise", "brief", "synopsis", "script", "text")
_QUOTED = re.compile(r'"""(.+?)"""|' r"'''(.+?)'''", re.DOTALL)
_TAGGED = re.compile(r"<([A-Za-z_][\w-]*)>(.+?)</\1>", re.DOTALL)
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'\u201d\u2019)]*\s+|\s*\n\s*")
_SEMICOLON = re.compile(r";\s+")
# "Scene 1: …", "2. …", "- …" at the beginning of a line, up to the next one or an empty line.
_MARK = r"[ \t]*(?:[-*\u2022]|\d+[.)]|[A-Za-z]+ \d+\s*[:.\u2013-])[ \t]+"
_LINE_MARK = re.compile(rf"^(?:{_MARK}|#+ )", re.MULTILINE)
_PART = re.compile(rf"^{_MARK}(.+?)(?=\n{_MARK}|\n\s*\n|\Z)", re.MULTILINE | re.DOTALL)
_CLAUSE_END = re.compile(r"[,;:\u2014\u2013]\s+|\s+(?:and then|and|then|while|before|after|until|as)\s+")
_INSTRUCTION = re.compile(
    r"(?i)(?:please\s+)?(?:write|plan|return|answer|make|create|use|give|respond|output|keep|describe)\b"
)
_CLAUSE_WORDS = 3  # fewer do not tell anything on their own

# Said of a beat that must be told more than once, so that no two tellings are equal.
_MOMENTS = ("at first", "a little later", "seen closer", "as the light changes", "near the end", "at last")


@dataclass(frozen=True, slots=True)
class Brief:
    """A prompt as read: ``story`` is what to tell, ``wishes`` every text to look for counts in, newest first."""

    story: str
    wishes: tuple[str, ...]
    seed: tuple[object, ...]
    merit: QualityScore | None = None  # how well the pictures of the prompt would be judged, if there are any

    @classmethod
    def of(cls, prompt: Conversation, merit: QualityScore | None, *seed: object) -> "Brief":
        newest_first = prompt.user_texts[::-1]
        story = next((marked for text in newest_first if (marked := _marked(text))), "") or " ".join(newest_first)
        wishes = (*newest_first, prompt.system)
        return cls(story.strip() or "A quiet film without words.", wishes, (wishes, *seed), merit)


def _marked(text: str) -> str:
    if quoted := _QUOTED.search(text):
        return str(quoted[1] or quoted[2])
    tagged = {found[1].lower(): found[2] for found in reversed(list(_TAGGED.finditer(text)))}
    named = next((tagged[tag] for tag in _STORY_TAGS if tag in tagged), "")
    return named or next(reversed(tagged.values()), "")


def sentences(text: str) -> list[str]:
    """The sentences that tell; instructions count only where there is nothing else."""
    found = [part.strip() for part in _SENTENCE_END.split(_LINE_MARK.sub("", text)) if part and re.search(r"\w", part)]
    return [part for part in found if not _INSTRUCTION.match(part)] or found


def clauses(text: str) -> list[str]:
    """Parts of the sentences that can stand alone, in order."""
    parts: list[str] = []
    for sentence in sentences(text):
        for piece in _CLAUSE_END.split(sentence.rstrip(".!?… ")):
            if parts and len(piece.split()) < _CLAUSE_WORDS:
                parts[-1] += f" {piece}"
            elif piece:
                parts.append(piece)
    return parts


def parts(text: str) -> list[str]:
    """The numbered or bulleted parts of a text, without their marks; none where it has none."""
    marked = [found for found in _PART.finditer(text) if found[1].strip()]
    return [" ".join(found[1].split()) for found in marked] if len(marked) > 1 else []


def outside_parts(text: str) -> str:
    """What is said of the whole: the text without its parts, or all of it."""
    return _PART.sub("", text).strip() or text if parts(text) else text


def beats(text: str, count: int) -> list[str]:
    """The text in ``count`` consecutive parts; too short a text is told again, each time a moment later."""
    if not count:
        return []
    cuts = (parts(text), sentences(text), _SEMICOLON.split(text), clauses(text))
    exact = next((cut for cut in cuts if len(cut) == count), None)
    if exact:
        return exact
    pieces = next((cut for cut in cuts if len(cut) > count), clauses(text))
    if len(pieces) >= count:
        bounds = [len(pieces) * i // count for i in range(count + 1)]
        return [" ".join(pieces[start:end]) for start, end in pairwise(bounds)]
    told = []
    for i in range(count):
        moment, round_ = _MOMENTS[i % len(_MOMENTS)], i // len(_MOMENTS)
        again = f" ({round_ + 1})" if round_ else ""
        told.append(f"{pieces[i * len(pieces) // count].rstrip('.!?… ')}, {moment}{again}")
    return told
