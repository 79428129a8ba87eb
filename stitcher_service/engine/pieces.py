"""The plan's segments as packets to be had: windows are encoded, copies are looked up in their clips."""

import os
from collections.abc import Iterator
from pathlib import Path

from stitcher_service.engine import commands
from stitcher_service.engine.assemble import PacketRange
from stitcher_service.engine.errors import RenderFailed
from stitcher_service.engine.project import Project
from stitcher_service.engine.render_plan import CopiedSegment, EncodedSegment, RenderPlan
from stitcher_service.engine.workers import Each
from stitcher_service.ffmpeg.probe import probe
from stitcher_service.ffmpeg.run import Runner

EncodedFiles = Iterator[tuple[EncodedSegment, Path]]


def encode_segments(project: Project, plan: RenderPlan, folder: Path, runner: Runner, each: Each) -> EncodedFiles:
    """Begin to encode all windows of `plan`; each comes with its file when it is done."""
    sources = tuple(
        commands.ClipSource(clip.path, track) for clip, track in zip(project.clips, project.tracks, strict=True)
    )
    # One core each while there are enough windows to go round; a lone window gets them all.
    threads = 1 if len(plan.windows) >= (os.cpu_count() or 1) else 0

    def encode(numbered: tuple[int, EncodedSegment]) -> tuple[EncodedSegment, Path]:
        number, window = numbered
        path = folder / f"window-{number}.mp4"
        runner.run(commands.encode_segment(window, sources, plan.film, path, threads))
        return window, path

    return each(encode, enumerate(plan.windows))


def collect_packets(project: Project, plan: RenderPlan, windows: EncodedFiles) -> list[PacketRange]:
    """All segments of `plan` in order. Raises: RenderFailed: a window is not as long as planned."""
    return [
        _copied(project, segment) if isinstance(segment, CopiedSegment) else _encoded(*next(windows))
        for segment in plan.segments
    ]


def _copied(project: Project, copy: CopiedSegment) -> PacketRange:
    track = project.tracks[copy.clip]
    frames = track.packet_frames[copy.packet_first : copy.packet_first + copy.frames]
    sets = track.packet_sets[copy.packet_first]
    if sets is None:
        raise RenderFailed("pictures without parameter sets were to be copied")
    in_piece = tuple(frame - copy.first for frame in frames)
    return PacketRange(project.clips[copy.clip].path, copy.packet_first, in_piece, sets, track.index)


def _encoded(window: EncodedSegment, path: Path) -> PacketRange:
    track = probe(path, is_ours=True).video
    sets = track.packet_sets[0] if track else None
    if track is None or sets is None or track.frames != window.frames:
        shown = track.frames if track else 0
        raise RenderFailed(f"encoding gave {shown} frames where {window.frames} were planned ({window.why})")
    return PacketRange(path, 0, track.packet_frames, sets)
