"""The whole use case: a cut list and its files become one validated film, or one error that names the culprit.

Order matters for the errors: inputs are judged before anything is made of them.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import av.error

from stitcher_service import recipes, sound
from stitcher_service.assemble import Piece, assemble
from stitcher_service.cutlist import CutList
from stitcher_service.errors import BadInput, RenderFailed
from stitcher_service.ffmpeg.errors import FfmpegFailed, MediaError
from stitcher_service.ffmpeg.probe import MediaInfo, probe
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg
from stitcher_service.inspection import Inspection, damage, inspect_picture
from stitcher_service.loudness import Mastering, master
from stitcher_service.project import Project, prepare
from stitcher_service.report import Report
from stitcher_service.segments import Copy, Plan, Window
from stitcher_service.validate import validate
from stitcher_service.workfolder import publish, work_folder

# Each may hold a graph of 1080p frames: more cores than this cost more memory than a container has.
_MOST_WORKERS = 4

_T = TypeVar("_T")
_R = TypeVar("_R")


def stitch(cut_list: CutList, base: Path, out: Path) -> Report:
    """Make the film `out` from the files that `cut_list` names, relative to `base`.

    `out` appears only when it is complete and has been checked; an older file of that name is replaced.
    Raises: BadInput, RenderFailed.
    """
    if not out.parent.is_dir() or out.is_dir():
        raise BadInput(out, "its folder does not exist" if not out.parent.is_dir() else "is a folder")
    with _translated():
        project = prepare(cut_list, base)
        runner = Runner(find_ffmpeg())
        with work_folder() as folder, _workers(runner) as each:
            return _Stitching(project, folder, runner, each).run(out)


@contextmanager
def _translated() -> Iterator[None]:
    """Whatever ffmpeg, PyAV or the disk could not do becomes RenderFailed; inputs have been judged by then."""
    try:
        yield
    except FfmpegFailed as error:
        raise RenderFailed(f"{error} ({' | '.join(error.tail[-3:])})") from error
    except (MediaError, av.error.FFmpegError, OSError) as error:
        raise RenderFailed(str(error)) from error


class _Each:
    """Does the same to many things at once, on a few threads; results in order."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def __call__(self, work: Callable[[_T], _R], things: Iterable[_T]) -> Iterator[_R]:
        return self._pool.map(work, things)


@contextmanager
def _workers(runner: Runner) -> Iterator[_Each]:
    """Worker threads that end with the block; when it fails, so does every run of ffmpeg."""
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_WORKERS)) as pool:
        try:
            yield _Each(pool)
        except BaseException:
            runner.cancel()
            pool.shutdown(cancel_futures=True)
            raise


@dataclass(frozen=True, slots=True)
class _Stitching:
    """One film in the making: the steps, in the order of `run`."""

    project: Project
    folder: Path
    runner: Runner
    each: _Each

    def run(self, out: Path) -> Report:
        plan = self.project.plan
        inspections = self._inspections()  # these three are started together and share the cores
        sounds = self._decoded_sounds()
        windows = self._encoded_windows()
        warnings = self._warnings(dict(inspections))
        mastering, sound_file = self._sound(dict(sounds))
        done = self.folder / "film.mp4"
        assemble(plan.film, self._pieces(list(windows)), sound_file, done)
        validate(done, plan, self.runner, may_be_black=bool(warnings))
        publish(done, out)
        return _report(plan, mastering, warnings)

    def _inspections(self) -> Iterator[tuple[Path, Inspection]]:
        names = {
            clip.path: name.path for name, clip in zip(self.project.cut_list.clips, self.project.clips, strict=True)
        }

        def inspect(path: Path) -> tuple[Path, Inspection]:
            found = inspect_picture(path, self.runner)
            if found.damage:
                raise BadInput(names[path], f"its picture is damaged ({found.damage[0]})")
            return path, found

        return self.each(inspect, names)

    def _decoded_sounds(self) -> Iterator[tuple[Path, Path]]:
        cut_list, music = self.project.cut_list, self.project.music
        names = {clip.path: name.path for name, clip in zip(cut_list.clips, self.project.clips, strict=True)}
        files = {clip.path: clip for clip in self.project.clips}
        if cut_list.soundtrack and music:
            names[music.path], files[music.path] = cut_list.soundtrack.path, music
        audible = [(n, clip) for n, clip in enumerate(files.values()) if clip.audio]

        def decode(numbered: tuple[int, MediaInfo]) -> tuple[Path, Path]:
            number, clip = numbered
            samples = self.folder / f"sound-{number}.f32"
            channels = clip.audio.channels if clip.audio else 0
            if said := damage(recipes.decode_sound(clip.path, channels, samples), self.runner):
                raise BadInput(names[clip.path], f"its sound is damaged ({said[0]})")
            return clip.path, samples

        return self.each(decode, audible)

    def _encoded_windows(self) -> Iterator[tuple[Window, Path]]:
        plan, project = self.project.plan, self.project
        sources = tuple(
            recipes.Source(clip.path, track) for clip, track in zip(project.clips, project.tracks, strict=True)
        )
        # One core each while there are enough windows to go round; a lone window gets them all.
        threads = 1 if len(plan.windows) >= (os.cpu_count() or 1) else 0

        def encode(numbered: tuple[int, Window]) -> tuple[Window, Path]:
            number, window = numbered
            path = self.folder / f"window-{number}.mp4"
            self.runner.run(recipes.encode_window(window, sources, plan.film, path, threads))
            return window, path

        return self.each(encode, enumerate(plan.windows))

    def _warnings(self, inspections: dict[Path, Inspection]) -> tuple[str, ...]:
        project, rate = self.project, self.project.timeline.rate
        warnings: list[str] = []
        for shot in project.timeline.shots:
            name, start_s = project.cut_list.clips[shot.clip].path, project.tracks[shot.clip].start_s
            used_s = (float(start_s + shot.first / rate), float(start_s + shot.end / rate))
            warnings += inspections[project.clips[shot.clip].path].warnings(name, *used_s)
        return tuple(dict.fromkeys(warnings))

    def _sound(self, decoded: dict[Path, Path]) -> tuple[Mastering, Path]:
        project = self.project
        clips = [
            sound.ClipSound(decoded.get(clip.path), round(track.start_s * recipes.SOUND_RATE_HZ))
            for clip, track in zip(project.clips, project.tracks, strict=True)
        ]
        music, wanted = None, project.cut_list.soundtrack
        if wanted and project.music:
            music = sound.Music(decoded[project.music.path], wanted.gain_db, wanted.duck_db or 0.0)
        samples, coded = self.folder / "mix.f32", self.folder / "sound.mp4"
        peak = sound.mix(project.timeline, clips, music, samples)
        mastering = master(samples, peak, project.cut_list.loudness_lufs, self.runner)
        self.runner.run(recipes.encode_sound(samples, mastering.filters, coded))
        return mastering, coded

    def _pieces(self, windows: list[tuple[Window, Path]]) -> list[Piece]:
        encoded = iter(windows)
        return [
            self._copied(segment) if isinstance(segment, Copy) else _encoded(*next(encoded))
            for segment in self.project.plan.segments
        ]

    def _copied(self, copy: Copy) -> Piece:
        track = self.project.tracks[copy.clip]
        frames = track.packet_frames[copy.packet_first : copy.packet_first + copy.frames]
        if track.parameter_sets is None:
            raise RenderFailed("a clip without parameter sets was to be copied")
        in_piece = tuple(frame - copy.first for frame in frames)
        return Piece(self.project.clips[copy.clip].path, copy.packet_first, in_piece, track.parameter_sets)


def _encoded(window: Window, path: Path) -> Piece:
    track = probe(path).video
    if track is None or track.parameter_sets is None or track.frames != window.frames:
        shown = track.frames if track else 0
        raise RenderFailed(f"encoding gave {shown} frames where {window.frames} were planned ({window.why})")
    return Piece(path, 0, track.packet_frames, track.parameter_sets)


def _report(plan: Plan, mastering: Mastering, warnings: tuple[str, ...]) -> Report:
    width, height = plan.film.size_px
    return Report(
        duration_s=round(float(plan.frames / plan.film.rate), 6),
        frames=plan.frames,
        width=width,
        height=height,
        fps=round(float(plan.film.rate), 6),
        copied_frames=plan.copied_frames,
        encoded_frames=plan.encoded_frames,
        loudness_lufs=mastering.loudness_lufs,
        warnings=warnings,
    )
