"""Whether a storyboard holds together and keeps what its prompt has of its own: rules, and a repair. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from promptreel.domain.storyboard import Storyboard, StoryScene
from promptreel.domain.treatment import Line, Treatment, find_scene_of, folded, stands_in

_NOTE_WORDS = 3  # fewer do not say how one shot leads into another


@dataclass(frozen=True, slots=True)
class Story:
    """A storyboard that can be filmed, where the answer is stored, and what was changed in it to make it so."""

    storyboard: Storyboard
    uri: str
    warnings: tuple[str, ...] = ()
    later_uris: tuple[str, ...] = ()
    """Where the answers of its later chapters are stored."""


def require_coherence(
    storyboard: Storyboard, prompt: str, treatment: Treatment | None, before: StoryScene | None = None
) -> Storyboard:
    """The storyboard, its shots numbered by the prompt's own scenes. Raises: ValueError naming every fault.

    ``before`` is the scene before the first one, where the storyboard is a later chapter of one.
    """
    numbered = _number_shots(storyboard, treatment)
    faults = find_faults(numbered, prompt, treatment, before)
    if faults:
        raise ValueError("; ".join(faults[:10]))
    return numbered


def find_faults(
    storyboard: Storyboard, prompt: str, treatment: Treatment | None, before: StoryScene | None = None
) -> list[str]:
    """Every fault of a storyboard, as a sentence for the model."""
    return [
        *_check_names(storyboard),
        *_check_motion(storyboard.scenes),
        *_check_beginning(storyboard.scenes[0], before),
        *_check_cuts(storyboard.scenes),
        *_check_written_scenes(storyboard.scenes, treatment),
        *_check_dialogue(storyboard.scenes, prompt, treatment),
    ]


def repair(
    storyboard: Storyboard, uri: str, prompt: str, treatment: Treatment | None, before: StoryScene | None = None
) -> Story:
    """The storyboard at this address without its faults, as far as rules can mend them, and a sentence for each."""
    numbered = _number_shots(storyboard, treatment)
    faults = find_faults(numbered, prompt, treatment, before)
    people = {one.name for one in storyboard.characters}
    places = {one.name for one in storyboard.settings}
    things = {one.name for one in storyboard.props}
    scenes = [
        scene.model_copy(
            update={
                "characters": [name for name in scene.characters if name in people],
                "settings": [name for name in scene.settings if name in places],
                "props": [name for name in scene.props if name in things],
                "written_scene": number,
                "dialogue": [],
            }
        )
        for scene, number in zip(numbered.scenes, _spread_written(numbered.scenes, treatment), strict=True)
    ]
    spoken = _assign_lines(numbered.scenes, scenes, prompt, treatment)
    scenes = [scene.model_copy(update={"dialogue": lines}) for scene, lines in zip(scenes, spoken, strict=True)]
    repaired = numbered.model_copy(update={"scenes": scenes})
    return Story(
        repaired, uri, tuple(f"storyboard: mended, because the text model was wrong: {fault}" for fault in faults)
    )


def _number_shots(storyboard: Storyboard, treatment: Treatment | None) -> Storyboard:
    """One shot for each of the prompt's own scenes needs no number of the model's.

    Fewer shots than scenes may leave scenes out; a number that no scene has is dropped.
    """
    scenes = storyboard.scenes
    if treatment is None or not treatment.scenes:
        return storyboard.model_copy(update={"scenes": [_with_number(scene, None) for scene in scenes]})
    own = len(treatment.scenes)
    if len(scenes) > own:
        return storyboard
    if len(scenes) < own:
        known = [one if one.written_scene in range(1, own + 1) else _with_number(one, None) for one in scenes]
        return storyboard.model_copy(update={"scenes": known})
    return storyboard.model_copy(update={"scenes": [_with_number(one, at) for at, one in enumerate(scenes, start=1)]})


def _with_number(scene: StoryScene, number: int | None) -> StoryScene:
    return scene.model_copy(update={"written_scene": number})


def _check_names(storyboard: Storyboard) -> Iterator[str]:
    people = {one.name for one in storyboard.characters}
    places = {one.name for one in storyboard.settings}
    things = {one.name for one in storyboard.props}
    for number, scene in enumerate(storyboard.scenes):
        for field, names, known in (
            ("characters", scene.characters, people),
            ("settings", scene.settings, places),
            ("props", scene.props, things),
        ):
            if unknown := [name for name in names if name not in known]:
                yield f"scenes.{number}.{field}: {unknown[0]!r} is none of the storyboard's {field}"


def _check_motion(scenes: Sequence[StoryScene]) -> Iterator[str]:
    for number, scene in enumerate(scenes):
        if folded(scene.motion_prompt) in {folded(scene.description), folded(scene.start_frame_prompt)}:
            yield f"scenes.{number}.motion_prompt: it repeats another text; say what moves and how the camera moves"


def _check_beginning(first: StoryScene, before: StoryScene | None) -> Iterator[str]:
    """The first shot of a chapter goes on from the one before it, whose note cannot be changed any more."""
    if before is not None and not _connects(before, first):
        yield (
            "scenes.0: it shares neither character nor setting with the scene before it, whose note does not say how "
            "one leads into the other; show somebody or some place of that scene"
        )


def _connects(before: StoryScene, after: StoryScene) -> bool:
    """Whether a shot shares a character or setting with the one before it, or the note says how it changes."""
    shown, next_shown = {*before.characters, *before.settings}, {*after.characters, *after.settings}
    is_explained = len(before.transition_note.split()) >= _NOTE_WORDS
    return not shown or not next_shown or bool(shown & next_shown) or is_explained


def _check_cuts(scenes: Sequence[StoryScene]) -> Iterator[str]:
    for number, (before, after) in enumerate(pairwise(scenes)):
        if not _connects(before, after):
            yield (
                f"scenes.{number}.transition_note: the next scene shares neither character nor setting; "
                "say how one leads into the other"
            )


def _check_written_scenes(scenes: Sequence[StoryScene], treatment: Treatment | None) -> Iterator[str]:
    own = len(treatment.scenes) if treatment else 0
    if not own or len(scenes) < own:  # fewer shots than scenes: fields or the length ask for it
        return
    numbers = [scene.written_scene for scene in scenes]
    present = [number for number in numbers if number is not None]
    if len(present) < len(numbers):
        yield f"scenes.{numbers.index(None)}.written_scene: which of the idea's {own} scenes is it?"
    elif present != sorted(present) or set(present) != set(range(1, own + 1)):
        yield f"scenes: written_scene must go through the idea's scenes 1 to {own} in order, each at least once"


def _check_dialogue(scenes: Sequence[StoryScene], prompt: str, treatment: Treatment | None) -> Iterator[str]:
    spoken = [line for scene in scenes for line in scene.dialogue]
    for line in spoken:
        if not stands_in(line.line, prompt):
            yield f"dialogue: the idea has no line {line.line!r}"
    said = {folded(line.line) for line in spoken}
    for line in treatment.dialogue if treatment else ():
        if folded(line.line) not in said:
            yield f"dialogue: the line {line.line!r} is missing"


def _spread_written(scenes: Sequence[StoryScene], treatment: Treatment | None) -> list[int | None]:
    """The written scene of each shot: as the model has it where that is in order, else evenly."""
    own = len(treatment.scenes) if treatment else 0
    if not own or len(scenes) < own:
        return [None] * len(scenes)
    if not list(_check_written_scenes(scenes, treatment)):
        return [scene.written_scene for scene in scenes]
    return [shot * own // len(scenes) + 1 for shot in range(len(scenes))]


def _assign_lines(
    answered: Sequence[StoryScene], scenes: Sequence[StoryScene], prompt: str, treatment: Treatment | None
) -> list[list[Line]]:
    """The lines of each shot: the prompt's own where the model put them, missing ones in the shot of their scene."""
    lines = [[line for line in scene.dialogue if stands_in(line.line, prompt)] for scene in answered]
    if treatment is None:
        return lines
    said = {folded(line.line) for shot in lines for line in shot}
    missing = [(order, line) for order, line in enumerate(treatment.dialogue) if folded(line.line) not in said]
    for order, line in missing:
        own = find_scene_of(line, treatment.scenes)
        shot = next((at for at, scene in enumerate(scenes) if own is not None and scene.written_scene == own + 1), None)
        if shot is None:
            shot = order * len(scenes) // len(treatment.dialogue)
        lines[shot].append(line)
    return lines
