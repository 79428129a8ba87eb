"""A job's scenes as segments in order: what each is made from and how long it is. Pure; names, never files.

Everything that is rendered from them is named by a digest of exactly what it is made from, so that an equal render is
found, and no other one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from itertools import accumulate

from promptreel.domain import identifiers, timeline
from promptreel.domain.job import Job, Plan
from promptreel.domain.scene import Scene
from promptreel.domain.states import SceneState
from promptreel.errors import Broken, Conflict
from stitcher_service.engine.colours import BT709
from stitcher_service.engine.cutlist import Correction, CutList
from stitcher_service.engine.render_plan import FilmFormat

GRADE_VERSION = "1"  # raised when the same graded edit would get other corrections
RENDER_VERSION = "4"  # raised when pictures or sound of the same edit would be rendered differently
LOUDNESS_LUFS = -14.0
_SMALL_LONG_SIDE_PX = 640


class SegmentKind(StrEnum):
    """What a segment shows."""

    CLIP = "clip"  # what was filmed
    STILL = "still"  # its two keyframes, slowly moving
    CARD = "card"  # a plain background


class OutputProfile(StrEnum):
    """What an edit is rendered for; the values are part of digests."""

    FILM = "film"  # full size; stills as they are
    PREVIEW = "sketch"  # small; stills with their scene's number and a soft cue


@dataclass(frozen=True, slots=True)
class SceneSegment:
    """One scene's part of an edit, `frames` long; `number` is its place in it, from 1.

    Its clip may be longer, with `clip_frames`, of which `first` is the first one shown, and have sound that the film
    leaves out.
    """

    scene: Scene
    kind: SegmentKind
    frames: int
    number: int
    clip_frames: int
    first: int
    is_muted: bool

    @property
    def is_clip(self) -> bool:
        """Whether it shows what was filmed."""
        return self.kind is SegmentKind.CLIP

    @property
    def end(self) -> int:
        """The first frame of its file that the film does not show."""
        return self.first + self.frames

    @property
    def source_uris(self) -> tuple[str, ...]:
        """Addresses of the clip, or of the one or two keyframes, that it is made from."""
        if self.kind is SegmentKind.CLIP and self.scene.clip:
            return (self.scene.clip.uri,)
        keyframes = (self.scene.start, self.scene.end) if self.kind is SegmentKind.STILL else ()
        return tuple(keyframe.uri for keyframe in keyframes if keyframe)


@dataclass(frozen=True, slots=True)
class FilmEdit:
    """Segments in order, and how they are joined."""

    job_id: str
    plan: Plan
    profile: OutputProfile
    segments: tuple[SceneSegment, ...]
    warnings: tuple[str, ...] = ()
    is_graded: bool = False

    @property
    def format(self) -> FilmFormat:
        """Size, rate and colours that its segments are rendered in."""
        size_px = self.plan.size_px if self._is_film else preview_size(self.plan.size_px)
        return FilmFormat(size_px, Fraction(self.plan.fps), BT709)

    @property
    def _is_film(self) -> bool:
        return self.profile is OutputProfile.FILM

    @property
    def frames(self) -> int:
        """How many frames the joined segments have."""
        overlaps = [self._overlap] * (len(self.segments) - 1)
        return timeline.film_frames([segment.frames for segment in self.segments], overlaps)

    @property
    def starts(self) -> tuple[int, ...]:
        """The frame at which each segment begins."""
        return tuple(accumulate((segment.frames - self._overlap for segment in self.segments[:-1]), initial=0))

    @property
    def _overlap(self) -> int:
        return timeline.overlap_frames(self.plan.transition_kind, self.plan.transition_frames)

    def digest(self, purpose: str) -> str:
        """A name for this edit rendered for `purpose`."""
        plan = self.plan
        joints = [plan.transition_kind.value, plan.transition_frames, LOUDNESS_LUFS]
        labels = [plan.title, *(segment.scene.description for segment in self.segments)] if self._is_film else []
        parts = (json.dumps(joints), *labels, *map(self.segment_digest, self.segments))
        return identifiers.digest(RENDER_VERSION, purpose, self.job_id, *parts, *self._grade_parts)

    @property
    def _grade_parts(self) -> tuple[str, ...]:
        """What decides the grade beside the segments themselves."""
        guide = self.plan.style_guide
        look = (GRADE_VERSION, *guide.palette, guide.light or guide.visual_style)
        return ("grade", json.dumps(look)) if self.is_graded else ()

    def segment_digest(self, segment: SceneSegment) -> str:
        """A name for one segment as a file: equal sources at the same size and length are rendered once."""
        cut = [segment.frames, segment.clip_frames, segment.is_muted, *filter(None, [segment.first])]
        form = [self.profile, *self.format.size_px, self.plan.fps, segment.kind, *cut]
        shown_number = 0 if self._is_film or segment.is_clip else segment.number
        return identifiers.digest(RENDER_VERSION, json.dumps([*form, shown_number]), *segment.source_uris)

    def cut_list(self, files: Sequence[str], grades: Mapping[str, tuple[Correction, ...]] | None = None) -> CutList:
        """How `files`, one for each segment in order, become one film; `grades` are the corrections by file."""
        plan = self.plan
        transition: dict[str, object] = {"kind": plan.transition_kind.value}
        if plan.transition_kind is not timeline.TransitionKind.CUT:
            transition["duration_frames"] = plan.transition_frames
        clips: list[dict[str, object]] = [
            {
                "path": file,
                "in_s": segment.first / plan.fps,
                "out_s": segment.end / plan.fps,
                "mute": segment.is_muted,
                "transition": transition,
                "grade": (grades or {}).get(file, ()),
            }
            for file, segment in zip(files, self.segments, strict=True)
        ]
        del clips[-1]["transition"]
        # Without a clip only cues are heard, which must not be raised to the film's loudness.
        loudness_lufs = LOUDNESS_LUFS if any(segment.is_clip for segment in self.segments) else None
        film = {"size": self.format.size_px, "fps": plan.fps, "loudness_lufs": loudness_lufs}
        return CutList.model_validate({**film, "clips": clips})


def edit_film(job: Job, scenes: Sequence[Scene]) -> FilmEdit:
    """What the film is stitched from: clips, and stills in place of those given up, unless those are left out.

    Raises: Conflict before there is a plan; Broken when a clip is missing that should exist, or no scene is left.
    """
    omits = job.request.on_scene_failure == "omit"
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
            shown.append((scene, _still_or_card(scene)))
    edit = _make_edit(job, OutputProfile.FILM, shown, warnings)
    is_graded = job.request.grade == "match"
    return replace(edit, warnings=(*edit.warnings, *_jump_warnings(edit)), is_graded=is_graded)


def edit_animatic(job: Job, scenes: Sequence[Scene]) -> FilmEdit:
    """Every scene as a still of its planned length. Raises: Conflict while a keyframe is missing."""
    missing = [scene.id for scene in scenes if not scene.keyframes_drawn]
    if missing:
        raise Conflict(f"Not drawn yet: {', '.join(missing)}.", code="not_drawn", remedy="Ask again when they are.")
    return _make_edit(job, OutputProfile.PREVIEW, [(scene, SegmentKind.STILL) for scene in scenes])


def edit_preview(job: Job, scenes: Sequence[Scene]) -> FilmEdit:
    """The film so far: clips that are done, stills of drawn keyframes, cards for the rest. Raises: Conflict."""
    omits = job.request.on_scene_failure == "omit"
    shown = [(scene, _best_so_far(scene)) for scene in scenes if not (scene.is_given_up and omits)]
    return _make_edit(job, OutputProfile.PREVIEW, shown)


def _best_so_far(scene: Scene) -> SegmentKind:
    return SegmentKind.CLIP if scene.clip and scene.state is SceneState.DONE else _still_or_card(scene)


def _still_or_card(scene: Scene) -> SegmentKind:
    return SegmentKind.STILL if scene.start or scene.end else SegmentKind.CARD


def edit_still(job: Job, scenes: Sequence[Scene], scene_id: str) -> FilmEdit:
    """One scene alone, as the still that replaces its clip in the film. Raises: Conflict without a keyframe."""
    shown = [(scene, SegmentKind.STILL) for scene in scenes if scene.id == scene_id and (scene.start or scene.end)]
    if not shown:
        raise Conflict(f"{scene_id} has no picture yet.", code="not_drawn", remedy="Ask again when it is drawn.")
    return _make_edit(job, OutputProfile.FILM, shown)


def _make_edit(
    job: Job, profile: OutputProfile, shown: Sequence[tuple[Scene, SegmentKind]], warnings: Sequence[str] = ()
) -> FilmEdit:
    if job.plan is None:
        raise Conflict(f"{job.id} has no plan yet.", code="not_planned", remedy="Ask again when it is planned.")
    if not shown:
        raise Broken("No scene is left: every clip was given up.", code="nothing_to_cut", remedy="Change the prompt.")
    segments = []
    for number, (scene, kind) in enumerate(shown, start=1):
        frames, clip_frames = scene.film_frames(job.plan.fps), job.plan.clip_seconds(scene) * job.plan.fps
        segment = SceneSegment(
            scene=scene,
            kind=kind,
            frames=frames,
            number=number,
            clip_frames=clip_frames,
            first=clip_frames - frames if _is_trimmed_at_its_head(number, len(shown), kind) else 0,
            is_muted=not job.has_sound(scene),
        )
        segments.append(segment)
    return FilmEdit(job.id, job.plan, profile, tuple(segments), tuple(warnings))


def _jump_warnings(edit: FilmEdit) -> Iterator[str]:
    """Where a clip by another model than the plan's loses more before a cut than was planned, and warned of, before."""
    if edit.plan.transition_kind is not timeline.TransitionKind.CUT:
        return
    for segment in edit.segments[1:-1]:
        planned = segment.scene.evolve(video_model=None)
        longer = segment.clip_frames - edit.plan.clip_seconds(planned) * edit.plan.fps
        if segment.is_clip and longer > 0:
            clip = f"the clip by {segment.scene.video_model} is {longer / edit.plan.fps:g} s longer than planned"
            yield f"{segment.scene.id}: {clip}, so the picture jumps at its end."


def _is_trimmed_at_its_head(number: int, count: int, kind: SegmentKind) -> bool:
    """Whether the film leaves out the beginning of a clip, not its end: so that the first one leads into the second."""
    return number == 1 and count > 1 and kind is SegmentKind.CLIP


def preview_size(size_px: tuple[int, int]) -> tuple[int, int]:
    """The same shape with a long side of 640 pixels; even numbers."""
    width, height = (2 * round(side * _SMALL_LONG_SIDE_PX / max(size_px) / 2) for side in size_px)
    return width, height
