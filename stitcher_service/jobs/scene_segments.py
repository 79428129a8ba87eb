"""The strips of a reel as files. What had to be made goes into the bucket under its digest, for whoever needs it next.

So the preview after next makes only what is new, and the film takes over the stills and small strips that earlier
previews made (E10). A clip that is right as it is stays what it is: the film copies it bit for bit.
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
from stitcher_service.engine.keyframe_match import describe_missed_keyframes
from stitcher_service.ffmpeg.command import Command
from stitcher_service.ffmpeg.errors import FfmpegFailed, Unreadable
from stitcher_service.ffmpeg.probe import MediaInfo, VideoTrack, probe
from stitcher_service.ffmpeg.run import Runner
from stitcher_service.jobs import downloads, segment_commands
from stitcher_service.jobs.film_edit import FilmEdit, OutputProfile, SceneSegment, SegmentKind
from stitcher_service.jobs.services import StitcherServices

_MOST_STRETCH = 0.02  # of the proportions: 1376x768 is 16:9 as a model rounds it
_MOST_WORKERS = 2  # each may hold the frames of two 4K pictures


def _nothing(_: Scene) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class RenderWorkspace:
    """Where one reel is worked on: a folder, the room, a runner; scenes that must be heard, that may be refilmed."""

    base: Path
    room: StitcherServices
    runner: Runner
    must_sound: Callable[[Scene], bool] = _nothing
    refilmable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ClipDefect:
    """What is wrong with the clip of a scene that can be shown all the same."""

    scene: str
    reason: str

    def __str__(self) -> str:
        return f"{self.scene} {self.reason}"


@dataclass(frozen=True, slots=True)
class SegmentFiles:
    """One file for each strip of a reel, in order, named after its scene, and what is wrong with its clips."""

    files: tuple[Path, ...]
    defects: tuple[ClipDefect, ...]


def segment_path(reel: FilmEdit, strip: SceneSegment) -> str:
    """Where in the bucket a made strip stands."""
    return f"jobs/{reel.job_id}/work/{strip.scene.id}-{reel.strip_digest(strip)}.mp4"


def build_segments(reel: FilmEdit, bench: RenderWorkspace) -> SegmentFiles:
    """Every strip of `reel` as a file in the bench's folder.

    Raises: Broken naming the scene whose clip or picture is missing or cannot be read; Transient.
    """
    making = _SegmentBuilder(reel, bench)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_WORKERS)) as pool:
        made = list(pool.map(making.found, reel.strips))
        missing = [strip for strip, is_made in zip(reel.strips, made, strict=True) if not is_made]
        making.fetch_sources(missing)
        made_or_not = list(pool.map(making.make_or_reject, missing))
    problems = {
        scene: why for one in made_or_not if isinstance(one, ClipsRejected) for scene, why in one.problems.items()
    }
    if problems:
        raise ClipsRejected(problems)
    defects = (defect for found in made_or_not if not isinstance(found, ClipsRejected) for defect in found)
    return SegmentFiles(tuple(map(making.file, reel.strips)), tuple(defects))


class _SegmentBuilder:
    """Where the files of one reel come from."""

    def __init__(self, reel: FilmEdit, bench: RenderWorkspace) -> None:
        self._reel = reel
        self._bench = bench
        self._artifacts = bench.room.artifacts
        self._quality = (
            segment_commands.FILM_QUALITY if reel.look is OutputProfile.FILM else segment_commands.PREVIEW_QUALITY
        )
        self._sources: dict[str, Path] = {}

    def file(self, strip: SceneSegment) -> Path:
        return self._bench.base / f"{strip.scene.id}.mp4"

    def found(self, strip: SceneSegment) -> bool:
        """Fetch the strip if somebody has made it."""
        if self._is_taken_as_it_is(strip):
            return False
        try:
            self._artifacts.get_file(self._artifacts.uri(segment_path(self._reel, strip)), self.file(strip))
        except NotFound:
            return False
        return True

    def fetch_sources(self, wanted: list[SceneSegment]) -> None:
        owners = {uri: strip.scene.id for strip in wanted for uri in strip.made_from}
        film_s = self._reel.frames / self._reel.plan.fps
        base, disk_bytes = self._bench.base, self._bench.room.disk_bytes
        self._sources = downloads.download_all(self._reel.job_id, owners, film_s, base, self._artifacts, disk_bytes)

    def make_or_reject(self, strip: SceneSegment) -> "tuple[ClipDefect, ...] | ClipsRejected":
        """What `make` returns or rejects, so that all clips to be rejected are known at once."""
        try:
            return self.make(strip)
        except ClipsRejected as rejected:
            return rejected

    def make(self, strip: SceneSegment) -> tuple[ClipDefect, ...]:
        """The strip's file from its sources; what was wrong with its clip comes back.

        Raises: ClipsRejected for a clip that is not what was paid for, while the scene may be filmed again.
        """
        if strip.kind is not SegmentKind.CLIP:
            self._run(strip, self._drawn(strip))
            return ()
        source = self._sources[strip.made_from[0]]
        info, track = _probe_segment(strip, source)
        frames = track.frames_at(self._reel.format.rate)
        defects = []
        if frames != strip.frames:
            defects.append(ClipDefect(strip.scene.id, f"has {frames} frames where {strip.frames} were planned"))
        if info.audio is None and self._bench.must_sound(strip.scene):
            defects.append(ClipDefect(strip.scene.id, "has no sound although it should"))
        if self._reel.look is OutputProfile.FILM and (misfits := self._misfits(strip, track, source)):
            if strip.scene.id in self._bench.refilmable:
                raise segment_error(strip, "; ".join(misfits))
            defects += [ClipDefect(strip.scene.id, misfit) for misfit in misfits]
        if self._reel.look is OutputProfile.FILM and frames == strip.frames:
            source.rename(self.file(strip))
        else:
            film = self._reel.format
            self._run(
                strip, segment_commands.encode_clip(info, track, strip.frames, film, self._quality, self.file(strip))
            )
        return tuple(defects)

    def _misfits(self, strip: SceneSegment, track: VideoTrack, clip: Path) -> list[str]:
        """How the clip differs from what was paid for: its shape, and the keyframes it should begin and end with."""
        start, end = (self._keyframe(picture) for picture in (strip.scene.start, strip.scene.end))
        return [
            *filter(
                None, (_describe_misfit(track, self._reel.format.size_px), describe_missed_keyframes(clip, start, end))
            )
        ]

    def _keyframe(self, picture: Keyframe | None) -> bytes | None:
        """A keyframe as stored; None when the bucket does not have it any more, which no film needs."""
        try:
            return self._artifacts.get(picture.uri) if picture else None
        except NotFound:
            return None

    def _is_taken_as_it_is(self, strip: SceneSegment) -> bool:
        return self._reel.look is OutputProfile.FILM and strip.kind is SegmentKind.CLIP

    def _drawn(self, strip: SceneSegment) -> Command:
        film, number = self._reel.format, strip.number if self._reel.look is OutputProfile.SKETCH else 0
        if strip.kind is SegmentKind.CARD:
            return segment_commands.encode_card(strip.frames, film, self._quality, self.file(strip), number)
        pictures = [self._sources[uri] for uri in strip.made_from]
        pair = (pictures[0], pictures[-1])
        return segment_commands.encode_still(pair, strip.frames, film, self._quality, self.file(strip), number)

    def _run(self, strip: SceneSegment, command: Command) -> None:
        """Make the strip and lay it into the bucket."""
        file = self.file(strip)
        try:
            self._bench.runner.run(command)
        except FfmpegFailed as error:
            raise segment_error(strip, str(error)) from error
        _, track = _probe_segment(strip, file)
        if track.frames != strip.frames:
            raise Broken(
                f"{strip.scene.id} came out {track.frames} frames long, not {strip.frames}.", code="cut_failed"
            )
        self._artifacts.put_file(segment_path(self._reel, strip), file, "video/mp4")


def _describe_misfit(track: VideoTrack, paid_px: tuple[int, int]) -> str:
    """How a clip's shape differs from what was paid for: too small, or of other proportions; else nothing."""
    width, height = track.width_px, track.height_px
    is_small = width < paid_px[0] or height < paid_px[1]
    is_stretched = abs(width * paid_px[1] / (height * paid_px[0]) - 1) > _MOST_STRETCH
    if not (is_small or is_stretched):
        return ""
    return f"is {width}x{height} where {paid_px[0]}x{paid_px[1]} was paid for"


def _probe_segment(strip: SceneSegment, file: Path) -> tuple[MediaInfo, VideoTrack]:
    try:
        info = probe(file)
    except Unreadable as error:
        raise segment_error(strip, error.reason) from error
    if info.video is None:
        raise segment_error(strip, "has no picture")
    if info.audio and not info.audio.codec:
        raise segment_error(strip, "its sound is in an unknown codec")
    return info, info.video


class ClipsRejected(Broken):
    """Clips that no film can be cut from; ``problems`` says why, by scene."""

    default_code = "clip_defective"

    def __init__(self, problems: Mapping[str, Problem]) -> None:
        first = next(iter(problems.values()))
        super().__init__(
            "; ".join(problem.message for problem in problems.values()), code=first.code, remedy=first.remedy
        )
        self.problems = problems


def segment_error(strip: SceneSegment, reason: str) -> Broken:
    """Why a strip cannot be shown: its clip is to be rejected; of its picture only a person can tell what to do."""
    if not strip.is_clip:
        return Broken(f"{strip.scene.id}: {reason}", code="keyframe_defective", remedy=artifact_integrity.REMEDY)
    return ClipsRejected({strip.scene.id: clip_problem(strip.scene.id, reason)})


def clip_problem(scene_id: str, reason: str) -> Problem:
    remedy = "Resume the job: the scene is filmed again, within its budget."
    return Problem(code="clip_defective", message=f"{scene_id}: {reason}", remedy=remedy, step="stitch", scene=scene_id)
