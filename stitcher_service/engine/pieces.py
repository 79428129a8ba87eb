"""The plan's segments as packets to be had: windows are encoded, copies are looked up in their clips."""

import os
from collections.abc import Iterator
from pathlib import Path

from stitcher_service.engine import commands
from stitcher_service.engine.assemble import Piece
from stitcher_service.engine.errors import RenderFailed
from stitcher_service.engine.project import Project
from stitcher_service.engine.segments import Copy, Plan, Window
from stitcher_service.engine.workers import Each
from stitcher_service.ffmpeg.probe import probe
from stitcher_service.ffmpeg.run import Runner

EncodedWindows = Iterator[tuple[Window, Path]]


def encode_windows(project: Project, plan: Plan, folder: Path, runner: Runner, each: Each) -> EncodedWindows:
    """Begin to encode all windows of `plan`; each comes with its file when it is done."""
    sources = tuple(
        commands.Source(clip.path, track) for clip, track in zip(project.clips, project.tracks, strict=True)
    )
    # One core each while there are enough windows to go round; a lone window gets them all.
    threads = 1 if len(plan.windows) >= (os.cpu_count() or 1) else 0

    def encode(numbered: tuple[int, Window]) -> tuple[Window, Path]:
        number, window = numbered
        path = folder / f"window-{number}.mp4"
        runner.run(commands.encode_window(window, sources, plan.film, path, threads))
        return window, path

    return each(encode, enumerate(plan.windows))


def pieces(project: Project, plan: Plan, windows: EncodedWindows) -> list[Piece]:
    """All segments of `plan` in order. Raises: RenderFailed: a window is not as long as planned."""
    return [
        _copied(project, segment) if isinstance(segment, Copy) else _encoded(*next(windows))
        for segment in plan.segments
    ]


def _copied(project: Project, copy: Copy) -> Piece:
    track = project.tracks[copy.clip]
    frames = track.packet_frames[copy.packet_first : copy.packet_first + copy.frames]
    sets = track.packet_sets[copy.packet_first]
    if sets is None:
        raise RenderFailed("pictures without parameter sets were to be copied")
    in_piece = tuple(frame - copy.first for frame in frames)
    return Piece(project.clips[copy.clip].path, copy.packet_first, in_piece, sets, track.index)


def _encoded(window: Window, path: Path) -> Piece:
    track = probe(path, is_ours=True).video
    sets = track.packet_sets[0] if track else None
    if track is None or sets is None or track.frames != window.frames:
        shown = track.frames if track else 0
        raise RenderFailed(f"encoding gave {shown} frames where {window.frames} were planned ({window.why})")
    return Piece(path, 0, track.packet_frames, sets)
