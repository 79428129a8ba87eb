"""The grade of a job's film: its target, and those of its keyframes that stray from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from promptreel.domain import grade
from promptreel.domain.grade import Look, Target
from promptreel.domain.job import Plan
from promptreel.domain.scene import Keyframe, KeyframeName, Scene


@dataclass(frozen=True, slots=True)
class StrayKeyframe:
    """A keyframe beyond the tolerance, and how it differs from the target."""

    scene: str
    frame: KeyframeName
    differs: str


def find_target(plan: Plan, looks: Sequence[Look]) -> Target | None:
    """What the pictures of a film of these looks should look like; None where there is no look."""
    guide = plan.style_guide
    return grade.choose_target(guide.palette, guide.light or guide.visual_style, looks)


def keyframe_looks(scenes: Sequence[Scene]) -> list[Look]:
    """The looks of all keyframes that were measured; one that two scenes share counts once."""
    return list({one.uri: one.look for _, _, one in _keyframes(scenes) if one.look is not None}.values())


def list_strays(scenes: Sequence[Scene], target: Target) -> list[StrayKeyframe]:
    """The keyframes that stray; one that two scenes share is listed with the first of them."""
    strays: dict[str, StrayKeyframe] = {}
    for scene, frame, keyframe in _keyframes(scenes):
        differs = grade.describe_stray(keyframe.look, target) if keyframe.look is not None else ""
        if differs:
            strays.setdefault(keyframe.uri, StrayKeyframe(scene.id, frame, differs))
    return list(strays.values())


def _keyframes(scenes: Sequence[Scene]) -> list[tuple[Scene, KeyframeName, Keyframe]]:
    both = ((scene, frame, scene.stored(frame)) for scene in scenes for frame in get_args(KeyframeName))
    return [(scene, frame, keyframe) for scene, frame, keyframe in both if keyframe is not None]
