"""A cut list and its files become one validated film, or one error that names the file at fault.

Order matters for the errors: inputs are judged before a film is made of them.
"""

import json
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import av.error

from stitcher_service.engine import commands, grading
from stitcher_service.engine.assemble import EncodedFiles, Labels, assemble_film, collect_packets, verify_packets
from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.errors import BadInput, OutOfResources, RenderFailed, RenderWarning
from stitcher_service.engine.inspection import Inspection, InspectionCache, apply_inspection, cache_key, inspect_picture
from stitcher_service.engine.loudness import MasteredSound, master_sound
from stitcher_service.engine.planning import make_plan
from stitcher_service.engine.project import Clip, Project, Sound, plan_project, prepare_project
from stitcher_service.engine.render_plan import EncodedSegment, RenderPlan
from stitcher_service.engine.sound_decoding import decode_sound
from stitcher_service.engine.sound_mix import mix_sound
from stitcher_service.engine.validate import validate_film
from stitcher_service.engine.workfolder import check_output, publish, work_folder
from stitcher_service.ffmpeg.errors import FfmpegFailed, MediaError, is_resource_shortage
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg

# Each may hold a graph of 1080p frames: more cores than this cost more memory than a container has.
_MOST_WORKERS = 4


@dataclass(frozen=True, slots=True)
class Report:
    """A finished film in numbers. `loudness_lufs` is None when there is only silence."""

    duration_s: float
    frames: int
    width: int
    height: int
    fps: float
    copied_frames: int
    encoded_frames: int
    loudness_lufs: float | None
    warnings: tuple[RenderWarning, ...] = ()

    def to_json(self) -> str:
        """One line of JSON, warnings as sentences."""
        return json.dumps({**asdict(self), "warnings": [*map(str, self.warnings)]}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Tools:
    """Cancelling `runner` cancels the render; a clip that is in `inspections` is not inspected another time."""

    runner: Runner = field(default_factory=lambda: Runner(find_ffmpeg()))
    inspections: InspectionCache = field(default_factory=InspectionCache)


def stitch(
    cut_list: CutList, base: Path, out: Path, labels: Labels | None = None, tools: Tools | None = None
) -> Report:
    """Make the film `out` from the files that `cut_list` names, relative to `base`.

    `out` appears only when it is complete and has been checked; an older file of that name is replaced.
    Raises: BadInput, RenderFailed, OutOfResources.
    """
    check_output(out, [(name, base / name) for name in cut_list.files])
    with _translate_errors():
        project = prepare_project(cut_list, base)
        tools = tools or Tools()
        with work_folder() as folder, _worker_pool(tools.runner) as pool:
            return _StitchRun(project, labels or Labels(), folder, tools, pool).run(out)


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Whatever ffmpeg, PyAV or the disk could not do, as RenderFailed or OutOfResources; inputs are judged by then."""
    try:
        yield
    except FfmpegFailed as error:
        raise RenderFailed(f"{error} ({' | '.join(error.log[-3:])})") from error
    except (MediaError, av.error.FFmpegError, OSError, MemoryError, RuntimeError) as error:
        reason = str(error) or type(error).__name__
        if is_resource_shortage(error):
            raise OutOfResources(reason) from error
        if isinstance(error, RuntimeError):
            raise
        raise RenderFailed(reason) from error


@contextmanager
def _worker_pool(runner: Runner) -> Iterator[ThreadPoolExecutor]:
    """Threads that end with the block; when it fails, every run of ffmpeg is cancelled."""
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_WORKERS)) as pool:
        try:
            yield pool
        except BaseException:
            runner.cancel()
            pool.shutdown(cancel_futures=True)
            raise


@dataclass(frozen=True, slots=True)
class _StitchRun:
    """One film while it is made: the steps, in the order of `run`."""

    project: Project
    labels: Labels
    folder: Path
    tools: Tools
    pool: ThreadPoolExecutor

    def run(self, out: Path) -> Report:
        # The workers take up what is given to them in this order: the mix is made beside the inspections.
        decoded = self._decode_sounds()
        mixed = self.pool.submit(self.master_mix, decoded)
        found = self._inspect_clips()
        project = self.project
        clips = tuple(replace(clip, track=apply_inspection(clip.track, found[clip.path])) for clip in project.clips)
        if clips == project.clips:
            return self.finish(out, mixed, found)
        project = plan_project(project.cut_list, clips, project.music)
        replanned = replace(self, project=project, folder=self.folder / "replanned")
        replanned.folder.mkdir()
        mixed = self.pool.submit(replanned.master_mix, decoded)
        return replanned.finish(out, mixed, found)

    def finish(self, out: Path, mixed: Future[MasteredSound], found: dict[Path, Inspection]) -> Report:
        """Encode, assemble, check and publish the film. Raises: RenderFailed."""
        plan = self.project.plan
        encoded = self._start_encoding(plan)
        sound = mixed.result()
        unwatchable = [*self._find_unwatchable(found)]
        warnings = [*self._find_ambiguous_sounds(), *unwatchable]
        may_be_black = bool(unwatchable)
        try:
            film = self._make_film(plan, encoded, sound, may_be_black=may_be_black)
        except RenderFailed as refusal:
            if not plan.copied_frames:
                raise
            tracks = [clip.track for clip in self.project.clips]
            plan = make_plan(plan.film, self.project.timeline, tracks, may_copy=False)
            film = self._make_film(plan, self._start_encoding(plan), sound, may_be_black=may_be_black)
            warnings.append(RenderWarning(f"every frame was encoded anew, because with copied frames {refusal}"))
        publish(film, out)
        if missed := sound.find_missed_loudness(self.project.cut_list.loudness_lufs):
            warnings.append(missed)
        return _report(plan, sound, tuple(dict.fromkeys(warnings)))

    def _start_encoding(self, plan: RenderPlan) -> EncodedFiles:
        """Begin to encode the segments of `plan`; each comes with its file when it is done."""
        # One core each while there are enough segments to go round; a lone one gets them all.
        threads = 1 if len(plan.encoded_segments) >= (os.cpu_count() or 1) else 0

        for correction in {point.correction for segment in plan.encoded_segments for point in segment.grade}:
            grading.write_table(correction, self.folder)

        def encode(number: int, segment: EncodedSegment) -> tuple[EncodedSegment, Path]:
            path = self.folder / f"segment-{number}.mp4"
            self.tools.runner.run(commands.encode_segment(segment, self.project.clips, plan.film, path, threads))
            return segment, path

        return self.pool.map(encode, range(len(plan.encoded_segments)), plan.encoded_segments)

    def _make_film(self, plan: RenderPlan, encoded: EncodedFiles, sound: MasteredSound, *, may_be_black: bool) -> Path:
        """The finished film, still in the work folder. Raises: RenderFailed."""
        film = self.folder / "film.mp4"
        with _translate_errors():
            ranges = collect_packets(self.project, plan, encoded)
            assemble_film(plan.film, ranges, sound.file, self.labels, film)
            verify_packets(film, ranges)
            has_chapters = bool(self.labels.chapters)
            validate_film(film, plan, self.tools.runner, may_be_black=may_be_black, has_chapters=has_chapters)
        return film

    def _inspect_clips(self) -> dict[Path, Inspection]:
        """Every clip's findings; files of the same content are inspected once. Raises: BadInput."""
        clips = {clip.path: clip for clip in self.project.clips}
        keys = {path: cache_key(path, clip.track) for path, clip in clips.items()}
        clips_by_key = {keys[path]: clip for path, clip in clips.items()}

        def inspect(key: str, clip: Clip) -> Inspection:
            found = self.tools.inspections.get(key)
            if found is None:
                found = inspect_picture(clip.path, clip.track, self.folder / f"{key}.times", self.tools.runner)
                self.tools.inspections[key] = found
            return found

        inspections = self.pool.map(inspect, clips_by_key, clips_by_key.values())
        found_by_key = dict(zip(clips_by_key, inspections, strict=True))
        found = {path: found_by_key[key] for path, key in keys.items()}
        for clip in self.project.clips:
            if damage := found[clip.path].damage:
                raise BadInput(clip.name, f"its picture is damaged ({damage[0]})")
        return found

    def _decode_sounds(self) -> dict[Path, Path]:
        """The raw samples of every sound that is used, by file. Raises: BadInput."""
        sounds = {sound.path: sound for sound in self.project.sounds}

        def decode(number: int, sound: Sound) -> Path:
            samples = self.folder / f"sound-{number}.f32"
            if complaints := decode_sound(sound.path, sound.track, samples, self.tools.runner):
                raise BadInput(sound.name, f"its sound is damaged ({complaints[0]})")
            return samples

        return dict(zip(sounds, self.pool.map(decode, range(len(sounds)), sounds.values()), strict=True))

    def _find_ambiguous_sounds(self) -> Iterator[RenderWarning]:
        for sound in self.project.sounds:
            if sound.track.rivals:
                tracks = f"has {sound.track.rivals + 1} sound tracks and marks none as the main one"
                yield RenderWarning(f"{tracks}: the first is heard", sound.name)

    def _find_unwatchable(self, found: dict[Path, Inspection]) -> Iterator[RenderWarning]:
        rate = self.project.timeline.rate
        for shot in self.project.timeline.shots:
            clip, start_s, end_s = self.project.clips[shot.clip], float(shot.first / rate), float(shot.end / rate)
            if warning := found[clip.path].find_unwatchable(clip.name, start_s, end_s):
                yield warning

    def master_mix(self, decoded: dict[Path, Path]) -> MasteredSound:
        """The film's sound, from the decoded samples of each file."""
        samples = self.folder / "mix.f32"
        peak = mix_sound(self.project, decoded, samples)
        loudness_lufs = self.project.cut_list.loudness_lufs
        return master_sound(samples, peak, loudness_lufs, self.folder / "sound.mp4", self.tools.runner)


def _report(plan: RenderPlan, sound: MasteredSound, warnings: tuple[RenderWarning, ...]) -> Report:
    width, height = plan.film.size_px
    return Report(
        duration_s=round(float(plan.frames / plan.film.rate), 6),
        frames=plan.frames,
        width=width,
        height=height,
        fps=round(float(plan.film.rate), 6),
        copied_frames=plan.copied_frames,
        encoded_frames=plan.encoded_frames,
        loudness_lufs=sound.loudness_lufs,
        warnings=warnings,
    )
