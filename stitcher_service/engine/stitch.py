"""The whole use case: a cut list and its files become one validated film, or one error that names the culprit.

Order matters for the errors: inputs are judged before a film is made of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import av.error

from stitcher_service.engine import commands, sound_mix
from stitcher_service.engine.assemble import assemble_film, verify_packets
from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.errors import BadInput, OutOfResources, RenderFailed
from stitcher_service.engine.inspection import Inspection, apply_inspection, inspect_picture
from stitcher_service.engine.inspection_cache import InspectionCache, Memory, cache_key
from stitcher_service.engine.loudness import MasteredSound, master_sound
from stitcher_service.engine.pieces import EncodedFiles, collect_packets, encode_segments
from stitcher_service.engine.planning import plan_without_copies
from stitcher_service.engine.project import Project, prepare_project, replan_project
from stitcher_service.engine.render_plan import RenderPlan
from stitcher_service.engine.report import Report
from stitcher_service.engine.sound_decoding import decode_sound
from stitcher_service.engine.validate import validate_film
from stitcher_service.engine.workers import Each, workers
from stitcher_service.engine.workfolder import check_output, publish, work_folder
from stitcher_service.ffmpeg.errors import FfmpegFailed, MediaError, is_resource_shortage
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg


def stitch(
    cut_list: CutList, base: Path, out: Path, runner: Runner | None = None, memory: Memory | None = None
) -> Report:
    """Make the film `out` from the files that `cut_list` names, relative to `base`.

    `out` appears only when it is complete and has been checked; an older file of that name is replaced. Cancelling
    `runner` calls the work off. A clip that `memory` knows is not inspected again.
    Raises: BadInput, RenderFailed, OutOfResources.
    """
    check_output(out, [(name, base / name) for name in cut_list.files])
    with _translate_errors():
        project = prepare_project(cut_list, base)
        runner = runner or Runner(find_ffmpeg())
        with work_folder() as folder, workers(runner) as each:
            return _StitchRun(project, folder, runner, each, memory or InspectionCache()).run(out)


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


@dataclass(frozen=True, slots=True)
class _StitchRun:
    """One film in the making: the steps, in the order of `run`."""

    project: Project
    folder: Path
    runner: Runner
    each: Each
    memory: Memory

    def run(self, out: Path) -> Report:
        # The workers take up what is given to them in this order: the mix is made beside the inspections.
        decoded = dict(self._decoded_sounds())
        mixes = self.mix(decoded)
        found = dict(self._inspections())
        tracks = tuple(
            apply_inspection(track, found[clip.path])
            for clip, track in zip(self.project.clips, self.project.tracks, strict=True)
        )
        if tracks == self.project.tracks:
            return self.finish(out, mixes, found)
        again = replace(self, project=replan_project(self.project, tracks), folder=self.folder / "replanned")
        again.folder.mkdir()
        return again.finish(out, again.mix(decoded), found)

    def mix(self, decoded: dict[Path, Path]) -> Iterator[MasteredSound]:
        """Begin to make the film's sound from decoded samples, by file."""
        return self.each(self._sound, [decoded])

    def finish(self, out: Path, mixes: Iterator[MasteredSound], found: dict[Path, Inspection]) -> Report:
        """Encode, assemble, check and publish the film. Raises: RenderFailed."""
        plan = self.project.plan
        windows = encode_segments(self.project, plan, self.folder, self.runner, self.each)
        mastered = next(mixes)
        warnings = self._warnings(found)
        may_be_black = bool(warnings)
        try:
            film = self._film(plan, windows, mastered, may_be_black=may_be_black)
        except RenderFailed as refusal:
            if not plan.copies:
                raise
            plan, film = self._film_without_copies(mastered, may_be_black=may_be_black)
            warnings += (f"every frame was encoded anew, because with copied frames {refusal}",)
        publish(film, out)
        loudness = mastered.warnings(self.project.cut_list.loudness_lufs)
        return _report(plan, mastered, (*self.project.remarks, *warnings, *loudness))

    def _film(self, plan: RenderPlan, windows: EncodedFiles, mastered: MasteredSound, *, may_be_black: bool) -> Path:
        """The finished film, still in our folder. Raises: RenderFailed."""
        done = self.folder / "film.mp4"
        with _translate_errors():
            parts = collect_packets(self.project, plan, windows)
            assemble_film(plan.film, parts, mastered.file, done)
            verify_packets(done, parts)
            validate_film(done, plan, self.runner, may_be_black=may_be_black)
        return done

    def _film_without_copies(self, mastered: MasteredSound, *, may_be_black: bool) -> tuple[RenderPlan, Path]:
        plan = plan_without_copies(self.project.plan.film, self.project.timeline)
        windows = encode_segments(self.project, plan, self.folder, self.runner, self.each)
        return plan, self._film(plan, windows, mastered, may_be_black=may_be_black)

    def _inspections(self) -> Iterator[tuple[Path, Inspection]]:
        """Every clip's findings; files of the same content are looked at once."""
        sources = {clip.path: track for clip, track in zip(self.project.clips, self.project.tracks, strict=True)}
        keys = {path: cache_key(path, track) for path, track in sources.items()}
        paths_by_key = {key: path for path, key in keys.items()}

        def inspect(key: str) -> tuple[str, Inspection]:
            found = self.memory.get(key)
            if found is None:
                path = paths_by_key[key]
                found = inspect_picture(path, sources[path], self.folder / f"{key}.times", self.runner)
                self.memory.put(key, found)
            return key, found

        found_by_key = self.each(inspect, paths_by_key)
        return self._judged(keys, found_by_key)

    def _judged(
        self, keys: dict[Path, str], found_by_key: Iterator[tuple[str, Inspection]]
    ) -> Iterator[tuple[Path, Inspection]]:
        known = dict(found_by_key)
        for name, clip in zip(self.project.cut_list.clips, self.project.clips, strict=True):
            found = known[keys[clip.path]]
            if found.damage:
                raise BadInput(name.path, f"its picture is damaged ({found.damage[0]})")
            yield clip.path, found

    def _decoded_sounds(self) -> Iterator[tuple[Path, Path]]:
        files = {clip.path: (name, track) for name, clip, track in self.project.heard}

        def decode(numbered: tuple[int, Path]) -> tuple[Path, Path]:
            number, path = numbered
            name, track = files[path]
            samples = self.folder / f"sound-{number}.f32"
            if said := decode_sound(path, track, samples, self.runner):
                raise BadInput(name, f"its sound is damaged ({said[0]})")
            return path, samples

        return self.each(decode, enumerate(files))

    def _warnings(self, inspections: dict[Path, Inspection]) -> tuple[str, ...]:
        project, rate = self.project, self.project.timeline.rate
        warnings: list[str] = []
        for shot in project.timeline.shots:
            name = project.cut_list.clips[shot.clip].path
            used_s = (float(shot.first / rate), float(shot.end / rate))
            warnings += inspections[project.clips[shot.clip].path].warnings(name, *used_s)
        return tuple(dict.fromkeys(warnings))

    def _sound(self, decoded: dict[Path, Path]) -> MasteredSound:
        project = self.project
        clips = [
            sound_mix.ClipSound(
                None if name.mute else decoded.get(clip.path), round(track.start_s * commands.SOUND_RATE_HZ)
            )
            for name, clip, track in zip(project.cut_list.clips, project.clips, project.tracks, strict=True)
        ]
        music, wanted = None, project.cut_list.soundtrack
        if wanted and project.music:
            levels = (wanted.gain_db, wanted.duck_db or 0.0)
            fades = (wanted.fade_in_s, wanted.fade_out_s)
            music = sound_mix.MusicTrack(decoded[project.music.path], *levels, *fades, is_looped=wanted.loop)
        samples = self.folder / "mix.f32"
        peak = sound_mix.mix_sound(project.timeline, clips, music, samples)
        return master_sound(samples, peak, project.cut_list.loudness_lufs, self.folder / "sound.mp4", self.runner)


def _report(plan: RenderPlan, mastered: MasteredSound, warnings: tuple[str, ...]) -> Report:
    width, height = plan.film.size_px
    return Report(
        duration_s=round(float(plan.frames / plan.film.rate), 6),
        frames=plan.frames,
        width=width,
        height=height,
        fps=round(float(plan.film.rate), 6),
        copied_frames=plan.copied_frames,
        encoded_frames=plan.encoded_frames,
        loudness_lufs=mastered.loudness_lufs,
        warnings=warnings,
    )
