"""The film's sound: every clip decoded, placed by sample number, mixed once. AAC packets are never joined.

The mix is made and kept in blocks on the disk: an hour of it would not fit into a container's memory.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stitcher_service.engine.commands import SAMPLE_BYTES, SOUND_CHANNELS, SOUND_RATE_HZ
from stitcher_service.engine.cutlist import Soundtrack
from stitcher_service.engine.project import Project

Samples = npt.NDArray[np.float32]
Gains = npt.NDArray[np.float32]

# Ducking: clips are "heard" in 50 ms blocks above -40 dB; the music follows over about half a second.
_BLOCK = SOUND_RATE_HZ // 20
_HEARD_RMS = 10 ** (-40 / 20)
_SMOOTHING_BLOCKS = 9

_CHUNK = 200 * _BLOCK  # mixed at a time: ten seconds


@dataclass(frozen=True, slots=True)
class _PlacedSound:
    """Samples of a file from number `first` on at [start, end) of the film, with fades at both ends."""

    path: Path
    first: int
    start: int
    end: int
    fade_in: int
    fade_out: int
    is_looped: bool = False

    def read_between(self, start: int, end: int) -> tuple[slice, Samples] | None:
        """Its samples within [start, end) of the film, and their place in it."""
        low, high = max(start, self.start), min(end, self.end)
        if low >= high:
            return None
        at = np.arange(low - self.start, high - self.start)
        part = _read(self.path, self.first + int(at[0]), len(at), is_looped=self.is_looped)
        for fade, distance in ((self.fade_in, at), (self.fade_out, self.end - self.start - 1 - at)):
            if fade and min(distance[0], distance[-1]) < fade:
                part *= _fade_curve(distance, fade)[:, None]
        return slice(low - start, high - start), part


def mix_sound(project: Project, decoded: Mapping[Path, Path], out: Path) -> float:
    """Write the film's sound to `out` as raw samples, exactly as long as its picture; the highest peak is returned.

    `decoded` has the raw samples of each sound's file.
    """
    length = project.timeline.sample_at(project.timeline.frames, SOUND_RATE_HZ)
    places = [*_place_clips(project, decoded)]
    loudest: list[Gains] = []
    peak = 0.0
    with out.open("wb") as file:
        for start in range(0, length, _CHUNK):
            chunk = np.zeros((min(_CHUNK, length - start), SOUND_CHANNELS), np.float32)
            for place in places:
                if found := place.read_between(start, start + len(chunk)):
                    chunk[found[0]] += found[1]
            loudest.append(_block_loudness(chunk))
            peak = max(peak, _peak(chunk))
            file.write(chunk.data)
    ordered = project.cut_list.soundtrack
    if not project.music or not ordered:
        return peak
    return _mix_under(out, decoded[project.music.path], ordered, np.concatenate(loudest))


def _place_clips(project: Project, decoded: Mapping[Path, Path]) -> Iterator[_PlacedSound]:
    timeline = project.timeline
    for index, start_frame in enumerate(timeline.starts):
        shot = timeline.shots[index]
        clip = project.clips[shot.clip]
        if clip.sound is None:
            continue
        start, end, heard_from, heard_to = (
            timeline.sample_at(start_frame + frames, SOUND_RATE_HZ)
            for frames in (
                0,
                shot.frames,
                timeline.overlap_before(index) + shot.fade_in,
                shot.frames - shot.overlap - shot.fade_out,
            )
        )
        first = round(clip.track.start_s * SOUND_RATE_HZ) + timeline.sample_at(shot.first, SOUND_RATE_HZ)
        yield _PlacedSound(decoded[clip.sound.path], first, start, end, heard_from - start, end - heard_to)


def _mix_under(film: Path, music: Path, ordered: Soundtrack, loudest: Gains) -> float:
    """Add the music to the clips' sound in `film`; the highest peak is returned."""
    length, stored = (file.stat().st_size // SAMPLE_BYTES for file in (film, music))
    duck_db = ordered.duck_db or 0.0
    end = length if ordered.loop and stored else min(length, stored)
    fades = (round(ordered.fade_in_s * SOUND_RATE_HZ), round(ordered.fade_out_s * SOUND_RATE_HZ))
    place = _PlacedSound(music, 0, 0, end, *fades, is_looped=ordered.loop)
    heard, peak = smooth(loudest), 0.0
    with film.open("r+b") as file:
        for start in range(0, length, _CHUNK):
            chunk = _read(film, start, min(_CHUNK, length - start))
            if found := place.read_between(start, start + len(chunk)):
                gain_db = ordered.gain_db + duck_db * _interpolate(heard, start, len(chunk))
                chunk[found[0]] += found[1] * (10 ** (gain_db[found[0]] / 20)).astype(np.float32)[:, None]
                file.seek(start * SAMPLE_BYTES)
                file.write(chunk.data)  # tofile would lose what the system says of a full disk
            peak = max(peak, _peak(chunk))
    return peak


def _read(path: Path, first: int, count: int, *, is_looped: bool = False) -> Samples:
    """`count` samples from number `first` on; silence where the file has none."""
    part = np.zeros((count, SOUND_CHANNELS), np.float32)
    if path.stat().st_size:
        stored = np.memmap(path, np.float32, "r").reshape(-1, SOUND_CHANNELS)
        if is_looped:
            return np.asarray(stored[np.arange(first, first + count) % len(stored)])
        found = stored[max(first, 0) : max(first + count, 0)]
        at = max(-first, 0)
        part[at : at + len(found)] = found
    return part


def _fade_curve(distance: npt.NDArray[np.int64], fade: int) -> Gains:
    """Equal power: with the matching fade out the loudness of unrelated sounds stays level."""
    return np.asarray(np.sin(np.clip((distance + 0.5) / fade, 0, 1) * (np.pi / 2)), np.float32)


def _peak(chunk: Samples) -> float:
    return float(max(chunk.max(), -chunk.min()))


def _block_loudness(chunk: Samples) -> Gains:
    """How loud each block of a chunk is."""
    blocks = -(-len(chunk) // _BLOCK)
    padded = np.zeros((blocks * _BLOCK, SOUND_CHANNELS), np.float32)
    padded[: len(chunk)] = chunk
    return np.asarray(np.sqrt((padded.reshape(blocks, -1) ** 2).mean(axis=1)), np.float32)


def smooth(loudest: Gains) -> Gains:
    """For every block, from 0 (silence) to 1, how far the clips' own sound is there."""
    edge = _SMOOTHING_BLOCKS // 2
    is_heard = np.pad((loudest > _HEARD_RMS).astype(np.float32), edge, mode="edge")
    return np.convolve(is_heard, np.full(_SMOOTHING_BLOCKS, 1 / _SMOOTHING_BLOCKS, np.float32), mode="valid")


def _interpolate(heard: Gains, start: int, count: int) -> Gains:
    """Between the middles of blocks the value changes evenly."""
    centres = np.arange(len(heard)) * _BLOCK + _BLOCK / 2
    return np.asarray(np.interp(np.arange(start, start + count), centres, heard), np.float32)
