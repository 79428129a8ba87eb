"""A cut list and its files become one validated film, or one error that names the file at fault.

Order matters for the errors: inputs are judged before a film is made of them.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import av.error

from stitcher_service.engine import commands, sound_mix
from stitcher_service.engine.assemble import EncodedFiles, Labels, assemble_film, collect_packets, verify_packets
from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.errors import BadInput, OutOfResources, RenderFailed
from stitcher_service.engine.inspection import Inspection, apply_inspection, inspect_picture
from stitcher_service.engine.inspection_cache import InspectionCache, cache_key
from stitcher_service.engine.loudness import MasteredSound, master_sound
from stitcher_service.engine.planning import plan_without_copies
from stitcher_service.engine.project import Project, prepare_project, replan_project
from stitcher_service.engine.render_plan import EncodedSegment, RenderPlan
from stitcher_service.engine.report import RenderWarning, Report, WarningKind
from stitcher_service.engine.sound_decoding import decode_sound
from stitcher_service.engine.validate import validate_film
from stitcher_service.engine.workfolder import check_output, publish, work_folder
from stitcher_service.ffmpeg.errors import FfmpegFailed, MediaError, is_resource_shortage
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg

# Each may hold a graph of 1080p frames: more cores than this cost more memory than a container has.
_MOST_WORKERS = 4


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
        raise RenderFailed(f"{error} ({' | '.join(error.tail[-3:])})") from error
    except RuntimeError as error:
        if not is_resource_shortage(error):
            raise
        raise OutOfResources(str(error)) from error
    except (MediaError, av.error.FFmpegError, OSError, MemoryError) as error:
        reason = str(error) or type(error).__name__
        raise (OutOfResources(reason) if is_resource_shortage(error) else RenderFailed(reason)) from error


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
    """One film while it is made: the steps, in the order of `run`. Iterators are of work that has begun."""

    project: Project
    labels: Labels
    folder: Path
    tools: Tools
    pool: ThreadPoolExecutor

    def run(self, out: Path) -> Report:
        # The workers take up what is given to them in this order: the mix is made beside the inspections.
        decoded = dict(self._decode_sounds())
        mixes = self.start_mix(decoded)
        found = self._inspect_clips()
        tracks = tuple(
            apply_inspection(track, found[clip.path])
            for clip, track in zip(self.project.clips, self.project.tracks, strict=True)
        )
        if tracks == self.project.tracks:
            return self.finish(out, mixes, found)
        replanned = replace(self, project=replan_project(self.project, tracks), folder=self.folder / "replanned")
        replanned.folder.mkdir()
        return replanned.finish(out, replanned.start_mix(decoded), found)

    def start_mix(self, decoded: dict[Path, Path]) -> Iterator[MasteredSound]:
        """Begin to make the film's sound from decoded samples, by file."""
        return self.pool.map(self._mix_sound, [decoded])

    def finish(self, out: Path, mixes: Iterator[MasteredSound], found: dict[Path, Inspection]) -> Report:
        """Encode, assemble, check and publish the film. Raises: RenderFailed."""
        plan = self.project.plan
        encoded = self._start_encoding(plan)
        sound = next(mixes)
        unwatchable = self._find_unwatchable(found)
        warnings = [*self.project.ambiguous_sounds, *unwatchable]
        may_be_black = bool(unwatchable)
        try:
            film = self._make_film(plan, encoded, sound, may_be_black=may_be_black)
        except RenderFailed as refusal:
            if not plan.copied_segments:
                raise
            plan = plan_without_copies(plan.film, self.project.timeline)
            film = self._make_film(plan, self._start_encoding(plan), sound, may_be_black=may_be_black)
            warnings.append(RenderWarning(WarningKind.COPIES_REJECTED, (str(refusal),)))
        publish(film, out)
        if missed := sound.find_missed_loudness(self.project.cut_list.loudness_lufs):
            warnings.append(missed)
        return _report(plan, sound, tuple(warnings))

    def _start_encoding(self, plan: RenderPlan) -> EncodedFiles:
        """Begin to encode the segments of `plan`; each comes with its file when it is done."""
        project = self.project
        sources = tuple(
            commands.ClipSource(clip.path, track) for clip, track in zip(project.clips, project.tracks, strict=True)
        )
        # One core each while there are enough segments to go round; a lone one gets them all.
        threads = 1 if len(plan.encoded_segments) >= (os.cpu_count() or 1) else 0

        def encode(number: int, segment: EncodedSegment) -> tuple[EncodedSegment, Path]:
            path = self.folder / f"segment-{number}.mp4"
            self.tools.runner.run(commands.encode_segment(segment, sources, plan.film, path, threads))
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
        tracks = {clip.path: track for clip, track in zip(self.project.clips, self.project.tracks, strict=True)}
        keys = {path: cache_key(path, track) for path, track in tracks.items()}
        paths_by_key = {key: path for path, key in keys.items()}

        def inspect(key: str) -> Inspection:
            found = self.tools.inspections.get(key)
            if found is None:
                path = paths_by_key[key]
                found = inspect_picture(path, tracks[path], self.folder / f"{key}.times", self.tools.runner)
                self.tools.inspections.put(key, found)
            return found

        found_by_key = dict(zip(paths_by_key, self.pool.map(inspect, paths_by_key), strict=True))
        for entry, clip in zip(self.project.cut_list.clips, self.project.clips, strict=True):
            if damage := found_by_key[keys[clip.path]].damage:
                raise BadInput(entry.path, f"its picture is damaged ({damage[0]})")
        return {path: found_by_key[key] for path, key in keys.items()}

    def _decode_sounds(self) -> Iterator[tuple[Path, Path]]:
        """The raw samples of every sound that is used, by file. Raises: BadInput."""
        sources = {clip.path: (name, track) for name, clip, track in self.project.sounds}

        def decode(number: int, path: Path) -> tuple[Path, Path]:
            name, track = sources[path]
            samples = self.folder / f"sound-{number}.f32"
            if complaints := decode_sound(path, track, samples, self.tools.runner):
                raise BadInput(name, f"its sound is damaged ({complaints[0]})")
            return path, samples

        return self.pool.map(decode, range(len(sources)), sources)

    def _find_unwatchable(self, found: dict[Path, Inspection]) -> tuple[RenderWarning, ...]:
        project, rate = self.project, self.project.timeline.rate
        warnings = []
        for shot in project.timeline.shots:
            name, inspection = project.cut_list.clips[shot.clip].path, found[project.clips[shot.clip].path]
            if warning := inspection.find_unwatchable(name, float(shot.first / rate), float(shot.end / rate)):
                warnings.append(warning)
        return tuple(dict.fromkeys(warnings))

    def _mix_sound(self, decoded: dict[Path, Path]) -> MasteredSound:
        project = self.project
        clips = [
            sound_mix.ClipSound(
                None if entry.mute else decoded.get(clip.path), round(track.start_s * commands.SOUND_RATE_HZ)
            )
            for entry, clip, track in zip(project.cut_list.clips, project.clips, project.tracks, strict=True)
        ]
        music, ordered = None, project.cut_list.soundtrack
        if ordered and project.music:
            music = sound_mix.MusicTrack(decoded[project.music.path], ordered)
        samples = self.folder / "mix.f32"
        peak = sound_mix.mix_sound(project.timeline, clips, music, samples)
        loudness_lufs = project.cut_list.loudness_lufs
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
