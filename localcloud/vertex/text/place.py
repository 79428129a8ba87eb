"""Where in an answer the filler is and what it knows there; scores and verdicts where pictures are judged.

A place asks for a score by its bounds or by everyday words only; no field of any particular schema is named. All
verdicts follow the quality score of what was shown.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from localcloud.vertex import chance
from localcloud.vertex.judging import QualityScore
from localcloud.vertex.text.schema import Node
from localcloud.vertex.text.story import Brief, words

_DEEPEST = 24  # levels after which only what a schema demands is written, whatever the schema
_INNER_ATTEMPTS = 64
_MOST_TURNS = 2  # times a schema may contain itself before it has to come to an end


@dataclass(slots=True)
class Patience:
    """Second tries left for a whole answer: some schemas cannot be satisfied at all."""

    tries_left: int = 400

    def spend(self) -> bool:
        self.tries_left -= 1
        return self.tries_left >= 0


@dataclass(frozen=True, slots=True)
class Place:
    """Names on the way down, the part of the story for this place, the place among siblings.

    ``turns`` counts how often each reference was followed on the way; ``attempt`` makes a second try differ.
    """

    brief: Brief
    beat: str
    path: tuple[str | int, ...] = ()
    place: int = 0
    listed: bool = False
    called: str = ""
    turns: Mapping[str, int] = field(default_factory=dict)
    attempt: int = 0
    picture: int = 0  # number of the picture that this part of the answer is about, from 1
    patience: Patience = field(default_factory=Patience)

    @property
    def name(self) -> str:
        return next((str(step) for step in reversed(self.path) if isinstance(step, str)), "")

    @property
    def merit(self) -> QualityScore | None:
        """How well what this part of the answer is about would be judged."""
        whole = self.brief.merit
        return whole.by_picture.get(self.picture, whole) if whole is not None else None

    @property
    def seed(self) -> tuple[object, ...]:
        return (*self.brief.seed, self.path, *([self.attempt] if self.attempt else []))

    @property
    def arrays_above(self) -> int:
        return sum(isinstance(step, int) for step in self.path)

    @property
    def must_end(self) -> bool:
        """Whether only what the schema demands should be written from here on."""
        return len(self.path) > _DEEPEST or any(turns >= _MOST_TURNS for turns in self.turns.values())

    def at(self, step: str | int, **changes: Any) -> "Place":
        """A place inside this one; in a second try each inside place goes its own way."""
        attempt = chance.number(self.attempt, step) % _INNER_ATTEMPTS if self.attempt else 0
        return replace(self, path=(*self.path, step), attempt=attempt, **changes)

    def within(self, way: Node) -> "Place":
        """The same place once it is decided how to fill it."""
        if not way.references:
            return self
        return replace(self, turns={**self.turns, **{each: self.turns.get(each, 0) + 1 for each in way.references}})


PASSING = 0.6  # a mark from which on the answer is yes
_JITTER = 0.05  # so that two marks of one answer need not be equal
PICTURE_NUMBERS = frozenset({"picture", "image", "number", "index", "frame"})
_TOPS = frozenset({1, 3, 4, 5, 6, 7, 10, 20, 100})  # where scales that begin at 0 or 1 end
_MARKS = frozenset(
    "score scores mark marks rating rate grade quality similarity likeness match consistency continuity confidence "
    "fidelity coherence sharpness motion realism adherence points percent overall".split()
)
_BAD = frozenset(
    "defect defects flaw flaws artifact artifacts problem problems issue issues error errors fault faults broken black "
    "blank empty frozen frozenness still static blurry blur bad fail fails failed failure reject rejected rejection "
    "unusable missing mismatch mismatched different difference distortion drift poor low no severity penalty redo "
    "retry".split()
)
_GOOD = frozenset(
    "pass passes passed good excellent great perfect accept accepted ok okay approve approved yes keep high valid "
    "consistent match matches matching same usable none".split()
)
_REASONS = frozenset(
    "reason reasons explanation rationale finding findings comment comments feedback observation observations "
    "critique justification verdict remark remarks".split()
)
# What a score may be about. Only the first three are ever found wanting; the others are known to be none of them.
_TOPICS: Mapping[str, frozenset[str]] = {
    "clothing": frozenset("clothing clothes costume costumes wardrobe outfit garment garments".split()),
    "props": frozenset("prop props thing things object objects product products".split()),
    "light": frozenset("light lights lighting brightness".split()),
    "cast": frozenset("cast character characters face faces person people identity".split()),
    "place": frozenset("place places setting settings location locations background".split()),
    "style": frozenset("style look medium technique".split()),
}
_SCALE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:to|and|\.\.\.?|[-\u2013])\s*(\d+(?:\.\d+)?)")


def score_at(place: Place, about: str, bounds: tuple[float, float], *, integer: bool, is_said: bool) -> float | None:
    """The number for a place that asks for a mark; None for any other place. ``is_said``: the prompt names a number."""
    merit, named = place.merit, set(words(place.name))
    low, high = bounds
    scale = low in (0, 1) and high in _TOPS and high > low
    if merit is None or not (named & (_MARKS | _BAD) or (scale and (place.picture or not is_said))):
        return None
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = _written_scale((about, *place.brief.texts)) or (0, 10 if integer else 1)
    good = _towards_yes(_of_topic(merit, named), place) - _JITTER * chance.fraction(place.seed, "mark")
    return low + (high - low) * max(0.0, good)


def judged_yes(place: Place) -> bool | None:
    """The answer to a yes-or-no question; None where nothing is judged."""
    merit = place.merit
    return None if merit is None else _towards_yes(merit, place) >= PASSING


def judged_choice(options: Sequence[Any], place: Place) -> Any | None:
    """The option that says well done, or the one that says it was not."""
    merit = place.merit
    if merit is None:
        return None
    wanted = _GOOD if merit.mark >= PASSING else _BAD
    if place.picture and merit.mark < PASSING:
        about = {word for topic in merit.topics for word in _TOPICS[topic]}
        named = next((each for each in options if about & set(words(str(each)))), None)
        if named is not None:
            return named
    return next((each for each in options if wanted & set(words(str(each)))), None)


def findings(place: Place) -> tuple[str, ...] | None:
    """What a list or text of reasons says: of bad things only the flaws, of reasons both, flaws first."""
    merit, named = place.merit, set(words(place.name))
    if merit is None or not named & (_REASONS | _BAD):
        return None
    return merit.flaws if named & _BAD else merit.flaws + merit.praise


def _of_topic(merit: QualityScore, named: set[str]) -> QualityScore:
    """The score of one topic, where it is known what is wrong: nothing, or what the flaws are about."""
    asked = [topic for topic, names in _TOPICS.items() if names & named]
    if not merit.topics or not asked or set(asked) & set(merit.topics):
        return merit
    return replace(merit, mark=1.0)


def _towards_yes(merit: QualityScore, place: Place) -> float:
    return 1 - merit.mark if _BAD & set(words(place.name)) else merit.mark


def _written_scale(texts: Sequence[str]) -> tuple[float, float] | None:
    for text in texts:
        for found in _SCALE.finditer(text):
            low, high = float(found[1]), float(found[2])
            if low in (0, 1) and high in _TOPS:
                return low, high
    return None
