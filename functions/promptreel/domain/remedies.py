"""What a refusal asks for: which remedies may help, in which order, and what should the scene's owner change (D4)?

Codes, categories, remedies and advice are data (data/remedies.json); a code nobody has listed gets the benefit of the
doubt.
"""

import re
from collections import Counter
from collections.abc import Container, Sequence
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict

Step = Literal["reseed", "rewrite", "redraw", "mute", "model"]
Problem = Literal["clip_refused", "clip_failed", "clip_timed_out"]

_RPC_CODE = re.compile(r"\(code (\d+)\)")


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Remedy(_Data):
    """``steps``: what is tried, in order; then the scene is given up with ``problem``, and ``advice`` to its owner."""

    category: str
    problem: Problem = "clip_refused"
    steps: tuple[Step, ...]
    advice: str

    def next_step(self, used: Sequence[str], possible: Container[Step]) -> Step | None:
        """The first step that is left and possible for this scene; None when the scene is to be given up."""
        if len(used) >= _load().max_remedies:
            return None
        left = Counter[str](used)
        for step in self.steps:
            if left[step]:
                left[step] -= 1
            elif step in possible:
                return step
        return None


class _Category(Remedy):
    """What it is known by: support codes, else the code of a failed operation, else words in the reason."""

    codes: tuple[str, ...] = ()
    rpc_codes: tuple[int, ...] = ()
    words: tuple[str, ...] = ()


class _Remedies(_Data):
    comment: str
    max_remedies: int
    unknown: Remedy
    timed_out: Remedy
    categories: tuple[_Category, ...]


def remedy(codes: Sequence[str], reason: str = "") -> Remedy:
    """The strictest remedy of these support codes; without one that is known, what the reason tells."""
    known = [category for category in _load().categories if set(category.codes) & set(codes)]
    return min(known, key=lambda category: len(category.steps), default=None) or _by_reason(reason)


def timed_out() -> Remedy:
    """For a clip that was perhaps paid and never seen: one more try is all that is risked."""
    return _load().timed_out


def _by_reason(reason: str) -> Remedy:
    numbers = {int(number) for number in _RPC_CODE.findall(reason)}
    words = set(re.findall(r"[a-z]+", reason.lower()))
    for category in _load().categories:
        if numbers & set(category.rpc_codes) or (not numbers and words & set(category.words)):
            return category
    return _load().unknown


@cache
def _load() -> _Remedies:
    return _Remedies.model_validate_json(resources.files("promptreel.data").joinpath("remedies.json").read_bytes())
