"""A file's sound as raw samples, each at the place its time gives it, also where the sound changes its own layout.

ffmpeg rebuilds its filters at every change and pads each time from the start of the file: what changes is decoded
here instead, frame by frame.
"""

from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.error
import numpy as np

from stitcher_service.engine import commands
from stitcher_service.engine.commands import SAMPLE_BYTES, SOUND_CHANNELS, SOUND_RATE_HZ
from stitcher_service.engine.inspection import find_errors, run_and_read_log
from stitcher_service.ffmpeg.probe import ONLY_ITSELF, AudioTrack
from stitcher_service.ffmpeg.run import Runner

_CHANGES = "Reconfiguring filter graph"
_CHUNK = 10 * SOUND_RATE_HZ
# Times in containers are rounded, to milliseconds often: a frame is moved only when it is further off than that.
_LARGEST_ROUNDING = SOUND_RATE_HZ // 50
_LOUDEST = 1_000.0  # 60 dB above full scale: no sound, but bytes that were taken for numbers


def decode_sound(path: Path, track: AudioTrack, out: Path, runner: Runner) -> tuple[str, ...]:
    """Write the samples of `track` to `out`, silence wherever it has none; what is wrong with the sound is returned.

    Sample 0 belongs to the start of the file. Raises: MachineFailed.
    """
    log = run_and_read_log(commands.decode_sound(path, track, out), runner)
    if complaints := find_errors(log, track.codec):
        return complaints
    if any(_CHANGES in line for line in log):
        try:
            _decode_changing(path, track, out)
        except av.error.FFmpegError as error:
            return (str(error),)
    return _find_impossible_samples(out)


def _find_impossible_samples(samples: Path) -> tuple[str, ...]:
    """Complaints about samples that are no numbers, or as good as none."""
    if not samples.stat().st_size:
        return ()
    stored = np.memmap(samples, np.float32, "r").reshape(-1, SOUND_CHANNELS)
    for start in range(0, len(stored), _CHUNK):
        is_sound = (np.abs(stored[start : start + _CHUNK]) <= _LOUDEST).all(axis=1)
        if not is_sound.all():
            at_s = (start + int(np.argmin(is_sound))) / SOUND_RATE_HZ
            return (f"the sample at {at_s:.3f} s is not a number or far too loud",)
    return ()


def _decode_changing(path: Path, track: AudioTrack, out: Path) -> None:
    with av.open(str(path), options=ONLY_ITSELF) as container, out.open("wb") as file:
        placed = _SampleWriter(file, track.file_start_s)
        for frame in container.decode(container.streams[track.index]):
            placed.add(frame)
        placed.end()


class _SampleWriter:
    """Frames of any kind, as stereo at their places in a file."""

    def __init__(self, file: BinaryIO, start_s: Fraction) -> None:
        self._file = file
        self._start_s = start_s
        self._kind: tuple[Any, ...] = ()
        self._resampler: Any = None
        self._at = 0

    def add(self, frame: Any) -> None:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        is_other = kind != self._kind
        if is_other:
            self.end()
            layout = "mono" if len(frame.layout.channels) == 1 else "stereo"
            self._resampler = av.AudioResampler(format="flt", layout=layout, rate=SOUND_RATE_HZ)
            self._kind = kind
        if frame.pts is not None:
            due = round((frame.pts * frame.time_base - self._start_s) * SOUND_RATE_HZ)
            if is_other or abs(due - self._at) > _LARGEST_ROUNDING:
                self._at = due
        self._write(self._resampler.resample(frame))

    def end(self) -> None:
        """Write what the resampler still holds."""
        if self._resampler:
            self._write(self._resampler.resample(None))
        self._resampler = None

    def _write(self, frames: list[Any]) -> None:
        for frame in frames:
            samples = frame.to_ndarray().reshape(frame.samples, -1)
            stereo = np.ascontiguousarray(np.broadcast_to(samples, (frame.samples, SOUND_CHANNELS)), np.float32)
            heard = stereo[max(0, -self._at) :]  # what lies before the start of the file is not heard
            self._file.seek(max(0, self._at) * SAMPLE_BYTES)
            self._file.write(heard.data)
            self._at += frame.samples
