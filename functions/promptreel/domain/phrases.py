"""How a prompt says how long its film is, in how many scenes and in which shape, in each language that rules read.

The words are data (data/phrases.json). The patterns that they fill are the same for all languages.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Annotated, Literal

from pydantic import BeforeValidator, model_validator

from promptreel.domain.document import Frozen

Field = Literal["scenes", "duration_s", "aspect"]
Value = int | float | str

NEAR_CHARS = 160  # a phrase about the film is short; keeps the time linear

# Vowel signs and other marks: part of a word, but not `\w` for Python.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0903\u093a-\u094f\u0951-\u0957"
_LETTER_SET = rf"\w{_MARKS}"
_LETTER = f"[{_LETTER_SET}]"
_NUMBER = r"\d{1,6}(?:[.,]\d+)?"
_RATIO = r"(?<![\d:])(?:9:16|16:9|1:1|4:5|4:3|3:4|21:9)(?![\d:])"
_NO_COUNT = "$€£¥\u2013~〜-"  # before a number: it is an amount of money, or ends a range
_CLOCK = r"\d{1,2}:[0-5]\d(?![\d:])"
_SENTENCE_ENDS = "。\uff01\uff1f｡।॥؟"
_PUNCTUATION = {"،": ",", "、": ",", "؛": ";", "“": '"', "”": '"'}


def _split(value: object) -> object:
    return tuple(value.split("|")) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_split)]


class Language(Frozen):
    """The words of one language; what each list is for is said in data/phrases.json."""

    numbers: Mapping[float, Words]
    compound: tuple[str, ...] = ()
    half: Words = ()
    second: Words
    minute: Words
    minute_before_seconds: Words = ()
    fixed_s: Mapping[float, Words] = {}
    fixed_scenes: Mapping[int, Words] = {}
    scene: Words
    shot: Words
    scene_adjective: Words = ()
    film: Words
    vertical: Words
    horizontal: Words
    square: Words
    needs_format: Words = ()
    format: Words
    format_before: Words = ()
    into: Words = ()
    link: Words
    link_not_after_film: Words = ()
    follows_scenes: Words
    not_before: Words
    total: Words
    label: Words
    opening: Words
    article: Words
    stop: Words
    range: Words
    joint: Words = ()
    between: Words = ()
    scene_heading: Words
    prefixes: Words = ()
    adjective_after: bool = False
    spaces: bool = True
    words_before_film: int = 6

    @property
    def fixed_words(self) -> Words:
        """Words that hold number and unit in one."""
        return tuple(form for forms in self.fixed_s.values() for form in forms)

    @model_validator(mode="after")
    def _has_no_empty_word(self) -> "Language":
        for name in type(self).model_fields:
            words = getattr(self, name)
            if isinstance(words, tuple) and not all(one.strip() == one and one for one in words):
                raise ValueError(f"{name}: a word is empty or has spaces around it")
        return self


class _Phrases(Frozen):
    comment: str
    languages: Mapping[str, Language]


@dataclass(frozen=True, slots=True)
class Found:
    """A value that a text names, and where; ``value`` is None where no film can have it.

    ``in_story``: what follows says that it is not about the film, as "later".
    """

    field: Field
    value: int | float | str | None
    start: int
    end: int
    in_story: bool = False


class Grammar:
    """The patterns of one language, made when a text first has a word of it that counts."""

    def __init__(self, words: Language) -> None:
        self._words = words
        self._numbers = _number_forms(words)
        start, end = (f"(?<!{_LETTER})", f"(?!{_LETTER})") if words.spaces else ("", "")
        prefix = f"((?:{'|'.join(map(re.escape, words.prefixes))})?)" if words.prefixes else "()"
        longest_first = sorted(self._numbers, key=lambda one: (-len(one), one))
        self._number_words = _compiled(rf"{start}{prefix}({'|'.join(map(_pattern, longest_first))}){end}")
        counted = (words.second, words.minute, words.minute_before_seconds, words.scene, words.shot)
        every = [*(one for group in counted for one in group), *self._shapes(), *self._fixed()]
        unmarked = sorted({one.strip("*") for one in every})
        self._trigger = _compiled(
            "|".join([_RATIO, r"\ds\b", r"\d\s+s\b", rf"[:=]\s{_CLOCK}", *map(_pattern, unmarked)])
        )

    def find_hints(self, sentence: str, *, is_outer: bool) -> Iterator[Found]:
        """What the phrases about the film in a sentence say; ``is_outer``: it is the prompt's first or last one."""
        if not self._trigger.search(sentence):
            return
        text = self._with_digits(sentence)
        for start, phrase in self._request_phrases(text, is_outer=is_outer):
            for match in self._patterns.hint.finditer(phrase):
                if match.lastgroup and not self._patterns.range.search(phrase[: match.start()]):
                    found = self._found(match, start, text)
                    if not self._is_article(found, sentence):
                        yield found

    def read_quote(self, words: str) -> Iterator[Found]:
        """Every number of scenes, length and shape that these words name, whatever stands around it."""
        if self._trigger.search(words):
            text = self._with_digits(words)
            for match in self._patterns.quoted.finditer(text.text):
                yield self._found(match, 0, text)

    def _with_digits(self, sentence: str) -> "_Digits":
        """The sentence with its number words as digits."""
        parts: list[str] = []
        places: list[int] = []
        at = 0
        for match in self._number_words.finditer(sentence):
            digits = f"{self._numbers[_key(match[2])]:g}"
            parts += [sentence[at : match.start(2)], digits]
            places += [*range(at, match.start(2)), *[match.start(2)] * len(digits)]
            at = match.end()
        return _Digits("".join([*parts, sentence[at:]]), sentence, (*places, *range(at, len(sentence) + 1)))

    def _found(self, match: re.Match[str], offset: int, text: "_Digits") -> Found:
        in_story = match.lastgroup == "story"
        field: Field = "duration_s" if in_story else match.lastgroup  # type: ignore[assignment]
        readers = {"scenes": self._count, "duration_s": self._length_s, "aspect": self._shape}
        start, end = offset + match.start(), offset + match.end()
        return Found(field, readers[field](match.group().lower()), text.places[start], text.places[end], in_story)

    def _request_phrases(self, text: "_Digits", *, is_outer: bool) -> Iterator[tuple[int, str]]:
        """The parts of a sentence that are about the film itself: its heading, or a phrase of its own at an end."""
        sentence, patterns = text.text, self._patterns
        if phrase := patterns.film_phrase.match(sentence[:NEAR_CHARS]):
            yield 0, phrase.group()
        if phrase := patterns.beginning.match(sentence[:NEAR_CHARS]):
            is_whole_sentence = is_outer and phrase.end() == len(sentence.rstrip(" .:)"))
            if is_whole_sentence or self._names_film(phrase.group()):
                yield 0, phrase.group()
        tail = sentence[-NEAR_CHARS:]
        if phrase := patterns.end.search(tail):
            start = len(sentence) - len(tail) + phrase.start()
            written = text.original[text.places[start] :]
            if not self._is_bare_length(phrase.group(), written):
                yield start, phrase.group()

    def _names_film(self, phrase: str) -> bool:
        if self._patterns.label.match(phrase):
            return True
        return any(match.lastgroup == "scenes" for match in self._patterns.hint.finditer(phrase))

    def _is_bare_length(self, phrase: str, written: str) -> bool:
        """As in "they argue, three minutes"."""
        fields = [match.lastgroup for match in self._patterns.hint.finditer(phrase)]
        return fields == ["duration_s"] and not any(one.isdigit() for one in written)

    def _is_article(self, found: Found, sentence: str) -> bool:
        """As in "une scène de crime", which names no number of scenes."""
        first = sentence[found.start : found.end].split(maxsplit=1)[0].lower()
        return (found.field, found.value) == ("scenes", 1) and first in self._words.article

    def _count(self, text: str) -> int | float | None:
        for value, forms in self._words.fixed_scenes.items():
            if any(form in text for form in forms):
                return value
        number = re.search(_NUMBER, text)
        return _value(number.group()) if number else None

    def _length_s(self, text: str) -> float | None:
        if clock := re.search(r"(\d{1,2})(?::|m\s?)([0-5]?\d)", text):
            return int(clock[1]) * 60 + int(clock[2])
        minutes, seconds = self._patterns.minutes.search(text), self._patterns.seconds.search(text)
        if minutes is None and seconds is None:
            fixed = [(form, value) for value, forms in self._words.fixed_s.items() for form in forms if form in text]
            return max(fixed, key=lambda one: len(one[0]))[1] if fixed else None
        total = 0.0
        if minutes:
            half = 0.5 if minutes["before"] or minutes["after"] else 0
            total += (_value(minutes["number"]) + half) * 60
            seconds = self._patterns.seconds.search(text, minutes.end())
        return total + (_value(seconds["number"]) if seconds else 0)

    def _shape(self, text: str) -> str | None:
        if ratio := re.search(_RATIO, text):
            return ratio.group() if ratio.group() in {"9:16", "16:9"} else None
        if self._patterns.vertical.search(text):
            return "9:16"
        return "16:9" if self._patterns.horizontal.search(text) else None

    def _shapes(self) -> list[str]:
        return [*self._words.vertical, *self._words.horizontal, *self._words.square]

    def _fixed(self) -> list[str]:
        tables = (self._words.fixed_s.values(), self._words.fixed_scenes.values())
        return [form for table in tables for forms in table for form in forms]

    @cached_property
    def _patterns(self) -> "_Patterns":  # one statement for each part of the grammar
        words, any_of = self._words, self._any
        gap, space = r"[\s-]*", r"\s+" if words.spaces else r"\s*"
        start = f"(?<![{_LETTER_SET},.:{_NO_COUNT}])" if words.spaces else f"(?<![0-9{_NO_COUNT}])(?<![0-9][.,:])"
        start += rf"(?:{'|'.join(map(re.escape, words.prefixes))})?" if words.prefixes else ""
        film, half = any_of(words.film), rf"(?:\s*{any_of(words.half)})?" if words.half else ""
        link = self._link()
        into = rf"(?:{any_of(words.into)}\s*)?" if words.into else ""

        adjective = rf"(?:{any_of(words.scene_adjective)}\s+)?" if words.scene_adjective else ""
        counted = rf"{_NUMBER}{gap}{adjective}"
        fixed_scenes = self._or_fixed(words.fixed_scenes)
        followed = rf"(?=\s*(?:[^\w\s]|$)|{space}(?:{any_of(words.follows_scenes)}|{film}))"
        scenes = rf"{into}{start}(?:{counted}{any_of(words.scene)}{fixed_scenes}){followed}"
        shots = rf"{into}{start}{counted}{any_of(words.shot)}"  # only beside the film: guns have shots too

        minutes = rf"{_NUMBER}{half}{gap}{any_of(words.minute)}{half}"
        seconds = rf"(?:{_NUMBER}{gap}{any_of(words.second)}|\d+\s+s(?!\w)|\d{{0,2}}[1-9]s(?!\w))"  # a decade: "80s"
        if words.minute_before_seconds:
            short = rf"{_NUMBER}{gap}{any_of(words.minute_before_seconds)}"
            minutes = rf"(?:{minutes}|{short}(?:{any_of(words.half)}|(?={seconds})))"
        clock = rf"{_CLOCK}{gap}{any_of(words.minute)}|(?<=[:=]\s)(?!9:16|16:9){_CLOCK}|\d{{1,2}}m\s?\d{{1,2}}s(?!\w)"
        both = rf"{minutes}(?:\s*(?:{any_of(words.joint or ('and',))}|,)?\s*{seconds})?"
        fixed_s = self._or_fixed(words.fixed_s)
        total = rf"(?:[\s-]*{any_of(words.total)})?"
        named = rf"{start}(?:{_CLOCK}{gap}{any_of(words.minute)}|{both}|{seconds}{fixed_s})"
        story = rf"(?!{space}{any_of(words.not_before)})"
        length = rf"{start}(?:{clock}|{both}|{seconds}{fixed_s}){total}{story}"

        shapes = any_of(self._shapes())
        alone = any_of([one for one in self._shapes() if one not in words.needs_format])
        after = rf"\s*(?:[^\w\s{_MARKS}]|$)|\s+\d"
        if words.adjective_after:
            after += rf"|\s+{link}"
        if not words.spaces:
            after += rf"|\s*(?:{link}|{film}|{any_of(words.format)}|\d)"
        shaped = rf"{shapes}{space}{any_of((*words.format, *words.film))}"
        if words.format_before:
            shaped += rf"|{any_of(words.format_before)}{space}{shapes}"
        shape = rf"{into}(?:{_RATIO}|{alone}(?={after})|{shaped})"

        hint = rf"(?:{scenes}|{length}|{shape})"
        run = rf"(?:[\s,;]*(?:{link}\s*)*{hint})"
        beside = rf"(?:[\s,;]*(?:{link}\s*)*(?:{hint}|{shots}))"
        label = rf"{any_of(words.label)}\s*[:=]?"
        opening = rf"(?:{any_of(words.opening)}\s*){{0,3}}(?:{any_of(words.article)}\s*)?"
        end = rf"[,;(]|\s(?={any_of(words.into)}(?:\s|\d))" if words.into else "[,;(]"
        apart = f"(?<!{_LETTER})" if words.spaces else ""
        joined = rf"{_NUMBER}(?:\s+{_LETTER}+)?\s*{apart}{any_of(words.range)}\s*$"
        between = rf"|{any_of(words.between)}\s+{_NUMBER}\s+{_LETTER}+\s+$" if words.between else ""
        units = any_of((*words.minute, *words.minute_before_seconds))
        half = half or "(?:)"
        return _Patterns(
            film_phrase=_compiled(rf"{opening}{self._words_before_film()}{film}{beside}*"),
            beginning=_compiled(rf"(?:{label}\s*)?{run}+"),
            end=_compiled(rf"(?:{end}){run}+[\s.!)]*$"),
            label=_compiled(label),
            hint=_compiled(rf"(?P<scenes>{scenes}|{shots})|(?P<duration_s>{length})|(?P<aspect>{shape})"),
            quoted=_compiled(
                rf"(?P<scenes>{start}(?:{counted}{any_of((*words.scene, *words.shot))}{fixed_scenes}))"
                rf"|(?P<story>{named}(?!{space}{any_of(words.total)})(?={space}{any_of(words.not_before)}))|(?P<duration_s>{named}{total})"
                rf"|(?P<aspect>{_RATIO}|{shapes})"
            ),
            range=_compiled(joined + between),
            minutes=_compiled(rf"(?P<number>{_NUMBER})(?P<before>{half}){gap}{units}(?P<after>{half})"),
            seconds=_compiled(rf"(?P<number>{_NUMBER}){gap}(?:{any_of(words.second)}|s(?!\w))"),
            vertical=_compiled(any_of(words.vertical)),
            horizontal=_compiled(any_of(words.horizontal)),
        )

    def _or_fixed(self, table: Mapping[int, Words] | Mapping[float, Words]) -> str:
        forms = [form for forms in table.values() for form in forms]
        return f"|{self._any(forms)}" if forms else ""

    def _link(self) -> str:
        link = self._any(self._words.link)
        if not self._words.link_not_after_film:
            return link
        nouns = "".join(f"(?<!{re.escape(noun)} )" for noun in self._words.film)
        return rf"(?:{link}|{nouns}{self._any(self._words.link_not_after_film)})"

    def _words_before_film(self) -> str:
        most = self._words.words_before_film
        if not self._words.spaces:
            return rf"(?:(?!{self._any(self._words.stop)})[^\s,;()]){{0,{most}}}?"
        return rf"(?:(?!{self._any(self._words.stop)}\s)[\w{_MARKS}'\u2019.:-]+,?\s+){{0,{most}}}?"

    def _any(self, words: Iterable[str]) -> str:
        """One of these words, the longest that fits; whole where the language sets words apart."""
        end = rf"(?!{_LETTER})" if self._words.spaces else ""
        plain = sorted({self._with_digits(one).text for one in words}, key=lambda one: (-len(one), one))
        whole = [one for one in plain if re.search(rf"[{_LETTER_SET}*]$", one)]
        open_ended = [one for one in plain if one not in whole]  # as "d'"
        patterns = [f"(?:{'|'.join(map(_pattern, whole))}){end}"] if whole else []
        return f"(?:{'|'.join([*patterns, *map(_pattern, open_ended)])})"


@dataclass(frozen=True, slots=True)
class _Digits:
    """A sentence with its number words as digits; ``places`` are the characters' places in the original."""

    text: str
    original: str
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Patterns:
    film_phrase: re.Pattern[str]
    beginning: re.Pattern[str]
    end: re.Pattern[str]
    label: re.Pattern[str]
    hint: re.Pattern[str]
    quoted: re.Pattern[str]
    range: re.Pattern[str]
    minutes: re.Pattern[str]
    seconds: re.Pattern[str]
    vertical: re.Pattern[str]
    horizontal: re.Pattern[str]


@cache
def grammars() -> Mapping[str, Grammar]:
    """The grammar of each language that rules read."""
    return {name: Grammar(words) for name, words in _load().languages.items()}


@cache
def scene_headings() -> tuple[str, ...]:
    """The words that head a scene in a script or a list, in every language."""
    return tuple(dict.fromkeys(word for words in _load().languages.values() for word in words.scene_heading))


@cache
def scene_words() -> tuple[str, ...]:
    """The words for scenes and shots of a film, in every language."""
    words = (word for one in _load().languages.values() for word in (*one.scene, *one.shot))
    return tuple(dict.fromkeys(word.strip("*") for word in words))


@cache
def time_words() -> tuple[str, ...]:
    """The words for seconds and minutes, in every language."""
    words = (word for one in _load().languages.values() for word in (*one.second, *one.minute, *one.fixed_words))
    return tuple(dict.fromkeys(word.strip("*") for word in words))


def normalize(text: str) -> str:
    """The text with the digits of every script as 0-9 and plain punctuation; each character keeps its place."""
    return "".join(_plain(one) for one in text)


def _plain(character: str) -> str:
    if character < "\x80":
        return character
    digit = unicodedata.digit(character, None)
    if digit is not None and character.isdecimal():
        return str(digit)
    if character in _SENTENCE_ENDS:
        return "\n"
    plain = _PUNCTUATION.get(character) or unicodedata.normalize("NFKC", character)
    return plain if len(plain) == 1 else character


def _load() -> _Phrases:
    return _Phrases.model_validate_json(resources.files("promptreel.data").joinpath("phrases.json").read_bytes())


def _number_forms(words: Language) -> Mapping[str, float]:
    """Every word for a number, those of tens and ones joined."""
    forms = {_key(form): float(value) for value, several in words.numbers.items() for form in several}
    for template in words.compound:
        for tens in (10, 20, 30, 40, 50, 60, 70, 80, 90):
            for ones in range(1, 10):
                for ten in words.numbers.get(tens, ()):
                    for one in words.numbers.get(ones, ()):
                        forms.setdefault(_key(template.format(tens=ten, ones=one)), float(tens + ones))
    return forms


def _value(digits: str) -> float:
    return float(digits.replace(",", "."))


def _key(word: str) -> str:
    return re.sub(r"[\s-]+", " ", word.lower())


def _pattern(word: str) -> str:
    escaped = "".join(rf"[\w{_MARKS}-]*" if part == "*" else re.escape(part) for part in re.split(r"(\*)", word))
    return re.sub(r"(?:\\ |\\-)", r"[\\s-]+", escaped)


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
