"""Fit a prompt to what its model takes: parts in order of importance, the last one cut at a sentence or word."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from promptreel.domain.document import Part
from promptreel.domain.tariffs import count_tokens_at_most
from promptreel.errors import Rejected

ESSENTIAL = 0
MAX_WORD_CHARS = 40
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+|(?<=[。！？])")  # noqa: RUF001 - the marks of Chinese and Japanese
_WORD_END = re.compile(r"\s+")


class FittedPrompt(Part):
    """A prompt as it is sent. ``original`` is what it was cut from, None when nothing was cut."""

    text: str
    original: str | None = None


class PromptTooLong(Rejected):
    """Even the essential part of a prompt does not fit its model. Nothing was sent."""

    default_code = "prompt_too_long"


@dataclass(frozen=True, slots=True)
class PromptPart:
    """A line of a prompt. The lower its importance, the later it is left out; `ESSENTIAL` parts never are."""

    text: str
    importance: int = ESSENTIAL


@dataclass(frozen=True, slots=True)
class PromptLimit:
    """The longest prompt that a model takes, in characters or in tokens."""

    model: str
    most: int
    unit: str
    measure: Callable[[str], int]

    @classmethod
    def chars(cls, model: str, most: int) -> "PromptLimit":
        """A limit in characters."""
        return cls(model, most, "characters", len)

    @classmethod
    def tokens(cls, model: str, most: int) -> "PromptLimit":
        """A limit in tokens, counted so that a prompt never has more than are counted."""
        return cls(model, most, "tokens", count_tokens_at_most)

    def holds(self, text: str) -> bool:
        """Whether a prompt fits."""
        return self.measure(text) <= self.most


def fit(parts: Sequence[PromptPart], limit: PromptLimit, what: str) -> FittedPrompt:
    """The prompt of these parts, in their order. ``what`` names it in a refusal: ``scene-02: the clip's prompt``.

    Raises: PromptTooLong when the essential parts do not fit.
    """
    original = _join(parts)
    if limit.holds(original):
        return FittedPrompt(text=original)
    kept = {index: part for index, part in enumerate(parts) if part.importance == ESSENTIAL}
    needed = limit.measure(_join_kept(kept))
    if needed > limit.most:
        raise PromptTooLong(
            f"{what} has {needed:,} {limit.unit} without all that can be left out; {limit.model} takes {limit.most:,}.",
            remedy="Shorten what this scene shows and says, split it into two scenes, or name a model in `models` that "
            "takes longer prompts (`promptreel models`).",
        )
    for index in sorted(range(len(parts)), key=lambda index: (parts[index].importance, index)):
        if index in kept:
            continue
        if limit.holds(_join_kept({**kept, index: parts[index]})):
            kept[index] = parts[index]
            continue
        for head in map(PromptPart, _heads(parts[index].text)):
            if limit.holds(_join_kept({**kept, index: head})):
                kept[index] = head
                break
        break
    return FittedPrompt(text=_join_kept(kept), original=original)


def _heads(text: str) -> Iterator[str]:
    """Beginnings of a text, the longest first: to the end of a sentence, then of a word, then of any character.

    Only a text without spaces is cut within a word.
    """
    for ends in (_SENTENCE_END, _WORD_END):
        for match in reversed(list(ends.finditer(text))):
            head = text[: match.start()].rstrip()
            if head and not head.endswith(":"):  # a label alone says nothing
                yield head
    if len(_WORD_END.split(text)[0]) > MAX_WORD_CHARS:
        yield from (text[:length] for length in range(len(text) - 1, MAX_WORD_CHARS, -1))


def _join_kept(kept: Mapping[int, PromptPart]) -> str:
    return _join(kept[index] for index in sorted(kept))


def _join(parts: Iterable[PromptPart]) -> str:
    return "\n".join(part.text for part in parts)
