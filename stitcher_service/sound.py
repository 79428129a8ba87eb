"""The film's sound: every clip decoded, placed by sample number, mixed once. AAC packets are never joined."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stitcher_service.recipes import SOUND_CHANNELS, SOUND_RATE_HZ
from stitcher_service.timeline import Timeline

Samples = npt.NDArray[np.float32]

# Ducking: clips are "heard" in 50 ms blocks above -40 dB; the music follows over about half a second.
_BLOCK = SOUND_RATE_HZ // 20
_HEARD_RMS = 10 ** (-40 / 20)
_SMOOTHING_BLOCKS = 9


@dataclass(frozen=True, slots=True)
class ClipSound:
    """Raw samples of one clip, and the sample that belongs to its first frame. `path` None: the clip is silent."""

    path: Path | None
    first_sample: int = 0


@dataclass(frozen=True, slots=True)
class Music:
    """Raw samples of a soundtrack under the whole film."""

    path: Path
    gain_db: float
    duck_db: float


def mix(timeline: Timeline, clips: Sequence[ClipSound], music: Music | None, out: Path) -> float:
    """Write the film's sound to `out` as raw samples, exactly as long as its picture; the highest peak is returned."""
    length = timeline.sample_at(timeline.frames, SOUND_RATE_HZ)
    film: Samples = np.memmap(out, np.float32, "w+", shape=(length, SOUND_CHANNELS))
    for index, start_frame in enumerate(timeline.starts):
        shot = timeline.shots[index]
        clip = clips[shot.clip]
        if clip.path is None:
            continue
        start = timeline.sample_at(start_frame, SOUND_RATE_HZ)
        end = timeline.sample_at(start_frame + shot.frames, SOUND_RATE_HZ)
        part = _samples(clip.path, clip.first_sample + timeline.sample_at(shot.first, SOUND_RATE_HZ), end - start)
        head = timeline.overlap_before(index) + shot.fade_in
        tail = shot.overlap + shot.fade_out
        fade_in(part, timeline.sample_at(start_frame + head, SOUND_RATE_HZ) - start)
        fade_out(part, end - timeline.sample_at(start_frame + shot.frames - tail, SOUND_RATE_HZ))
        film[start:end] += part
    if music is not None:
        gain_db = music.gain_db + music.duck_db * heard(film)
        film += _samples(music.path, 0, length) * (10 ** (gain_db / 20)).astype(np.float32)[:, None]
    return float(max(film.max(), -film.min()))


def _samples(path: Path, first: int, count: int) -> Samples:
    """`count` samples from number `first` on; silence where the file has none."""
    part = np.zeros((count, SOUND_CHANNELS), np.float32)
    if path.stat().st_size:
        stored = np.memmap(path, np.float32, "r").reshape(-1, SOUND_CHANNELS)
        found = stored[max(first, 0) : max(first + count, 0)]
        at = max(-first, 0)
        part[at : at + len(found)] = found
    return part


def fade_in(part: Samples, samples: int) -> None:
    """Equal power: with the matching fade out the loudness of unrelated sounds stays level."""
    if samples:
        part[:samples] *= _rise(samples)[:, None]


def fade_out(part: Samples, samples: int) -> None:
    if samples:
        part[-samples:] *= _rise(samples)[::-1, None]


def _rise(samples: int) -> Samples:
    rise: Samples = np.sin((np.arange(samples) + 0.5) * (np.pi / 2 / samples)).astype(np.float32)
    return rise


def heard(film: Samples) -> Samples:
    """For every sample, from 0 (silence) to 1, how far the clips' own sound is there."""
    blocks = -(-len(film) // _BLOCK)
    padded = np.zeros((blocks * _BLOCK, SOUND_CHANNELS), np.float32)
    padded[: len(film)] = film
    rms = np.sqrt((padded.reshape(blocks, -1) ** 2).mean(axis=1))
    edge = _SMOOTHING_BLOCKS // 2
    is_heard = np.pad((rms > _HEARD_RMS).astype(np.float32), edge, mode="edge")
    smooth = np.convolve(is_heard, np.full(_SMOOTHING_BLOCKS, 1 / _SMOOTHING_BLOCKS), mode="valid")
    centres = np.arange(blocks) * _BLOCK + _BLOCK / 2
    return np.interp(np.arange(len(film)), centres, smooth).astype(np.float32)
