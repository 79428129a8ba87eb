"""What a free prompt says about length, scene count and format (B3), read with plain rules.

A field of the request always wins over the prompt; a wish that is out of range is left to the planner's own choice.
"""

import re
from dataclasses import dataclass

from promptreel.domain.models import Aspect
from promptreel.domain.request import MAX_SCENES

_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
).split()
_NUMBER = rf"(\d{{1,3}}|{'|'.join(_WORDS[1:])}|a|an|half a)"
_SCENES = re.compile(rf"\b{_NUMBER}[\s-]+(?!hundred\b|thousand\b)(?:\w+[\s-]+)?(?:scenes?|shots?)\b", re.IGNORECASE)
_SECONDS = re.compile(rf"\b{_NUMBER}[\s-]*(?:seconds?|secs?|s)\b", re.IGNORECASE)
_MINUTES = re.compile(rf"\b{_NUMBER}[\s-]*(?:minutes?|mins?)\b", re.IGNORECASE)
_VERTICAL = re.compile(r"\b(?:vertical|portrait|9:16)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the prompt asks for besides the story; None where it says nothing."""

    scenes: int | None
    duration_s: float | None
    aspect: Aspect | None


def read(prompt: str) -> Wishes:
    """The wishes in a prompt."""
    scenes = _number(_SCENES.search(prompt))
    seconds, minutes = _number(_SECONDS.search(prompt)), _number(_MINUTES.search(prompt))
    length_s = (minutes or 0) * 60 + (seconds or 0)
    return Wishes(
        scenes=int(scenes) if scenes and scenes == int(scenes) and 1 <= scenes <= MAX_SCENES else None,
        duration_s=length_s if 4 <= length_s <= 480 else None,  # noqa: PLR2004 - the request's own limits
        aspect="9:16" if _VERTICAL.search(prompt) else None,
    )


def _number(match: re.Match[str] | None) -> float | None:
    if match is None:
        return None
    word = match.group(1).lower()
    if word.isdigit():
        return float(word)
    return {"a": 1.0, "an": 1.0, "half a": 0.5}.get(word) or float(_WORDS.index(word))
