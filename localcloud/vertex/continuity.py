"""What drifts among the pictures of a prompt that says of each what it is: ``Picture 3: Mira by the sea``.

Whoever looks compares what the pictures show with one another and with what the words say. Nothing is known here of
what is asked about them, nor of what they are for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from localcloud.vertex.picture.palette import LIGHTS, find_named
from localcloud.vertex.picture.wardrobe import Coloured, find_coloured

_LABEL = re.compile(r"^Picture (\d+): (.*)$", re.MULTILINE)
_ASKED = re.compile(r"(?i)\bjudge (?:only )?pictures? ((?:\d+(?:, | and )?)+)")
_DESCRIBED = re.compile(r"^([^\n:]{1,80}): (.+)$", re.MULTILINE)
# Mean of the sky's channels, 0 to 1, within which a light looks as its name says.
_SKY: Mapping[str, tuple[float, float]] = {
    "night": (0.0, 0.335),
    "storm": (0.29, 0.475),
    "dusk": (0.335, 0.475),
    "dawn": (0.475, 1.0),
    "day": (0.475, 1.0),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What can be seen in a picture: the colours of cloth, and the mean of its sky's channels, 0 to 1."""

    colours: frozenset[str]
    sky: float


@dataclass(frozen=True, slots=True)
class Drift:
    """What differs in one picture: ``topic`` is clothing, props or light."""

    topic: str
    words: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What drifts in each of the pictures that the prompt wants judged; nothing in those that hold."""

    drifts: Mapping[int, tuple[Drift, ...]]


def compare(text: str, pictures: Sequence[Shown]) -> Comparison | None:
    """None where the prompt does not say what the pictures are, or which of them to judge."""
    labels = {int(number): words for number, words in _LABEL.findall(text) if int(number) <= len(pictures)}
    asked = _ASKED.search(text)
    if len(labels) < len(pictures) or asked is None:
        return None
    judged = [int(number) for number in re.findall(r"\d+", asked[1])]
    rest = _LABEL.sub("", text)
    described = {name.strip(): words for name, words in _DESCRIBED.findall(rest)}
    expected = {number: _expect(words, described) for number, words in labels.items()}
    drifts = {}
    for number in judged:
        if number in labels:
            lost = _find_lost(number, labels, expected, pictures)
            drifts[number] = (*lost, *_find_light(labels[number], rest, pictures[number - 1]))
    return Comparison(drifts)


def _expect(label: str, described: Mapping[str, str]) -> list[Coloured]:
    """What the words say that a picture shows: its own, and those on whom and what it names."""
    texts = [label, *(words for name, words in described.items() if re.search(rf"(?i)\b{re.escape(name)}\b", label))]
    return find_coloured(". ".join(texts))


def _find_lost(
    number: int, labels: Mapping[int, str], expected: Mapping[int, list[Coloured]], pictures: Sequence[Shown]
) -> list[Drift]:
    """Things of a colour that other pictures of them show, or its own words promise, and this one does not."""
    found = []
    for one in expected[number]:
        others = [other for other in expected if other != number and one in expected[other]]
        is_known = any(one.colour in pictures[other - 1].colours for other in others)
        if one.colour not in pictures[number - 1].colours and (is_known or one in find_coloured(labels[number])):
            topic = "clothing" if one.is_worn else "props"
            found.append(Drift(topic, f"The {one.noun} must be {one.colour}; it is missing or has another colour."))
    return found


def _find_light(label: str, rest: str, picture: Shown) -> list[Drift]:
    """Another light than the words name first; the label's own come before what is said of all."""
    named = find_named(re.findall(r"[a-z]+", f"{label} {rest}".lower()), LIGHTS)
    if not named:
        return []
    low, high = _SKY[named[0]]
    if low <= picture.sky <= high:
        return []
    fault = "dark" if picture.sky < low else "bright"
    return [Drift("light", f"The light must be that of {named[0]}; the picture is too {fault}.")]
