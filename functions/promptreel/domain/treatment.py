"""What a prompt asks for, as the text model reads it, and the rules that hold its answer against the prompt. Pure.

The model is not trusted: what it says of the film's length, shape and scenes carries the words that it read this from,
and lines and scenes must stand in the prompt. What is wrong is fed back; what stays wrong is dropped, and said.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from promptreel.domain import phrases
from promptreel.domain.document import OptionalText, Part
from promptreel.domain.prompt_hints import Inferred, PromptHints, extract_hints, read_quote
from promptreel.domain.screenplay import find_written_scenes
from promptreel.domain.styles import replace_names

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Verbatim = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
ClaimName = Literal["length_s", "scene_count", "aspect", "style", "mood", "pacing"]
CLAIMS: tuple[ClaimName, ...] = ("length_s", "scene_count", "aspect", "style", "mood", "pacing")
_NUMBERS: tuple[tuple[ClaimName, phrases.Field], ...] = (
    ("length_s", "duration_s"),
    ("scene_count", "scenes"),
    ("aspect", "aspect"),
)
_CONTEXT_CHARS = 40  # after a quote, enough to see that "five minutes" goes on with "later"
_SHOWN_CHARS = 80
_DECADE = re.compile(r"(?<!\d)(?:\d\d)?\d0\s?['\u2019]?(?:s|er|ern|ies|\u0445)(?!\w)")


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Line(_Shape):
    """A line that is spoken in the film."""

    speaker: Word
    line: Sentence = Field(description="Word for word as the prompt has it, in its language")


class Treatment(_Shape):
    """What the prompt asks for. Words that a value was read from are copied from the prompt, never written anew."""

    language: Word = Field(description="Language that the film speaks, as a BCP 47 code")
    logline: Sentence = Field(description="The story in one or two sentences of English")
    style: Sentence | None = Field(default=None, description="Look that the prompt asks for, in English")
    style_words: Sentence | None = None
    mood: Sentence | None = Field(default=None, description="Mood that the prompt asks for, in English")
    mood_words: Sentence | None = None
    pacing: Sentence | None = Field(default=None, description="Pace that the prompt asks for, in English")
    pacing_words: Sentence | None = None
    length_s: float | None = Field(default=None, description="Seconds of the film, only if the prompt says them")
    length_words: Sentence | None = None
    scene_count: int | None = Field(default=None, description="Scenes of the film, only if the prompt counts them")
    scene_count_words: Sentence | None = None
    aspect: Literal["16:9", "9:16"] | None = Field(default=None, description="Only if the prompt names a shape")
    aspect_words: Sentence | None = None
    cast: list[Word] = Field(default=[], description="Who appears, in English")
    places: list[Word] = Field(default=[], description="Where it happens, in English")
    props: list[Word] = Field(default=[], description="Things that matter, in English")
    scenes: list[Verbatim] = Field(default=[], description="The prompt's own scenes, each copied whole and in order")
    dialogue: list[Line] = Field(default=[], description="Lines that the prompt has spoken, in order")

    def words_of(self, claim: ClaimName) -> str | None:
        """The words of the prompt that a value was read from."""
        words: str | None = getattr(self, "length_words" if claim == "length_s" else f"{claim}_words")
        return words

    def without(self, claim: ClaimName) -> "Treatment":
        """The treatment without this value and its words."""
        words = "length_words" if claim == "length_s" else f"{claim}_words"
        return self.model_copy(update={claim: None, words: None})


class PlanInference(Part):
    """A value that the plan follows, the words of the prompt it was read from, and whether rules or the model did."""

    field: str
    value: int | float | str
    words: str
    source: Literal["rules", "model"]


class TreatmentSummary(Part):
    """What of a treatment the plan shows; all of it lies at ``uri``."""

    language: str
    logline: str
    mood: OptionalText = None
    pacing: OptionalText = None
    uri: OptionalText = None
    checksum: OptionalText = None  # of its content, as stored; None unless it can be used as it is


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one part of a treatment: a sentence for the model, and for the job's warnings."""

    part: ClaimName | Literal["scenes", "dialogue"]
    sentence: str
    line: int | None = None  # of the dialogue


def parse(text: str) -> Treatment:
    """The treatment in a model's answer. Raises: ValueError with a message for the model."""
    try:
        return Treatment.model_validate_json(text)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc'])) or 'the answer'}: {fault['msg']}" for fault in error.errors()[:5])
        raise ValueError("; ".join(faults)) from error


def parse_checked(text: str, prompt: str) -> Treatment:
    """The treatment in a model's answer, without a fault. Raises: ValueError naming every fault."""
    treatment = parse(text)
    faults = check_treatment(prompt, treatment)
    if faults:
        raise ValueError("; ".join(fault.sentence for fault in faults[:10]))
    return treatment


def check_treatment(prompt: str, treatment: Treatment) -> list[Fault]:
    """Every fault of a treatment; none when all that it says stands in the prompt, and all that must be kept is."""
    return [
        *_check_quotes(prompt, treatment),
        *_check_numbers(prompt, treatment),
        *_check_scenes(prompt, treatment.scenes),
        *_check_dialogue(prompt, treatment.dialogue),
    ]


def salvage(text: str, prompt: str) -> tuple[Treatment | None, tuple[str, ...]]:
    """What can be used of an answer that stayed wrong, and a sentence for each part that was dropped.

    The scenes that rules find in the prompt take the place of wrong ones.
    """
    try:
        treatment = parse(text)
    except ValueError:
        return None, ("prompt: the text model could not read it; the film follows what rules read.",)
    faults = check_treatment(prompt, treatment)
    for fault in faults:
        if fault.part in CLAIMS:
            treatment = treatment.without(fault.part)
    wrong_lines = {fault.line for fault in faults if fault.part == "dialogue"}
    updates: dict[str, Any] = {
        "dialogue": [line for order, line in enumerate(treatment.dialogue) if order not in wrong_lines]
    }
    if any(fault.part == "scenes" for fault in faults):
        updates["scenes"] = [scene.text for scene in find_written_scenes(prompt)]
    kept = treatment.model_copy(update=updates)
    return kept, tuple(f"prompt: the text model was wrong and was not followed: {fault.sentence}" for fault in faults)


def merge_hints(prompt: str, treatment: Treatment | None) -> PromptHints:
    """What rules read of the prompt, and where they read nothing, what the treatment says. Values keep their words."""
    hints = extract_hints(prompt)
    if treatment is None:
        return hints
    taken = {hint.field for hint in hints.read} | {field for field, _ in hints.unusable}
    return PromptHints((*hints.read, *(one for one in _claimed(treatment) if one.field not in taken)), hints.unusable)


def claimed_length(prompt: str, treatment: Treatment | None) -> float | None:
    """The seconds that only the treatment found; rules read no length, not even one that cannot be used."""
    by_rules = extract_hints(prompt)
    known = by_rules.find("duration_s") or "duration_s" in dict(by_rules.unusable)
    return None if treatment is None or known else treatment.length_s


def list_inferred(prompt: str, used: Sequence[Inferred], treatment: Treatment | None) -> tuple[PlanInference, ...]:
    """What a plan follows of its prompt: the values in use, and what the prompt says of style, mood and pace."""
    by_rules = extract_hints(prompt).read
    values = [
        PlanInference(field=one.field, value=one.value, words=one.words, source="rules" if one in by_rules else "model")
        for one in used
    ]
    manners: tuple[ClaimName, ...] = ("style", "mood", "pacing")
    for claim in manners if treatment else ():
        value, words = getattr(treatment, claim), treatment.words_of(claim) if treatment else None
        if value and words:
            values.append(PlanInference(field=claim, value=value, words=words, source="model"))
    return tuple(values)


def _claimed(treatment: Treatment) -> Iterator[Inferred]:
    for claim, field in _NUMBERS:
        value, words = getattr(treatment, claim), treatment.words_of(claim)
        if value is not None and words:
            whole = int(value) if isinstance(value, float) and value.is_integer() else value
            yield Inferred(field=field, value=whole, words=words)


def _check_quotes(prompt: str, treatment: Treatment) -> Iterator[Fault]:
    """Values whose words are missing, or stand nowhere in the prompt."""
    for claim in CLAIMS:
        value, words = getattr(treatment, claim), treatment.words_of(claim)
        if value is None:
            continue
        if words is None:
            yield Fault(claim, f"{claim}: {value} has no words of the prompt; copy them, or leave both out")
        elif not stands_in(words, prompt):
            yield Fault(claim, f"{claim}: the prompt does not say “{_short(words)}”; copy its words, or leave both out")


def _check_numbers(prompt: str, treatment: Treatment) -> Iterator[Fault]:
    """Numbers and shapes that their own words, or what rules read, do not bear out."""
    hints = extract_hints(prompt)
    knows_language = treatment.language.partition("-")[0].lower() in phrases.grammars()
    for claim, field in _NUMBERS:
        value, words = getattr(treatment, claim), treatment.words_of(claim)
        if value is None or words is None or not stands_in(words, prompt):
            continue
        hint = hints.find(field)
        if hint is not None and hint.value != value:
            yield Fault(claim, f"{claim}: the prompt says {hint.value:} (“{_short(hint.words)}”), not {value:}")
            continue
        read = _read_in_place(words, prompt, field)
        if read and value not in read:
            yield Fault(claim, f"{claim}: “{_short(words)}” says {' or '.join(map(str, sorted(map(str, read))))}")
        elif not read and not _may_say(words, value, field, knows_language=knows_language):
            yield Fault(claim, f"{claim}: “{_short(words)}” does not say this of the film; leave both out")


def _read_in_place(words: str, prompt: str, field: phrases.Field) -> set[phrases.Value]:
    """What the rules read in a quote, with what follows it in the prompt."""
    read: set[phrases.Value] = set()
    for _, end in _places(words, prompt):
        read |= read_quote(words, field, _plain(prompt)[end : end + _CONTEXT_CHARS])
    return read


def _may_say(words: str, value: object, field: phrases.Field, *, knows_language: bool) -> bool:
    """Whether words that rules cannot read may still name a value: in a language they know, hardly."""
    plain = phrases.normalize(words).lower()
    if _DECADE.search(plain):
        return False
    numbers = {float(one.replace(",", ".")) for one in re.findall(r"\d+(?:[.,]\d+)?", plain)}
    if field == "duration_s":
        has_unit = any(unit in plain for unit in phrases.time_words())
        fits = not numbers or bool(numbers & {float(str(value)), float(str(value)) / 60})
        return fits and (has_unit or not knows_language) and not read_quote(words, field)
    if field == "scenes":
        return not knows_language and (not numbers or float(str(value)) in numbers)
    return not numbers


def _check_scenes(prompt: str, scenes: Sequence[str]) -> Iterator[Fault]:
    """Scenes that the prompt lists and the treatment drops, merges or changes, and scenes that it invents."""
    written = find_written_scenes(prompt)
    if not written:
        invented = [scene for scene in scenes if not stands_in(scene, prompt)]
        if invented:
            yield Fault(
                "scenes", f"scenes: the prompt does not say “{_short(invented[0])}”; copy its own scenes or none"
            )
        return
    if len(scenes) != len(written):
        yield Fault("scenes", f"scenes: the prompt lists {len(written)} scenes, not {len(scenes)}; copy each of them")
        return
    for number, (scene, own) in enumerate(zip(scenes, written, strict=True), start=1):
        if not any(folded(text) in folded(scene) for text in (own.text, replace_names(own.text))):
            yield Fault("scenes", f"scenes: scene {number} must be copied whole: “{_short(own.text)}”")


def _check_dialogue(prompt: str, dialogue: Sequence[Line]) -> Iterator[Fault]:
    for order, line in enumerate(dialogue):
        if not stands_in(line.line, prompt):
            sentence = f"dialogue: the prompt has no line “{_short(line.line)}”; keep to its own lines, or have none"
            yield Fault("dialogue", sentence, order)


def find_scene_of(line: Line, scenes: Sequence[str]) -> int | None:
    """The first of the prompt's own scenes, counted from 0, that has the line; None when no scene has it."""
    return next((number for number, text in enumerate(scenes) if stands_in(line.line, text)), None)


def stands_in(words: str, prompt: str) -> bool:
    """Whether the words stand in the prompt, or in what the model sees of it: names are described."""
    return bool(_places(words, prompt) or _places(words, replace_names(prompt)))


def _places(words: str, prompt: str) -> list[tuple[int, int]]:
    """Where the words stand in the plain prompt, whatever their spaces and capitals."""
    parts = [re.escape(part) for part in _plain(words).split()]
    if not parts:
        return []
    return [match.span() for match in re.finditer(r"\s+".join(parts), _plain(prompt), re.IGNORECASE)]


def _plain(text: str) -> str:
    return phrases.normalize(re.sub(r"[*_#`]+", "", text)).replace("\u2019", "'")


def folded(text: str) -> str:
    """The text without marks, for comparison: spaces and capitals do not count."""
    return " ".join(_plain(text).split()).casefold()


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARS else f"{line[:_SHOWN_CHARS]}…"
