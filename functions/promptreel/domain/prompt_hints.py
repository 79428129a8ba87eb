"""Number of scenes, length and format that a free prompt names.

Only phrases about the film itself are read: "a 30-second film in four scenes", "Three scenes: …", "…, 90 seconds,
vertical". The same words inside the story ("a crime scene", "explodes in five minutes", "the 80s") are left alone.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from promptreel.domain.document import Part
from promptreel.domain.request import DURATION_S, MAX_SCENES

Field = Literal["scenes", "duration_s", "aspect"]
Value = int | float | str


class Inferred(Part):
    """A value that was read from the prompt, and the words it was read from."""

    field: Field
    value: Value
    words: str


@dataclass(frozen=True, slots=True)
class PromptHints:
    """At most one value for each field; ``unusable`` are fields, and sentences on what cannot be used for them."""

    read: tuple[Inferred, ...] = ()
    unusable: tuple[tuple[Field, str], ...] = ()

    def find(self, field: Field) -> Inferred | None:
        """The value that was read for this field, if any."""
        return next((hint for hint in self.read if hint.field == field), None)


_ONES = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORDS = rf"(?:{'|'.join(_TENS)})(?:-(?:{'|'.join(_ONES[:9])}))?|{'|'.join(reversed(_ONES))}"
_NUMBER = rf"(?:\d{{1,6}}(?:\.\d+)?|{_WORDS})"
_START = r"(?<![\w.,:$€£\u2013-])"  # not the end of a longer number, a range or an amount of money
_FILM = r"(?:film|movie|video|animation|clip|trailer|teaser|commercial|advert|reel|documentary|cartoon)\b"
_NOT_FILM = "".join(f"(?<!{noun} )" for noun in ("film", "movie", "video", "clip", "documentary"))

_SCENES = (
    rf"(?:(?:in|into|over|across)\s+)?{_START}{_NUMBER}[\s-]+(?:(?:short|long|quick|quiet|connected)\s+)?scenes?\b"
    rf"(?=\s*(?:[^\w\s]|$)|\s+(?:of|about|with|showing|and|lasting)\b|\s+{_FILM})"
)
_SHOTS = rf"(?:(?:in|into|over|across)\s+)?{_START}{_NUMBER}[\s-]+shots?\b"  # only beside the film: guns have shots too
_MINUTES = rf"{_NUMBER}(?:\s+and\s+a\s+half)?[\s-]*(?:minutes?|mins?)\b"
_SECONDS = rf"(?:{_NUMBER}[\s-]*(?:seconds?|secs?)\b|\d+\s+s\b|\d{{0,2}}[1-9]s\b)"  # "80s" may be a decade
_LENGTH = (
    rf"{_START}(?:{_MINUTES}(?:\s*(?:and|,)?\s*{_SECONDS})?|{_SECONDS})"
    rf"(?!\s+(?:each|per|apiece|later|earlier|ago|before|after|left|of)\b)"
    rf"(?:[\s-]+(?:long|in\s+(?:all|total)|total|altogether|overall)\b)?"
)
_SHAPE = (
    rf"(?:in\s+)?(?:(?:9:16|16:9|1:1|4:5|4:3|3:4|21:9)\b|(?:vertical|horizontal|square)(?=\s*(?:[^\w\s]|$)|\s+\d)"
    rf"|(?:vertical|portrait|horizontal|landscape|square)\s+(?:format|mode|orientation|{_FILM}))"
)
_HINT = rf"(?:{_SCENES}|{_LENGTH}|{_SHAPE})"
_LINK = (
    r"(?:of|and|with|lasting|(?:that|which)\s+lasts|lasts|is|(?:should|must|will)\s+(?:be|last)|runs|running|told|split"
    rf"|made|around|roughly|exactly|only|just|at\s+most|up\s+to|a\s+(?:length|duration)\s+of|{_NOT_FILM}about)"
)
_RUN = rf"(?:[\s,;]*(?:{_LINK}\s+)*{_HINT})"
_RUN_BESIDE_FILM = rf"(?:[\s,;]*(?:{_LINK}\s+)*(?:{_HINT}|{_SHOTS}))"
_LABEL = r"(?:length|duration|running\s+time|runtime|format|aspect(?:\s+ratio)?|orientation)\s*[:=]?"
_OPENING = r"(?:please\s+)?(?:(?:make|create|produce|generate|shoot|give\s+me|(?:i|we)\s+(?:want|need))\s+)?"
_WORD = r"(?!(?:a|an|the|of|in|at|to|on|for|from|by|with|who|that|his|her|their)\s)[\w'\u2019.:-]+"  # "black and white"
_FILM_PHRASE = re.compile(
    rf"{_OPENING}(?:(?:a|an|the|this|my|our)\s+)?(?:{_WORD},?\s+){{0,6}}?{_FILM}{_RUN_BESIDE_FILM}*", re.IGNORECASE
)
_BEGINNING = re.compile(rf"(?:make\s+it\s+|tell\s+it\s+|{_LABEL}\s*)?{_RUN}+", re.IGNORECASE)
_END = re.compile(rf"(?:[,;(]|\s(?=in\s)){_RUN}+[\s.!)]*$", re.IGNORECASE)
_BARE_WORDS = re.compile(r"\W*[a-z -]*(?:minutes?|seconds?)\W*", re.IGNORECASE)  # "they argue, three minutes"
_ANY = re.compile(rf"(?P<scenes>{_SCENES}|{_SHOTS})|(?P<duration_s>{_LENGTH})|(?P<aspect>{_SHAPE})", re.IGNORECASE)
_NAMES_FILM = re.compile(rf"make\s+it\b|tell\s+it\b|{_LABEL}|.*\bscenes?\b", re.IGNORECASE)
_RANGE = re.compile(r"(?:\w\s+(?:to|or)|between\s+\S+\s+and)\s+$", re.IGNORECASE)
_NEAR_CHARS = 160  # a phrase about the film is short; keeps the time linear

_VERTICAL, _HORIZONTAL = ("9:16", "vertical", "portrait"), ("16:9", "horizontal", "landscape")
_LIMITS = {
    "scenes": f"a film has 1 to {MAX_SCENES} scenes",
    "duration_s": f"a film lasts {DURATION_S[0]} to {DURATION_S[1]} s",
    "aspect": "a film is 16:9 or 9:16",
}


def extract_hints(prompt: str) -> PromptHints:
    """Read what the prompt says about the film beside its story. Two different values for a field cancel each other."""
    found: dict[Field, dict[Value | None, str]] = {}
    sentences = [one for one in re.split(r"[.!?]+(?:\s+|$)|\n+", re.sub(r"[*_#`]+", "", prompt)) if one.strip()]
    for position, sentence in enumerate(sentences):
        is_outer = position in {0, len(sentences) - 1}
        for phrase in _request_phrases(sentence.strip(), is_outer=is_outer):
            for match in _ANY.finditer(phrase):
                if match.lastgroup and not _RANGE.search(phrase[: match.start()]):
                    field, words = match.lastgroup, " ".join(match.group().split())
                    found.setdefault(field, {}).setdefault(_READERS[field](words.lower()), words)  # type: ignore[arg-type]
    read: list[Inferred] = []
    unusable: list[tuple[Field, str]] = []
    for field, values in found.items():
        words = " and ".join(f"“{one}”" for one in values.values())
        (value, first), *others = values.items()
        if others:
            unusable.append((field, f"prompt: says {words}; neither was used. Set `{field}`."))
        elif value is None:
            unusable.append((field, f"prompt: {words} was not used, because {_LIMITS[field]}. Set `{field}`."))
        else:
            read.append(Inferred(field=field, value=value, words=first))
    return PromptHints(tuple(read), tuple(unusable))


def _request_phrases(sentence: str, *, is_outer: bool) -> Iterator[str]:
    """The parts of a sentence that are about the film itself: its heading, or a phrase of its own at an end."""
    if phrase := _FILM_PHRASE.match(sentence[:_NEAR_CHARS]):
        yield phrase.group()
    if phrase := _BEGINNING.match(sentence[:_NEAR_CHARS]):
        is_whole_sentence = is_outer and phrase.end() == len(sentence.rstrip(" .:)"))
        if is_whole_sentence or _NAMES_FILM.match(phrase.group()):
            yield phrase.group()
    if (phrase := _END.search(sentence[-_NEAR_CHARS:])) and not _BARE_WORDS.fullmatch(phrase.group()):
        yield phrase.group()


def _count(words: str) -> int | None:
    count = _numbers(words)[0]
    return int(count) if count == int(count) and 1 <= count <= MAX_SCENES else None


def _length_s(words: str) -> float | None:
    numbers = _numbers(words)
    half = 0.5 if re.search(r"and\s+a\s+half", words) else 0
    length_s = (numbers[0] + half) * 60 + sum(numbers[1:]) if re.search(r"min", words) else numbers[0]
    if not DURATION_S[0] <= length_s <= DURATION_S[1]:
        return None
    return int(length_s) if length_s == int(length_s) else length_s


def _shape(words: str) -> str | None:
    if any(word in words for word in _VERTICAL):
        return "9:16"
    return "16:9" if any(word in words for word in _HORIZONTAL) else None


_READERS: dict[str, Callable[[str], Value | None]] = {"scenes": _count, "duration_s": _length_s, "aspect": _shape}


def _numbers(words: str) -> list[float]:
    return [_number(text) for text in re.findall(_NUMBER, words)]


def _number(text: str) -> float:
    if text[0].isdigit():
        return float(text)
    tens, _, ones = text.partition("-")
    if tens in _TENS:
        return (_TENS.index(tens) + 2) * 10 + (_ONES.index(ones) + 1 if ones else 0)
    return _ONES.index(tens) + 1
