"""What the text model must return, validated here and not trusted.

The schema is kept flat and its limits loose: a provider refuses deep or finely bounded schemas. Lengths are cut to
what the next models take when prompts are composed, not here. Docstrings and descriptions are part of the schema that
is sent: a change of them changes the prompt and its price.
"""

import json
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from promptreel.domain.characters import INVISIBLE_LETTERS
from promptreel.domain.treatment import Line


def _require_visible(text: str) -> str:
    if not any(one.isalnum() and one not in INVISIBLE_LETTERS for one in text):
        raise ValueError("Text should hold at least one letter or digit")
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
VisibleText = Annotated[Text, AfterValidator(_require_visible)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


P = TypeVar("P", bound=_Part)


@cache
def schema_text(schema: type[BaseModel]) -> str:
    """The JSON schema of an answer, which counts as input of the request that asks for it."""
    return json.dumps(schema.model_json_schema())


class StyleGuide(_Part):
    """One look for the whole film."""

    visual_style: Text = Field(description="Medium, light and texture of every picture")
    palette: list[Text] = Field(min_length=2, max_length=8, description="Colours that recur")
    camera: Text = Field(description="How the camera sees and moves")


class Character(_Part):
    """Somebody or something who appears in more than one scene."""

    name: Text
    description: Text = Field(description="Looks that must stay the same in every scene")
    clothing: Text | None = Field(default=None, description="What they wear in every scene, with its colours")


class Setting(_Part):
    """A place the film returns to."""

    name: Text
    description: Text


class Prop(_Part):
    """A thing that matters in more than one scene and looks the same in each."""

    name: Text
    description: Text = Field(description="Shape, material and colours")


class Camera(_Part):
    """How a shot is taken; what a shot leaves open follows from the film's style."""

    size: Literal["open", "extreme_wide", "wide", "full", "medium", "close", "extreme_close"] = "open"
    angle: Literal["open", "eye_level", "low", "high", "overhead", "tilted"] = "open"
    move: Literal["open", "static", "pan", "tilt", "push_in", "pull_out", "track", "crane", "handheld"] = "open"
    lens: Literal["open", "wide_angle", "normal", "telephoto", "macro"] = "open"


class SceneTexts(_Part):
    """The texts of one shot."""

    description: VisibleText = Field(description="What happens in this scene, in one or two sentences")
    start_frame_prompt: VisibleText = Field(description="The first picture of the scene")
    end_frame_prompt: VisibleText = Field(description="The last picture of the scene")
    motion_prompt: VisibleText = Field(description="Movement, camera and sound between the two pictures")
    transition_note: Text = Field(description="How this scene leads into the next")


class StoryScene(SceneTexts):
    """One shot of the film, told by its first and last picture and what happens between."""

    camera: Camera = Camera()
    characters: list[Text] = Field(default=[], description="Names of those of the storyboard's characters it shows")
    settings: list[Text] = Field(default=[], description="Names of those of the storyboard's settings it shows")
    props: list[Text] = Field(default=[], description="Names of those of the storyboard's props it shows")
    light: Text | None = Field(default=None, description="Time of day and light, in a few words")
    dialogue: list[Line] = Field(default=[], description="Spoken lines, as the treatment has them")
    written_scene: int | None = Field(default=None, description="Number of the idea's own scene it belongs to")


MAX_NAMED = 12
"""The most characters, the most settings, and the most props, of a film."""


class Storyboard(_Part):
    """A film on paper."""

    title: Text
    style_guide: StyleGuide
    characters: list[Character] = Field(max_length=MAX_NAMED)
    settings: list[Setting] = Field(max_length=MAX_NAMED)
    props: list[Prop] = Field(default=[], max_length=MAX_NAMED)
    scenes: list[StoryScene] = Field(min_length=1, max_length=60)


class StoryboardChapter(_Part):
    """The next scenes of a storyboard that has begun."""

    characters: list[Character] = Field(
        default=[], max_length=MAX_NAMED, description="Those that the storyboard so far does not have"
    )
    settings: list[Setting] = Field(
        default=[], max_length=MAX_NAMED, description="Those that the storyboard so far does not have"
    )
    props: list[Prop] = Field(
        default=[], max_length=MAX_NAMED, description="Those that the storyboard so far does not have"
    )
    scenes: list[StoryScene] = Field(min_length=1, max_length=60)


def parse(text: str, scene_range: tuple[int, int]) -> Storyboard:
    """The storyboard in a model's answer.

    Raises: ValueError with a message for the model: what is wrong and where.
    """
    storyboard = _parse(Storyboard, text)
    _require_count(storyboard.scenes, scene_range)
    return storyboard


def parse_chapter(text: str, count: int, so_far: Storyboard) -> Storyboard:
    """The next scenes in a model's answer, with the characters, settings and props of the whole storyboard until then.

    Raises: ValueError as `parse` does; also where the film would have too many of one kind.
    """
    chapter = _parse(StoryboardChapter, text)
    _require_count(chapter.scenes, (count, count))
    characters, settings = _add(so_far.characters, chapter.characters), _add(so_far.settings, chapter.settings)
    props = _add(so_far.props, chapter.props)
    counts: tuple[tuple[str, int, int], ...] = (
        ("characters", len(so_far.characters), len(characters)),
        ("settings", len(so_far.settings), len(settings)),
        ("props", len(so_far.props), len(props)),
    )
    for field, known, named in counts:
        if named > MAX_NAMED:
            raise ValueError(
                f"{field}: a film has at most {MAX_NAMED}, and {known} are known; add at most "
                f"{MAX_NAMED - known}, or show known ones"
            )
    named_parts = {"characters": characters, "settings": settings, "props": props}
    return so_far.model_copy(update={**named_parts, "scenes": chapter.scenes})


N = TypeVar("N", bound=Character | Setting | Prop)


def _add(known: Sequence[N], new: Sequence[N]) -> list[N]:
    """Those that are known, as they are, then those of other names."""
    added: dict[str, N] = {}
    for one in (*known, *new):
        added.setdefault(one.name, one)
    return list(added.values())


def _require_count(scenes: Sequence[StoryScene], scene_range: tuple[int, int]) -> None:
    least, most = scene_range
    if not least <= len(scenes) <= most:
        needed = str(least) if least == most else f"{least} to {most}"
        raise ValueError(f"scenes: {needed} scenes are needed, not {len(scenes)}")


def parse_scene(text: str) -> SceneTexts:
    """One scene in a model's answer. Raises: ValueError as `parse` does."""
    return _parse(SceneTexts, text)


def _parse(shape: type[P], text: str) -> P:
    try:
        return shape.model_validate_json(text)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'the answer'}: {fault['msg']}" for fault in error.errors()[:5]
        )
        raise ValueError(faults) from error
