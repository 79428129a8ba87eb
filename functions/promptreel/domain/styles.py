"""Styles and templates of films. Data are in data/styles.json and data/templates.json.

A style is described by its craft. Names of persons and films are for the callers who type them: `replace_names` puts a
description of the craft in their place in every text that a model is given.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib import resources
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from promptreel.domain.document import Frozen, Part
from promptreel.domain.models import Aspect
from promptreel.errors import Invalid

STYLE_FOLDER = "styles/"
"""Where style files are in the prompts bucket, and how the request's `style` names one."""
MAX_CRAFT_CHARS, MAX_COLOURS, MAX_COLOUR_CHARS = 600, 8, 60
NEAREST, CLOSE = 3, 0.5  # names that a refusal suggests, and how like they must be

CraftText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_CRAFT_CHARS)]
Colour = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_COLOUR_CHARS)]
Palette = Annotated[tuple[Colour, ...], Field(min_length=1, max_length=MAX_COLOURS)]


class Craft(Part):
    """How a film looks, moves and sounds; the storyboard decides what is left out."""

    visual_style: CraftText | None = None
    palette: Palette | None = None
    camera: CraftText | None = None
    light: CraftText | None = None
    pacing: CraftText | None = None
    sound: CraftText | None = None

    def lines(self) -> list[str]:
        """Each field as a line of a prompt."""
        texts = {
            "Visual style": self.visual_style,
            "Palette": self.palette and ", ".join(self.palette),
            "Camera": self.camera,
            "Light": self.light,
            "Pacing": self.pacing,
            "Sound": self.sound,
        }
        return [f"{label}: {text}" for label, text in texts.items() if text]


class OwnStyle(Craft):
    """A caller's own style, in the request or from a file in the prompts bucket, which ``source`` then names."""

    source: Annotated[str, StringConstraints(max_length=300)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.lines():
            raise ValueError("must have at least one of visual_style, palette, camera, light, pacing and sound")
        return self


class Style(Craft):
    """A style of the list.

    ``phrase`` describes it within a sentence. ``people`` and ``films`` are replaced wherever they are typed; ``names``
    are other words for it, which count in the request's `style` only.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z]+)*$")]
    title: str
    sentence: str
    phrase: str
    visual_style: CraftText
    palette: Palette
    camera: CraftText
    light: CraftText
    pacing: CraftText
    sound: CraftText
    people: tuple[str, ...] = ()
    films: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def aliases(self) -> tuple[str, ...]:
        """Everything that a request's `style` may call it, besides its id."""
        return (self.title, *self.people, *self.films, *self.names)


class Template(Frozen):
    """What a kind of film is made of. ``scenes`` and ``duration_s`` are for a request that says neither."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z]+)*$")]
    title: str
    sentence: str
    beats: Annotated[tuple[str, ...], Field(min_length=3)]
    must_show: Annotated[tuple[str, ...], Field(min_length=1)]
    pacing: str
    look: str
    scenes: Annotated[int, Field(ge=1, le=60)]
    duration_s: Annotated[int, Field(ge=4, le=480)]
    aspect: Aspect
    style: str | None = None

    def lines(self) -> list[str]:
        """The template as lines of a prompt."""
        beats = " ".join(f"{number}. {beat}." for number, beat in enumerate(self.beats, start=1))
        return [
            f"Kind of film: {self.title}. {self.sentence}",
            f"Spread these beats over the scenes, in this order: {beats}",
            f"It must show: {'; '.join(self.must_show)}.",
            f"Look: {self.look}. Pacing: {self.pacing}.",
        ]


class StyleList(Frozen):
    """All styles and templates, validated against one another."""

    styles: tuple[Style, ...]
    templates: tuple[Template, ...]

    @model_validator(mode="after")
    def _is_unambiguous(self) -> Self:
        if len({style.id for style in self.styles}) < len(self.styles):
            raise ValueError("two styles have the same id")
        if len({template.id for template in self.templates}) < len(self.templates):
            raise ValueError("two templates have the same id")
        owners: dict[str, str] = {}
        for style in self.styles:
            for name in (style.id, *style.aliases):
                if owners.setdefault(_key(name), style.id) != style.id:
                    raise ValueError(f"{name!r} names two styles, {owners[_key(name)]} and {style.id}")
        for template in self.templates:
            if template.style is not None and owners.get(_key(template.style)) != template.style:
                raise ValueError(f"template {template.id} names the style {template.style!r}, which does not exist")
        return self

    def style(self, name: str) -> Style:
        """The style of this id, title or alias. Raises: Invalid with the nearest names when there is none."""
        by_name = {_key(alias): style for style in self.styles for alias in (style.id, *style.aliases)}
        if (found := by_name.get(_key(name))) is not None:
            return found
        raise Invalid(
            f"style: there is no style {name[:80]!r}{_nearest(name, by_name)}.",
            code="unknown_style",
            remedy="List the styles with `promptreel styles` or GET /v1/styles, or describe your own: "
            '{"visual_style": "…", "camera": "…"}.',
        )

    def template(self, name: str) -> Template:
        """The template of this id. Raises: Invalid with the nearest ids when there is none."""
        by_name = {_key(alias): template for template in self.templates for alias in (template.id, template.title)}
        if (found := by_name.get(_key(name))) is not None:
            return found
        raise Invalid(
            f"template: there is no template {name[:80]!r}{_nearest(name, by_name)}.",
            code="unknown_template",
            remedy="List the templates with `promptreel styles` or GET /v1/templates.",
        )


def _nearest(name: str, by_name: "Mapping[str, Style | Template]") -> str:
    close = get_close_matches(_key(name), by_name, NEAREST, CLOSE)
    ids = dict.fromkeys(by_name[one].id for one in close)
    return f"; the nearest: {', '.join(ids)}" if ids else ""


_DATA = resources.files("promptreel.data")


@cache
def style_list() -> StyleList:
    """The styles and templates that ship with the code, validated once."""
    styles = _StylesFile.model_validate_json(_DATA.joinpath("styles.json").read_bytes()).styles
    templates = _TemplatesFile.model_validate_json(_DATA.joinpath("templates.json").read_bytes()).templates
    return StyleList(styles=styles, templates=templates)


class _StylesFile(Frozen):
    comment: str
    styles: tuple[Style, ...]


class _TemplatesFile(Frozen):
    comment: str
    templates: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class Direction:
    """What the request's style and template say to the storyboard and to the film; ``warnings`` are for its owner."""

    style: Craft | None = None
    template: Template | None = None
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The part of the storyboard's prompt, empty without style and template."""
        parts = []
        if self.template is not None:
            parts.append("\n".join(["<template>", *self.template.lines(), "</template>"]))
        if self.style is not None:
            rule = "The whole film has this style, whatever else is said about style:"
            parts.append("\n".join(["<style>", rule, *self.style.lines(), "</style>"]))
        return "\n".join(parts)


def direct(style: str | OwnStyle | None, template: str | None, prompt: str) -> Direction:
    """Choose style and template: the request's style, else the only one that the prompt names, else the template's.

    Raises: Invalid for a style or template that does not exist.
    """
    known = style_list()
    chosen_template = known.template(template) if template is not None else None
    mentions = list(find_names(prompt))
    asked = dict.fromkeys(mention.style.id for mention in mentions if mention.asks_for_style)
    chosen: Craft | None = None
    warnings: list[str] = []
    if isinstance(style, OwnStyle):
        chosen = style
        mentions_inside = (mention for line in style.lines() for mention in find_names(line))
        warnings += _replaced("style", mentions_inside)
    elif style is not None:
        named = chosen = known.style(style)
        if _key(style) not in {_key(named.id), _key(named.title)}:
            warnings.append(f"style: “{style}” was read as the style {named.id}.")
    elif len(asked) == 1:
        chosen = known.style(next(iter(asked)))
        words = next(mention.words for mention in mentions if mention.asks_for_style)
        warnings.append(f"prompt: “{words}” was read as the style {next(iter(asked))}; no model is given the name.")
        mentions = [mention for mention in mentions if mention.style.id not in asked]
    elif chosen_template is not None and chosen_template.style is not None:
        chosen = known.style(chosen_template.style)
    warnings += _replaced("prompt", mentions)
    return Direction(chosen, chosen_template, tuple(warnings))


def _replaced(field: str, mentions: "Iterable[Mention]") -> list[str]:
    first = {mention.style.id: mention for mention in reversed(list(mentions))}
    return [
        f"{field}: “{mention.words}” is given to no model; “{mention.style.phrase}” takes its place."
        for mention in reversed(first.values())
    ]


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a text. ``asks_for_style``: the words around it ask for a film like that."""

    style: Style
    start: int
    end: int
    words: str
    is_person: bool
    asks_for_style: bool
    is_adjective: bool

    @property
    def description(self) -> str:
        """What takes the name's place in its sentence."""
        if self.is_adjective:
            return self.style.title.lower()
        if self.asks_for_style:
            return self.style.phrase
        return f"{'a film maker' if self.is_person else 'a film'} of {self.style.phrase}"


def find_names(text: str) -> Iterator[Mention]:
    """The names of persons and films in a text, in order, whatever their case, accents, hyphens and endings."""
    folded, places = _fold(text)
    candidates = tuple(number for number, name in enumerate(_names()) if name.first_word in folded)
    for match in _pattern(candidates).finditer(folded) if candidates else ():
        start, end = places[match.start()], places[match.end() - 1] + 1
        name = _names()[int(str(match.lastgroup)[1:])]
        before, after = text[max(0, start - _NEAR_CHARS) : start], text[end : end + _NEAR_CHARS]
        is_adjective = bool(_ADJECTIVE_ENDING.search(match.group()) or _ADJECTIVE.match(after))
        stands_alone = bool(_BREAK_BEFORE.search(before) and _BREAK_AFTER.match(after))
        asks = is_adjective or stands_alone or bool(_STYLE_BEFORE.search(before) or _STYLE_AFTER.match(after))
        yield Mention(name.style, start, end, text[start:end], name.is_person, asks, is_adjective)


def replace_names(text: str) -> str:
    """The text with every known name of a person or film replaced by the craft it stands for.

    A style is described once; afterwards its title is used, so that the text stays short.
    """
    parts, position = [], 0
    described: set[str] = set()
    for mention in find_names(text):
        is_repeated = mention.style.id in described
        described.add(mention.style.id)
        parts += [text[position : mention.start], mention.style.title.lower() if is_repeated else mention.description]
        position = mention.end
    return "".join([*parts, text[position:]])


_NEAR_CHARS = 60
_STYLE_BEFORE = re.compile(
    r"(?:\b(?:style|styles|manner|look|spirit|aesthetic|aesthetics|vein)\s+of|\b(?:à|a)\s+la|\binspired\s+by"
    r"|\b(?:directed|filmed|shot|film|movie)\s+by|\b(?:film|movie|video|feels)\s+like|\bstil\s+von|\bstyle\s+de|\bestilo\s+de"
    r"|\bstile\s+di|\bstijl\s+van|\bstylu|\bв\s+стиле)\s+(?:an?\s+|the\s+)?[\"'“«]?$",
    re.IGNORECASE,
)
_ADJECTIVE = re.compile(r"[\"'”»]?(?:[\s-]*(?:style|styled|inspired|look|aesthetic|vibes?)|-like)\b", re.IGNORECASE)
_STYLE_AFTER = re.compile(
    r"(?:['\u2019]s?)?\s+(?:\w+\s+)?(?:film|movie|picture|animation|cartoon|trailer|commercial|short)\b"
    r"|['\u2019]s\s+(?:\w+\s+)?(?:style|manner|look)\b|\s*(?:的?风格|的?風格|風|のスタイル|スタイル|\s*스타일|풍)",
    re.IGNORECASE,
)
_BREAK_BEFORE = re.compile(r"(?:^|[,;|()\[\]\n#])\s*$")
_ADJECTIVE_ENDING = re.compile("(?:esque|ian|ish)$")
_BREAK_AFTER = re.compile(r"\s*(?:$|[,;|()\[\].!\n])")
_INFLECTED_CHARS = 5  # from so many letters on, a word of a name may have an ending: Andersons, Kubrickian
_CYRILLIC_ENDING = re.compile("(?:ии|ыи|ои|[аяьиоеы])$")  # of a folded word, in which й is и


@dataclass(frozen=True, slots=True)
class _Name:
    style: Style
    is_person: bool
    spelling: str
    first_word: str  # without its ending; a text without it does not hold the name


@cache
def _names() -> tuple[_Name, ...]:
    """The longest name first, so that no name hides a longer one."""
    listed = [
        (name, style, is_person)
        for style in style_list().styles
        for names, is_person in ((style.people, True), (style.films, False))
        for name in names
    ]
    return tuple(
        _Name(style, is_person, _spelling(words), _stem(words[0]))
        for name, style, is_person in sorted(listed, key=lambda one: -len(one[0]))
        for words in [re.findall(r"\w+", _fold(name)[0])]
    )


@lru_cache(maxsize=64)
def _pattern(candidates: tuple[int, ...]) -> re.Pattern[str]:
    """A pattern of these names; the group that matches is `n` and the name's number."""
    return re.compile("|".join(f"(?P<n{number}>{_names()[number].spelling})" for number in candidates))


def _spelling(words: Sequence[str]) -> str:
    """A pattern of a folded name: its words may be joined by up to three signs, and long ones may have an ending."""
    pattern = r"[\W_]{0,3}".join(map(_word_pattern, words))
    return rf"(?<!\w){pattern}(?!\w)" if re.match("[a-z0-9\u0400-\u04ff]", words[0]) else pattern


def _word_pattern(word: str) -> str:
    if re.match("[\u0400-\u04ff]", word):
        return re.escape(_stem(word)) + r"\w{0,4}"
    if re.match("[a-z]", word) and len(word) >= _INFLECTED_CHARS:
        return re.escape(word) + r"(?:esque|ian|ish|s|es|en|in|a|em|ovi|ov)?"
    return re.escape(word)


def _stem(word: str) -> str:
    return _CYRILLIC_ENDING.sub("", word)


def _fold(text: str) -> tuple[str, list[int]]:
    """The text in lower case without accents and invisible signs, and the place in ``text`` of each character."""
    if text.isascii():
        return text.lower(), list(range(len(text)))
    folded: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for one in unicodedata.normalize("NFKD", character.casefold()):
            if unicodedata.category(one) not in {"Mn", "Cf"}:
                folded.append(one)
                places.append(place)
    return "".join(folded), places


def _key(name: str) -> str:
    """By which two spellings of a name are the same."""
    return "-".join(re.findall(r"\w+", _fold(name)[0].replace("_", " ")))
