"""A job's scenes as strips of film in order: what each is made from and how long it is. Pure; names, never files.

Everything that is made from them is named by a digest of exactly what it is made from, so that the same thing asked
for again is found, and nothing else is (E3, E10).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import accumulate

from promptreel.domain import identifiers, timeline
from promptreel.domain.job import Job, Plan
from promptreel.domain.scene import Scene
from promptreel.domain.states import SceneState
from promptreel.errors import Broken, Conflict
from stitcher_service.engine.colours import BT709
from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.render_plan import FilmFormat

RENDER_VERSION = "3"  # raised when the same reel would be made differently
LOUDNESS_LUFS = -14.0
_SMALL_LONG_SIDE_PX = 640


class SegmentKind(StrEnum):
    """What a strip shows."""

    CLIP = "clip"  # what was filmed
    STILL = "still"  # its two pictures, slowly moving
    CARD = "card"  # nothing yet


class OutputProfile(StrEnum):
    """What the strips of a reel are made for."""

    FILM = "film"  # full size; stills as they are
    SKETCH = "sketch"  # small; stills with their scene's number and a soft cue


@dataclass(frozen=True, slots=True)
class SceneSegment:
    """One scene's part of a reel, `frames` long; `number` is its place in it, from 1."""

    scene: Scene
    kind: SegmentKind
    frames: int
    number: int

    @property
    def is_clip(self) -> bool:
        return self.kind is SegmentKind.CLIP

    @property
    def pictures(self) -> tuple[str, ...]:
        """Addresses of the one or two pictures a still is made from."""
        return tuple(picture.uri for picture in (self.scene.start, self.scene.end) if picture)

    @property
    def made_from(self) -> tuple[str, ...]:
        if self.kind is SegmentKind.CLIP and self.scene.clip:
            return (self.scene.clip.uri,)
        return self.pictures if self.kind is SegmentKind.STILL else ()


@dataclass(frozen=True, slots=True)
class FilmEdit:
    """Strips in order, and how they are to be joined."""

    job_id: str
    plan: Plan
    look: OutputProfile
    strips: tuple[SceneSegment, ...]
    warnings: tuple[str, ...] = ()

    @property
    def format(self) -> FilmFormat:
        size = self.plan.size_px
        return FilmFormat(
            size if self.look is OutputProfile.FILM else preview_size(size), Fraction(self.plan.fps), BT709
        )

    @property
    def frames(self) -> int:
        return timeline.film_frames([strip.frames for strip in self.strips], [self._overlap] * (len(self.strips) - 1))

    @property
    def starts(self) -> tuple[int, ...]:
        """The frame at which each strip begins."""
        return tuple(accumulate((strip.frames - self._overlap for strip in self.strips[:-1]), initial=0))

    @property
    def _overlap(self) -> int:
        return timeline.overlap_frames(self.plan.transition_kind, self.plan.transition_frames)

    @property
    def is_heard(self) -> bool:
        """Whether anything but cues can be heard; a cue alone must not be raised to the film's loudness."""
        return any(strip.kind is SegmentKind.CLIP for strip in self.strips)

    def digest(self, purpose: str) -> str:
        """A name for what comes of this reel when it is made for `purpose`."""
        plan = self.plan
        joints = [plan.transition_kind.value, plan.transition_frames, LOUDNESS_LUFS]
        told = (
            [plan.title, *(strip.scene.description for strip in self.strips)] if self.look is OutputProfile.FILM else []
        )
        parts = (json.dumps(joints), *told, *map(self.strip_digest, self.strips))
        return identifiers.digest(RENDER_VERSION, purpose, self.job_id, *parts)

    def strip_digest(self, strip: SceneSegment) -> str:
        """A name for one strip as a file: the same pictures at the same size and length are made once."""
        form = [self.look, *self.format.size_px, self.plan.fps, strip.kind, strip.frames]
        marked = strip.number if self.look is OutputProfile.SKETCH and strip.kind is not SegmentKind.CLIP else 0
        return identifiers.digest(RENDER_VERSION, json.dumps([*form, marked]), *strip.made_from)

    def cut_list(self, files: Sequence[str]) -> CutList:
        """How `files`, one for each strip in order, become one film."""
        plan = self.plan
        transition: dict[str, object] = {"kind": plan.transition_kind.value}
        if plan.transition_kind is not timeline.TransitionKind.CUT:
            transition["duration_s"] = plan.transition_frames / plan.fps
        clips: list[dict[str, object]] = [{"path": file, "transition": transition} for file in files]
        del clips[-1]["transition"]
        wanted = {"size": self.format.size_px, "fps": plan.fps, "clips": clips}
        return CutList.model_validate({**wanted, "loudness_lufs": LOUDNESS_LUFS if self.is_heard else None})


def edit_film(job: Job, scenes: Sequence[Scene]) -> FilmEdit:
    """What the film is cut from: clips, and stills in the place of those given up, unless they are to be left out.

    Raises: Conflict before there is a plan; Broken when a clip or picture that should stand is missing, or nothing
    is left to show.
    """
    plan, omits = _plan(job), job.request.on_scene_failure == "omit"
    shown: list[tuple[Scene, SegmentKind]] = []
    warnings = []
    for scene in scenes:
        if not scene.is_given_up:
            if scene.clip is None:
                raise Broken(f"{scene.id} has no clip although every clip was reported done.", code="clip_missing")
            shown.append((scene, SegmentKind.CLIP))
            continue
        reason = scene.problem.message if scene.problem else scene.state.value
        warnings.append(f"{scene.id} is {'left out' if omits else 'a still'}: {reason}")
        if not omits:
            shown.append((scene, _still(scene)))
    if not shown:
        raise Broken("No scene is left: every clip was given up.", code="nothing_to_cut", remedy="Change the prompt.")
    return FilmEdit(job.id, plan, OutputProfile.FILM, _strips(plan, shown), tuple(warnings))


def edit_animatic(job: Job, scenes: Sequence[Scene]) -> FilmEdit:
    """Every scene as a still of its planned length. Raises: Conflict while a picture is missing."""
    plan = _plan(job)
    missing = [scene.id for scene in scenes if not scene.keyframes_drawn]
    if missing:
        raise Conflict(f"Not drawn yet: {', '.join(missing)}.", code="not_drawn", remedy="Ask again when they are.")
    return FilmEdit(job.id, plan, OutputProfile.SKETCH, _strips(plan, [(scene, SegmentKind.STILL) for scene in scenes]))


def edit_preview(job: Job, scenes: Sequence[Scene]) -> FilmEdit:
    """The film so far: clips that stand, stills of what is drawn, cards for the rest. Raises: Conflict."""
    plan, omits = _plan(job), job.request.on_scene_failure == "omit"
    shown = [scene for scene in scenes if not (scene.is_given_up and omits)]
    return FilmEdit(job.id, plan, OutputProfile.SKETCH, _strips(plan, [(scene, _so_far(scene)) for scene in shown]))


def _so_far(scene: Scene) -> SegmentKind:
    return SegmentKind.CLIP if scene.clip and scene.state is SceneState.DONE else _still(scene)


def _still(scene: Scene) -> SegmentKind:
    return SegmentKind.STILL if scene.start or scene.end else SegmentKind.CARD


def edit_still(job: Job, scenes: Sequence[Scene], scene_id: str) -> FilmEdit:
    """One scene alone, as the still that stands for it in the film. Raises: Conflict without a picture."""
    plan = _plan(job)
    shown = [(scene, SegmentKind.STILL) for scene in scenes if scene.id == scene_id and (scene.start or scene.end)]
    if not shown:
        raise Conflict(f"{scene_id} has no picture yet.", code="not_drawn", remedy="Ask again when it is drawn.")
    return FilmEdit(job.id, plan, OutputProfile.FILM, _strips(plan, shown))


def _plan(job: Job) -> Plan:
    if job.plan is None:
        raise Conflict(f"{job.id} has no plan yet.", code="not_planned", remedy="Ask again when it is planned.")
    return job.plan


def _strips(plan: Plan, shown: Sequence[tuple[Scene, SegmentKind]]) -> tuple[SceneSegment, ...]:
    return tuple(
        SceneSegment(scene, kind, scene.duration_s * plan.fps, number)
        for number, (scene, kind) in enumerate(shown, start=1)
    )


def preview_size(size_px: tuple[int, int]) -> tuple[int, int]:
    """The same shape with a long side of 640 pixels; even numbers."""
    width, height = (2 * round(side * _SMALL_LONG_SIDE_PX / max(size_px) / 2) for side in size_px)
    return width, height
