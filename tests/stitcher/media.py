"""Small real clips whose every frame says, in blocks a program can read, which clip and which frame it is."""

import functools
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from stitcher_service.ffmpeg import avc

BITS = 16  # four for the clip, twelve for the frame
SIZE = (320, 180)
_RULER = 48  # height of the blocks, in a picture 180 high
_EASED = 6  # frames in which a clip comes from its first picture, and goes to its last one
_GREY_LEVELS = 256
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """What a test clip is to be; the defaults are those of a Veo clip, made small."""

    mark: int = 1
    frames: int = 72
    size: tuple[int, int] = SIZE
    fps: Fraction = Fraction(24)
    gop: int = 24
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    options: tuple[tuple[str, str], ...] = ()
    times_ms: tuple[int, ...] = ()  # uneven times, where the clip has no constant rate
    look: str = "moving"  # or black, frozen
    ends: tuple[tuple[int, int, int], ...] = ()  # the colours of its first and last frame, as `flat` draws them
    is_eased: bool = True  # it comes from its first frame and goes to its last one within some frames, not at once
    rotation_deg: int = 0
    tone_hz: float = 440.0  # 0: no sound track
    sound_rate_hz: int = 48_000
    channels: int = 2
    level: float = 0.1
    sound_delay_s: float = 0.0


def make_clip(path: Path, spec: ClipSpec) -> Path:
    """Write the clip `spec` to `path`."""
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream(spec.codec, rate=spec.fps)
        video.width, video.height = spec.size
        video.pix_fmt = spec.pixel_format
        video.codec_context.thread_count = 1
        if spec.times_ms:
            video.codec_context.time_base = Fraction(1, 1000)
        if spec.codec == "libx264":
            keys = f"keyint={spec.gop}:min-keyint={spec.gop}:scenecut=0:open-gop=0:bframes=3"
            video.options = {"preset": "veryfast", "crf": "20", "x264-params": keys, **dict(spec.options)}
        if spec.rotation_deg:
            video.set_display_rotation(spec.rotation_deg)
        audio: Any = container.add_stream("aac", rate=spec.sound_rate_hz) if spec.tone_hz else None
        if audio:
            audio.layout = _LAYOUTS[spec.channels]
        for n in range(spec.frames):
            picture = av.VideoFrame.from_ndarray(_picture(spec, n), format="rgb24")
            picture.pts = spec.times_ms[n] if spec.times_ms else n
            picture.time_base = Fraction(1, 1000) if spec.times_ms else 1 / spec.fps
            container.mux(video.encode(picture))
        container.mux(video.encode())
        if audio:
            container.mux(audio.encode(_tone(spec)))
            container.mux(audio.encode())
    return path


def _picture(spec: ClipSpec, n: int) -> Pixels:
    width, height = spec.size
    if spec.ends and n in {0, spec.frames - 1}:
        return flat(spec.size, spec.ends[0 if n == 0 else 1])
    if spec.ends and spec.is_eased and spec.look == "moving" and min(n, spec.frames - 1 - n) < _EASED:
        near = min(n, spec.frames - 1 - n)
        end = flat(spec.size, spec.ends[0 if n == near else 1]).astype(np.float32)
        within = _picture(replace(spec, ends=()), n)
        eased = (end + (within - end) * (near / _EASED)).astype(np.uint8)
        eased[: height * _RULER // 180] = within[: height * _RULER // 180]
        return eased
    if spec.look == "black":
        return np.zeros((height, width, 3), np.uint8)
    shown = 0 if spec.look == "frozen" else n
    picture = _ground(spec.mark, spec.size).copy()
    picture = np.roll(picture, shown * 3, axis=1)
    ruler, block = height * _RULER // 180, width // BITS
    code = spec.mark << 12 | shown
    for bit in range(BITS):
        picture[:ruler, bit * block : (bit + 1) * block] = 235 if code >> bit & 1 else 16
    return picture


def flat(size: tuple[int, int], colour: tuple[int, int, int]) -> Pixels:
    """One colour with a pale square in the middle."""
    width, height = size
    picture = np.full((height, width, 3), colour, np.uint8)
    half = height // 8
    picture[height // 2 - half : height // 2 + half + 1, width // 2 - half : width // 2 + half + 1] = 220
    return picture


@functools.cache
def _ground(mark: int, size: tuple[int, int]) -> Pixels:
    """A brightness of its own for each clip, with enough texture to make the encoder use B-frames."""
    width, height = size
    noise = np.random.default_rng(mark).integers(0, 40, (height // 4 + 1, width // 4 + 1, 1))
    texture = np.kron(noise, np.ones((4, 4, 3), np.int64))[:height, :width]
    return np.asarray(texture + 30 + 40 * (mark % 5), dtype=np.uint8)


def _tone(spec: ClipSpec) -> av.AudioFrame:
    seconds = (spec.times_ms[-1] / 1000 + 1 / 24) if spec.times_ms else float(spec.frames / spec.fps)
    time_s = np.arange(round(seconds * spec.sound_rate_hz)) / spec.sound_rate_hz
    wave = (spec.level * np.sqrt(2) * np.sin(2 * np.pi * spec.tone_hz * time_s)).astype(np.float32)
    layout = _LAYOUTS[spec.channels]
    frame = av.AudioFrame.from_ndarray(np.stack([wave] * spec.channels), format="fltp", layout=layout)
    frame.rate = spec.sound_rate_hz
    frame.pts = round(spec.sound_delay_s * spec.sound_rate_hz)
    frame.time_base = Fraction(1, spec.sound_rate_hz)
    return frame


def write_wave(path: Path, tone_hz: float, seconds: float, *, level: float = 0.1, rate_hz: int = 44_100) -> Path:
    """A tone as a mono WAV file: music, as far as tests care."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return write_samples(path, level * np.sqrt(2) * np.sin(2 * np.pi * tone_hz * time_s), rate_hz=rate_hz)


def write_samples(path: Path, samples: npt.NDArray[np.float64], *, rate_hz: int = 48_000) -> Path:
    """One channel of samples as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def damage_packets(path: Path, numbers: Iterable[int]) -> None:
    """Change bytes inside the packets of these numbers (in decode order) of the first track; lengths stay right."""
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(container.streams[0]) if packet.size]
    content = bytearray(path.read_bytes())
    for number in numbers:
        at, size = places[number]
        for byte in range((at or 0) + 12, (at or 0) + size, 7):
            content[byte] ^= 0x5A
    path.write_bytes(content)


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame of a film as a viewer gets it."""

    mark: int
    frame: int
    time_s: Fraction
    brightness: float  # below the blocks


def watch(film: Path) -> list[Seen]:
    """Decode every frame and read its blocks."""
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        return [_seen(frame) for frame in container.decode(stream)]


def _seen(frame: av.VideoFrame) -> Seen:
    grey = frame.to_ndarray(format="gray").astype(np.float64)
    height, width = grey.shape
    block = width / BITS
    row = height * _RULER // 180 // 2
    read = [
        grey[row - 3 : row + 3, int((bit + 0.5) * block) - 2 : int((bit + 0.5) * block) + 2].mean()
        for bit in range(BITS)
    ]
    code = sum(int(value > _GREY_LEVELS / 2) << bit for bit, value in enumerate(read))
    time_s = Fraction(frame.pts or 0) * Fraction(frame.time_base or 0)
    return Seen(code >> 12, code & 0xFFF, time_s, float(grey[height // 2 :].mean()))


def likeness_db(film: Path, film_frames: range, clip: Path, clip_first: int) -> float:
    """The worst PSNR between film frames and the clip's frames from `clip_first` on, over all three planes."""
    wanted = _planes(clip, range(clip_first, clip_first + len(film_frames)))
    errors = [((a - b) ** 2).mean() for a, b in zip(_planes(film, film_frames), wanted, strict=True)]
    return float(10 * np.log10(255**2 / max(*errors, 1e-9)))


def _planes(path: Path, frames: range) -> list[npt.NDArray[np.float64]]:
    with av.open(str(path)) as container:
        decoded = islice(container.decode(video=0), frames.start, frames.stop)
        return [frame.to_ndarray(format="yuv420p").astype(np.float64) for frame in decoded]


def marks(seen: Sequence[Seen]) -> list[tuple[int, int]]:
    return [(frame.mark, frame.frame) for frame in seen]


def slices(path: Path) -> list[tuple[bytes, ...]]:
    """The coded slices of every picture, in decode order."""
    with av.open(str(path)) as container:
        return [
            tuple(unit for unit in avc.nal_units(bytes(packet)) if avc.nal_type(unit) in range(1, 6))
            for packet in container.demux(container.streams.video[0])
            if packet.size
        ]


def listen(film: Path) -> npt.NDArray[np.float32]:
    """The film's sound as stereo samples from time 0, as a player gives it out."""
    parts = []
    with av.open(str(film)) as container:
        for frame in container.decode(container.streams.audio[0]):
            samples = frame.to_ndarray()
            start = round(Fraction(frame.pts or 0) * Fraction(frame.time_base or 0) * frame.sample_rate)
            parts.append(samples[:, max(0, -start) :])
    return np.concatenate(parts, axis=1)


def pitch(samples: npt.NDArray[np.float32], from_s: float, to_s: float, rate_hz: int = 48_000) -> float:
    """The loudest frequency between two times; 0 where there is silence."""
    part = samples[0, round(from_s * rate_hz) : round(to_s * rate_hz)]
    if np.abs(part).max() < 1e-3:
        return 0.0
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    return float(spectrum.argmax() * rate_hz / len(part))


def level(samples: npt.NDArray[np.float32], from_s: float, to_s: float, rate_hz: int = 48_000) -> float:
    """Root mean square between two times."""
    part = samples[0, round(from_s * rate_hz) : round(to_s * rate_hz)]
    return float(np.sqrt((part**2).mean()))


def level_of(samples: npt.NDArray[np.float32], tone_hz: float, from_s: float, to_s: float) -> float:
    """Root mean square of one tone alone between two times."""
    part = samples[0, round(from_s * 48_000) : round(to_s * 48_000)]
    turns = np.exp(-2j * np.pi * tone_hz * np.arange(len(part)) / 48_000)
    window = np.hanning(len(part))
    return float(np.abs((part * window * turns).sum()) / window.sum() * np.sqrt(2))
