"""Which remedies may help after a failed call, in which order, and what its owner or operators should change.

Codes, categories, remedies and advice are data (data/remedies.json). Codes are a provider's support codes and the names
of classes of failures, which the provider's adapter recognises; an unlisted support code is taken for a refusal.
"""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Literal

from promptreel.domain.document import Frozen

RemedyKind = Literal["repeat", "reseed", "rewrite", "redraw", "mute", "model", "successor"]
FailureCode = Literal["clip_refused", "clip_failed", "clip_timed_out", "misconfigured", "model_unsuitable"]

MAX_TRIES = 3  # attempts at a text or a keyframe; a clip has remedies instead
EXHAUSTED = "exhausted"  # the code of a call that its provider did not accept for long
MODEL_UNAVAILABLE = "model_unavailable"  # the code of a model that is retired, or not offered here


class Remedy(Frozen):
    """``steps`` are tried in order; then the scene is given up with ``problem``, and ``advice`` to its owner."""

    category: str
    problem: FailureCode = "clip_refused"
    steps: tuple[RemedyKind, ...]
    advice: str

    @property
    def stops_the_job(self) -> bool:
        """Whether no substitute for a scene covers this: every other scene would fail in the same way."""
        return self.problem in {"misconfigured", "model_unsuitable"}

    def choose_next(self, used: Sequence[str], available: Container[RemedyKind]) -> RemedyKind | None:
        """The first step that is unused and available for this scene; None when there is none."""
        return choose_next(self.steps, used, available)


class _Category(Remedy):
    codes: tuple[str, ...]


class _Remedies(Frozen):
    comment: str
    max_remedies: int
    unknown: Remedy
    timed_out: Remedy
    categories: tuple[_Category, ...]


def choose_next(
    steps: Sequence[RemedyKind], used: Sequence[str], available: Container[RemedyKind]
) -> RemedyKind | None:
    """The first of these steps that is unused and available for a scene; None when there is none.

    A successor is not counted among the remedies: a model has only so many successors.
    """
    unused = Counter(kind for kind in used if kind != "successor")
    is_exhausted = unused.total() >= _load().max_remedies
    for kind in steps:
        if unused[kind]:
            unused[kind] -= 1
        elif kind in available and (kind == "successor" or not is_exhausted):
            return kind
    return None


def find_remedy(codes: Sequence[str]) -> Remedy:
    """The strictest remedy of these codes; without one that is listed, the one of an unknown refusal."""
    known = [category for category in _load().categories if set(category.codes) & set(codes)]
    return min(known, key=lambda category: len(category.steps), default=_load().unknown)


def timeout_remedy() -> Remedy:
    """For a clip that was perhaps paid and never seen: one more attempt is all that is risked."""
    return _load().timed_out


def refusals() -> Mapping[str, Remedy]:
    """The remedy of every category of refusals, by one of its codes."""
    return {one.codes[0]: one for one in _load().categories if one.problem == "clip_refused"}


def max_remedies() -> int:
    """How many remedies a scene may have before it is given up."""
    return _load().max_remedies


def listed_codes() -> frozenset[str]:
    """Every code that has a remedy of its own."""
    return frozenset(code for category in _load().categories for code in category.codes)


@cache
def _load() -> _Remedies:
    return _Remedies.model_validate_json(resources.files("promptreel.data").joinpath("remedies.json").read_bytes())
