"""The segments of a film edit as files, and their join.

What had to be rendered is stored in the bucket under its digest. So the next preview renders only what is new, and the
film reuses the stills that earlier previews rendered. A clip that is right as it is stays what it is: the film copies
it bit for bit.
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from promptreel.domain.document import Problem
from promptreel.domain.scene import Keyframe, Scene
from promptreel.errors import Broken, NotFound
from promptreel.usecases import artifact_integrity
from stitcher_service.engine.assemble import Labels
from stitcher_service.engine.errors import BadInput, RenderFailed
from stitcher_service.engine.keyframe_match import describe_missed_keyframes
from stitcher_service.engine.stitch import Report, Tools, stitch
from stitcher_service.ffmpeg.command import Command
from stitcher_service.ffmpeg.errors import FfmpegFailed, Unreadable
from stitcher_service.ffmpeg.probe import MediaInfo, VideoTrack, probe
from stitcher_service.ffmpeg.run import Runner
from stitcher_service.jobs import downloads, segment_commands
from stitcher_service.jobs.film_edit import FilmEdit, OutputProfile, SceneSegment, SegmentKind
from stitcher_service.jobs.segment_grades import choose_grades
from stitcher_service.jobs.segment_seams import describe_jumps
from stitcher_service.jobs.services import StitcherServices

_MAX_STRETCH = 0.02  # of the proportions: 1376x768 is 16:9 as a model rounds it
_MAX_WORKERS = 2  # each may hold the frames of two 4K keyframes


@dataclass(frozen=True, slots=True)
class RenderWorkspace:
    """Where one film edit is rendered: a folder, services, a runner; scenes that need sound, that may be refilmed."""

    folder: Path
    services: StitcherServices
    runner: Runner
    expects_sound: Callable[[Scene], bool] = lambda _: False
    refilmable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ClipDefect:
    """What is wrong with the clip of a scene that can be shown all the same."""

    scene: str
    reason: str

    def __str__(self) -> str:
        return f"{self.scene} {self.reason}"


@dataclass(frozen=True, slots=True)
class JoinedSegments:
    """A film edit as one file, the defects of its clips, and further warnings."""

    file: Path
    report: Report
    defects: tuple[ClipDefect, ...]
    warnings: tuple[str, ...]


class ClipsRejected(Broken):
    """Clips that no film can be made from; ``problems`` says why, by scene."""

    default_code = "clip_defective"

    def __init__(self, problems: Mapping[str, Problem]) -> None:
        first = next(iter(problems.values()))
        message = "; ".join(problem.message for problem in problems.values())
        super().__init__(message, code=first.code, remedy=first.remedy or "")
        self.problems = problems


def segment_error(segment: SceneSegment, reason: str) -> Broken:
    """Why a segment cannot be shown: its clip is rejected; about its keyframes only a person can decide."""
    if not segment.is_clip:
        return Broken(
            f"{segment.scene.id}: {reason}", code="keyframe_defective", remedy=artifact_integrity.RESTORE_REMEDY
        )
    return ClipsRejected({segment.scene.id: clip_problem(segment.scene.id, reason)})


def clip_problem(scene_id: str, reason: str) -> Problem:
    """Why the clip of a scene cannot be used, as its job reports it."""
    remedy = "Resume the job: the scene is filmed again, within its budget."
    return Problem(code="clip_defective", message=f"{scene_id}: {reason}", remedy=remedy, step="stitch", scene=scene_id)


def segment_path(edit: FilmEdit, segment: SceneSegment) -> str:
    """Where in the bucket a rendered segment is stored."""
    return f"jobs/{edit.job_id}/work/{segment.scene.id}-{edit.segment_digest(segment)}.mp4"


def build_segments(edit: FilmEdit, workspace: RenderWorkspace) -> tuple[dict[str, SceneSegment], list[ClipDefect]]:
    """Every segment of `edit`, in order, by its file's name in the workspace's folder; what is wrong with its clips.

    Raises: Broken naming the scene whose clip or keyframe is missing or cannot be read; Transient.
    """
    builder = _SegmentBuilder(edit, workspace)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_WORKERS)) as pool:
        is_stored = list(pool.map(builder.download_stored, edit.segments))
        missing = [segment for segment, stored in zip(edit.segments, is_stored, strict=True) if not stored]
        builder.download_sources(missing)
        results = list(pool.map(builder.build_or_reject, missing))
    rejected = [result for result in results if isinstance(result, ClipsRejected)]
    if rejected:
        raise ClipsRejected({scene: problem for one in rejected for scene, problem in one.problems.items()})
    defects = [defect for result in results if not isinstance(result, ClipsRejected) for defect in result]
    return {builder.file(segment).name: segment for segment in edit.segments}, defects


def join_segments(edit: FilmEdit, workspace: RenderWorkspace, labels: Labels | None = None) -> JoinedSegments:
    """Join the segments of `edit` in the workspace's folder; the result is as long as planned, to the frame.

    Raises: Broken naming the scene at fault; Transient.
    """
    segments, defects = build_segments(edit, workspace)
    out = workspace.folder / "joined.mp4"
    tools = Tools(workspace.runner, workspace.services.inspections)
    grades, graded = choose_grades(edit, segments, workspace.folder) if edit.is_graded else ({}, [])
    try:
        report = stitch(edit.cut_list(list(segments), grades), workspace.folder, out, labels, tools)
    except BadInput as error:
        raise segment_error(segments[error.file], error.reason) from error
    except RenderFailed as error:
        raise Broken(str(error), code="cut_failed") from error
    if report.frames != edit.frames:
        raise Broken(f"The film has {report.frames} frames, {edit.frames} were planned.", code="film_wrong_length")
    warnings = [*graded]
    for warning in report.warnings:
        if warning.clip is None:
            warnings.append(str(warning))
        elif segments[warning.clip].is_clip:  # that a still hardly moves is no defect
            defects.append(ClipDefect(segments[warning.clip].scene.id, warning.text))
    if edit.profile is OutputProfile.FILM:
        named = {defect.scene for defect in defects}  # what is wrong with them would be said twice
        whole = {name: segment for name, segment in segments.items() if segment.scene.id not in named}
        warnings += describe_jumps(edit, whole, workspace.folder)
    return JoinedSegments(out, report, tuple(defects), tuple(warnings))


class _SegmentBuilder:
    """Gets the files of one film edit: stored, taken over from clips, or rendered."""

    def __init__(self, edit: FilmEdit, workspace: RenderWorkspace) -> None:
        self._edit = edit
        self._workspace = workspace
        self._artifacts = workspace.services.artifacts
        self._is_film = edit.profile is OutputProfile.FILM
        self._quality = segment_commands.FILM_QUALITY if self._is_film else segment_commands.PREVIEW_QUALITY
        self._sources: dict[str, Path] = {}

    def file(self, segment: SceneSegment) -> Path:
        return self._workspace.folder / f"{segment.scene.id}.mp4"

    def download_stored(self, segment: SceneSegment) -> bool:
        """Whether the segment was rendered before and could be fetched."""
        if self._is_film and segment.is_clip:  # taken over as it is
            return False
        try:
            self._artifacts.get_file(self._artifacts.uri(segment_path(self._edit, segment)), self.file(segment))
        except NotFound:
            return False
        return True

    def download_sources(self, segments: list[SceneSegment]) -> None:
        owners = {uri: segment.scene.id for segment in segments for uri in segment.source_uris}
        film_s = self._edit.frames / self._edit.plan.fps
        folder, services = self._workspace.folder, self._workspace.services
        self._sources = downloads.download_all(owners, self._edit.job_id, film_s, folder, services)

    def build_or_reject(self, segment: SceneSegment) -> tuple[ClipDefect, ...] | ClipsRejected:
        """What `_build` returns or rejects, so that all clips to be rejected are known at once."""
        try:
            return self._build(segment)
        except ClipsRejected as rejected:
            return rejected

    def _build(self, segment: SceneSegment) -> tuple[ClipDefect, ...]:
        """Make the segment's file from its sources; what is wrong with its clip is returned.

        Raises: ClipsRejected for a clip that is not what was paid for, while the scene may be refilmed.
        """
        if not segment.is_clip:
            self._render(segment, self._draw_command(segment))
            return ()
        clip = self._sources[segment.source_uris[0]]
        info, track = _probe_segment(segment, clip)
        frames = track.frames_at(self._edit.format.rate)
        reasons = []
        if frames != segment.clip_frames:
            reasons.append(f"has {frames} frames where {segment.clip_frames} were planned")
        if info.audio is None and self._workspace.expects_sound(segment.scene):
            reasons.append("has no sound although it should")
        if self._is_film and (misfits := self._find_misfits(segment, track, clip)):
            if segment.scene.id in self._workspace.refilmable:
                raise segment_error(segment, "; ".join(misfits))
            reasons += misfits
        if self._is_film and frames == segment.clip_frames:
            clip.rename(self.file(segment))
        else:
            self._render(segment, segment_commands.encode_clip(info, track, segment.end, self._target(segment)))
        return tuple(ClipDefect(segment.scene.id, reason) for reason in reasons)

    def _find_misfits(self, segment: SceneSegment, track: VideoTrack, clip: Path) -> list[str]:
        """How the clip differs from what was paid for: its shape, and the keyframes it should begin and end with."""
        start, end = (self._read_keyframe(keyframe) for keyframe in (segment.scene.start, segment.scene.end))
        shape = _describe_misfit(track, self._edit.format.size_px)
        return [*filter(None, (shape, describe_missed_keyframes(clip, start, end)))]

    def _read_keyframe(self, keyframe: Keyframe | None) -> bytes | None:
        """A keyframe as stored; None when the bucket has lost it, as no film needs it."""
        try:
            return self._artifacts.get(keyframe.uri) if keyframe else None
        except NotFound:
            return None

    def _draw_command(self, segment: SceneSegment) -> Command:
        target, number = self._target(segment), 0 if self._is_film else segment.number
        if segment.kind is SegmentKind.CARD:
            return segment_commands.encode_card(segment.frames, target, number)
        keyframes = [self._sources[uri] for uri in segment.source_uris]
        return segment_commands.encode_still((keyframes[0], keyframes[-1]), segment.frames, target, number)

    def _target(self, segment: SceneSegment) -> segment_commands.Target:
        return segment_commands.Target(self._edit.format, self._quality, self.file(segment))

    def _render(self, segment: SceneSegment, command: Command) -> None:
        """Render the segment and store it in the bucket."""
        file = self.file(segment)
        try:
            self._workspace.runner.run(command)
        except FfmpegFailed as error:
            raise segment_error(segment, str(error)) from error
        _, track = _probe_segment(segment, file)
        if track.frames != segment.end:
            message = f"{segment.scene.id} came out {track.frames} frames long, not {segment.end}."
            raise Broken(message, code="cut_failed")
        self._artifacts.put_file(segment_path(self._edit, segment), file, "video/mp4")


def _describe_misfit(track: VideoTrack, paid_px: tuple[int, int]) -> str:
    """How a clip's shape differs from what was paid for: too small, or of other proportions; else nothing."""
    width, height = track.width_px, track.height_px
    is_small = width < paid_px[0] or height < paid_px[1]
    is_stretched = abs(width * paid_px[1] / (height * paid_px[0]) - 1) > _MAX_STRETCH
    if not (is_small or is_stretched):
        return ""
    return f"is {width}x{height} where {paid_px[0]}x{paid_px[1]} was paid for"


def _probe_segment(segment: SceneSegment, file: Path) -> tuple[MediaInfo, VideoTrack]:
    try:
        info = probe(file)
    except Unreadable as error:
        raise segment_error(segment, error.reason) from error
    if info.video is None:
        raise segment_error(segment, "has no picture")
    if info.audio and not info.audio.codec:
        raise segment_error(segment, "its sound is in an unknown codec")
    return info, info.video
