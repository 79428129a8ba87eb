"""A user's own pictures as keyframes: the place of each, and how it is brought to the film's frame. Pure.

A scene begins with the picture that the scene before ends with, so the first picture of scene 3 and the last one of
scene 2 are one place. A picture there is shown by both.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from promptreel.domain.document import Frozen, OptionalText, Part

FrameName = Literal["start", "end"]
FrameFit = Literal["crop", "pad", "extend"]
"""Cut off what exceeds the frame, add bars, or continue the picture beyond its edges by its own pixels."""
Place = tuple[int, FrameName]
"""The number of a scene, and which of its keyframes; `start` only for the first scene."""

PAD_COLOUR = "#000000"
MAX_FRAMES = 20
_MAX_SCENE = 60
_MAX_URI_CHARS = 2000
_FITTED = {
    "crop": "cropped about its centre",
    "pad": "shown whole between bars",
    "extend": "continued beyond its edges by its own pixels, mirrored and softened",
}


class RequestedFrame(Frozen):
    """A picture that is to be the first or the last one of a scene, exactly, and how it is brought to the frame.

    ``description`` says what it shows to the model that writes the storyboard. ``colour`` is that of the bars.
    """

    scene: int = Field(ge=1, le=_MAX_SCENE)
    frame: FrameName
    uri: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=_MAX_URI_CHARS)]
    fit: FrameFit = "crop"
    colour: Annotated[str, StringConstraints(pattern="^#[0-9a-fA-F]{6}$")] | None = None
    description: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] | None = None

    @field_validator("scene", mode="before")
    @classmethod
    def _is_no_boolean(cls, value: object) -> object:
        if isinstance(value, bool):
            raise ValueError("must be a number")  # noqa: TRY004 - pydantic wants ValueError
        return value

    @model_validator(mode="after")
    def _has_bars_to_colour(self) -> "RequestedFrame":
        if self.colour is not None and self.fit != "pad":
            raise ValueError(f"colour: {self.fit} adds no bars; set `fit` to pad, or leave `colour` out")
        return self

    @property
    def place(self) -> Place:
        """Its place in the film."""
        return place_of(self.scene, self.frame)


class OwnFrame(Part):
    """A user's own keyframe: the picture as it was taken in with the request, stored under the job as PNG."""

    scene: int
    frame: FrameName
    fit: FrameFit
    colour: OptionalText = None
    uri: str
    checksum: str
    width_px: int
    height_px: int
    source: str

    @property
    def place(self) -> Place:
        """Its place in the film."""
        return place_of(self.scene, self.frame)


def place_of(sequence: int, frame: FrameName) -> Place:
    """The one place of a keyframe that two scenes share: the end of the earlier one."""
    return (sequence - 1, "end") if frame == "start" and sequence > 1 else (sequence, frame)


def find_own(frames: Iterable[OwnFrame], sequence: int, frame: FrameName) -> OwnFrame | None:
    """The user's own picture for this keyframe of the scene with this number; None when there is none."""
    wanted = place_of(sequence, frame)
    return next((one for one in frames if one.place == wanted), None)


def check_frames(frames: Sequence[RequestedFrame], scenes: int | None) -> None:
    """Raises: ValueError when a picture has no place of its own in a film of so many scenes."""
    taken: dict[Place, tuple[int, RequestedFrame]] = {}
    for number, one in enumerate(frames):
        if scenes is None and one.scene > 1:
            raise ValueError(f"number {number} is of scene {one.scene}: set `scenes`, so that there is one")
        if scenes is not None and one.scene > scenes:
            raise ValueError(f"number {number} is of scene {one.scene}; the film has {scenes} (`scenes`)")
        earlier, other = taken.setdefault(one.place, (number, one))
        if (other.uri, other.fit, other.colour) != (one.uri, one.fit, one.colour):
            shared = (
                ""
                if (other.scene, other.frame) == (one.scene, one.frame)
                else (
                    f": a scene begins with the picture that the one before ends with, so the {one.frame} of scene "
                    f"{one.scene} is the {other.frame} of scene {other.scene}"
                )
            )
            raise ValueError(f"numbers {earlier} and {number} are two pictures for one place{shared}; give one of them")


def describe_frames(frames: Sequence[RequestedFrame]) -> str:
    """The part of the storyboard's prompt about them, empty for none."""
    if not frames:
        return ""
    lines = ["These pictures are given and stay as they are. Write their prompts for what they show:"]
    for one in sorted(frames, key=lambda each: (each.scene, each.frame != "start")):
        name = "first" if one.frame == "start" else "last"
        shows = f": {one.description}" if one.description else ", of what the idea says there"
        lines.append(f"the {name} picture of scene {one.scene}{shows}")
    return "\n".join(["<given-pictures>", *lines, "</given-pictures>"])


def frame_warnings(frames: Sequence[OwnFrame], remarks: Sequence[Sequence[str]]) -> list[str]:
    """What is said of each picture: how it was brought to the frame, and which scenes show it."""
    sentences = []
    for number, (one, changed) in enumerate(zip(frames, remarks, strict=True)):
        how = _FITTED[one.fit] + (f" of {one.colour or PAD_COLOUR}" if one.fit == "pad" else "")
        is_shared = one.place != (one.scene, one.frame)
        also = f"; it is the last picture of scene {one.place[0]} as well" if is_shared else ""
        words = f"frames.{number}: your picture is the {one.frame} of scene {one.scene}, {how}{also}"
        sentences.append("; ".join([words, *changed]) + ".")
    return sentences
