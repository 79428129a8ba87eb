"""What a refusal asks for: is the same shot worth another try, and what should its owner change (D4)?

Codes, categories and advice are data (data/remedies.json); a code nobody has listed gets the benefit of the doubt.
"""

from collections.abc import Sequence
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Remedy(_Data):
    """``reseeds``: how often the same shot is tried again with another seed. ``advice``: to the scene's owner."""

    category: str
    reseeds: int
    advice: str


class _Category(Remedy):
    codes: tuple[str, ...]


class _Remedies(_Data):
    comment: str
    unknown: Remedy
    categories: tuple[_Category, ...]


def remedy(codes: Sequence[str]) -> Remedy:
    """The strictest remedy of these support codes; the unknown one where none is listed."""
    known = [category for category in _load().categories if set(category.codes) & set(codes)]
    return min(known, key=lambda category: category.reseeds, default=_load().unknown)


@cache
def _load() -> _Remedies:
    return _Remedies.model_validate_json(resources.files("promptreel.data").joinpath("remedies.json").read_bytes())
