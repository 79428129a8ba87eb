"""``make bench``: the stitcher compared with re-encoding everything: ten clips of 8 s, 720p, groups of 24.

The reference is the usual way: one graph of xfade and acrossfade over all clips, with x264's default preset and with
veryfast. The stitcher's time includes the checks of every clip and of the film. On a shared machine CPU seconds vary
less than wall-clock seconds, so both are shown. Compare ratios within a run, not between runs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from stitcher_service.ffmpeg.run import find_ffmpeg
from tests.processes import is_alive

ROOT = Path(__file__).parents[2]
CLIPS, CLIP_S, FPS, GROUP = 10, 8, 24, 24
FADE_S = 0.5
LONG_FILM = 60
SAMPLE_EVERY_S = 0.05
MOST_MEMORY_MB = 500


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command and its children used."""

    wall_s: float
    cpu_s: float
    peak_mb: int

    def __str__(self) -> str:
        return f"{self.wall_s:6.1f} s, {self.cpu_s:6.1f} s of processor, {self.peak_mb:5} MB"

    def times(self, reference: "Cost") -> str:
        return f"{reference.wall_s / self.wall_s:.1f} x as fast, {reference.cpu_s / self.cpu_s:.1f} x by processor"


def measure(argv: list[str]) -> tuple[Cost, str]:
    """Run a command; return its cost and its output. Raises: SystemExit when it fails."""
    started, before = time.monotonic(), os.times()
    peak = [0]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        watcher = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
        watcher.start()
        output, _ = process.communicate()
        watcher.join()
    if process.returncode:
        raise SystemExit(f"{argv[0]} ended with {process.returncode}")
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(time.monotonic() - started, cpu_s, peak[0] // 2**20), output


def _watch(pid: int, peak: list[int]) -> None:
    """Sum the resident memory of a process and its children until the process ends."""
    try:
        root = psutil.Process(pid)
        while is_alive(root):
            peak[0] = max(peak[0], sum(map(_resident, (root, *root.children(recursive=True)))))
            time.sleep(SAMPLE_EVERY_S)
    except psutil.NoSuchProcess:
        return


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def make_clip(path: Path, number: int, group: int) -> Path:
    """A moving, grainy picture at 10 Mbit/s with a tone: similar to what a video model delivers."""
    if path.exists():
        return path
    zoom = f"mandelbrot=s=1280x720:rate={FPS}:start_scale=1.5:end_scale=0.05:end_pts=192:maxiter=300"
    place = f":start_x={-0.743643887 - number * 0.0004}:start_y={-0.131825904 - number * 0.0003}"
    groups = f"keyint={group}:min-keyint={group}:scenecut=0:open-gop=0"
    rate = ("-b:v", "10M", "-maxrate", "12M", "-bufsize", "20M", "-bf", "2")
    measure([
        *(str(find_ffmpeg()), "-loglevel", "error", "-y", "-f", "lavfi", "-i", zoom + place),
        *("-f", "lavfi", "-i", f"sine=f={220 + 55 * number}:r=48000", "-t", str(CLIP_S)),
        *("-vf", "noise=alls=7:allf=t,format=yuv420p", "-ac", "2", "-c:v", "libx264", "-preset", "veryfast", *rate),
        *("-x264-params", groups, "-c:a", "aac", "-b:a", "192k", str(path)),
    ])  # fmt: skip
    return path


def encode_everything(clips: list[Path], preset: str, out: Path) -> Cost:
    """Encode every frame, with one graph over all clips."""
    sources = [word for clip in clips for word in ("-i", str(clip))]
    graph = []
    picture, sound = "[0:v]", "[0:a]"
    for n in range(1, len(clips)):
        offset = n * (CLIP_S - FADE_S)
        graph.append(f"{picture}[{n}:v]xfade=transition=fade:duration={FADE_S}:offset={offset}[v{n}]")
        graph.append(f"{sound}[{n}:a]acrossfade=d={FADE_S}[a{n}]")
        picture, sound = f"[v{n}]", f"[a{n}]"
    cost, _ = measure([
        *(str(find_ffmpeg()), "-loglevel", "error", "-y", *sources, "-filter_complex", ";".join(graph)),
        *("-map", picture, "-map", sound, "-c:v", "libx264", "-preset", preset, "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart", str(out)),
    ])  # fmt: skip
    return cost


def stitch(folder: Path, clips: list[Path], kind: str) -> tuple[Cost, dict[str, Any]]:
    """Make a film of the clips with the stitcher's command."""
    transition = {"kind": kind, "duration_s": FADE_S if kind != "cut" else 0}
    entries: list[dict[str, Any]] = [{"path": str(clip), "transition": transition} for clip in clips]
    del entries[-1]["transition"]
    cut_list = folder / "cuts.json"
    cut_list.write_text(json.dumps({"size": [1280, 720], "fps": FPS, "clips": entries, "loudness_lufs": -14.0}))
    cost, output = measure([sys.executable, "-m", "stitcher_service", str(cut_list), str(folder / f"{kind}.mp4")])
    return cost, json.loads(output.splitlines()[-1])


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep the clips here between runs (default: make them each time)")
    parser.add_argument("--without-references", action="store_true", help="run the stitcher only")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        folder.mkdir(exist_ok=True)
        return _compare(folder, with_references=not arguments.without_references)


def _compare(folder: Path, *, with_references: bool) -> int:
    clips = [make_clip(folder / f"clip-{n}.mp4", n, GROUP) for n in range(CLIPS)]
    whole = [make_clip(folder / f"one-group-{n}.mp4", n, CLIP_S * FPS) for n in range(CLIPS)]
    presets = ("medium", "veryfast") if with_references else ()
    references = {preset: encode_everything(clips, preset, folder / f"{preset}.mp4") for preset in presets}
    for preset, cost in references.items():
        _row(f"everything encoded, preset {preset}", str(cost))
    peaks = []
    films = (("crossfade", clips), ("cut", clips), ("crossfade", whole), ("crossfade", clips * (LONG_FILM // CLIPS)))
    for kind, sources in films:
        cost, report = stitch(folder, sources, kind)
        peaks.append(cost.peak_mb)
        groups = "one group each" if sources is whole else f"groups of {GROUP}"
        _row(f"{len(sources)} clips, {groups}, {kind}", str(cost))
        _row("", f"{report['copied_frames'] / report['frames']:.1%} of {report['frames']} frames copied")
        for preset, reference in references.items() if len(sources) == CLIPS else ():
            _row("", f"{cost.times(reference)} than {preset}")
    _row(f"most memory (wanted: {MOST_MEMORY_MB} MB)", f"{max(peaks)} MB")
    return 0 if max(peaks) <= MOST_MEMORY_MB else 1


def _row(what: str, figure: str) -> None:
    sys.stdout.write(f"{what:48} {figure}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
