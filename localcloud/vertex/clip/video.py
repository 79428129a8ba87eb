"""A clip's frames, made from its pictures, and their encoding as an MP4."""

import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Plane = NDArray[np.uint8]
Planes = tuple[Plane, ...]  # Y, and U and V at half size

# Every second frame repeats the one before: the motion of hand-drawn film, at half the price.
FRAMES_PER_PICTURE = 2
_WEIGHT_BITS = 7  # a share of 128ths: products with 8-bit samples still fit 16 bits
_PAN_SHARE = 0.025  # of the width, there and back


def planes(encoded: bytes, width_px: int, height_px: int, *, pad: bool = False) -> Planes:
    """A picture filling the frame; where its shape differs it is cropped in the middle, or padded with black."""
    fit = ImageOps.pad if pad else ImageOps.fit
    with Image.open(io.BytesIO(encoded)) as picture:
        fitted = fit(picture.convert("RGB"), (width_px, height_px), Image.Resampling.BICUBIC)
    return _planes(av.VideoFrame.from_ndarray(np.asarray(fitted), format="rgb24"), width_px, height_px)


def played(mp4: bytes, width_px: int, height_px: int) -> Iterator[Planes]:
    """The pictures of a clip, scaled to the frame."""
    with av.open(io.BytesIO(mp4), "r") as container:
        for frame in container.decode(video=0):
            yield _planes(frame, width_px, height_px)


def _planes(frame: av.VideoFrame, width_px: int, height_px: int) -> Planes:
    given = "JPEG" if frame.format.name == "rgb24" else "MPEG"
    shown = frame.reformat(
        width=width_px,
        height=height_px,
        format="yuv420p",
        dst_colorspace="ITU709",
        src_color_range=given,
        dst_color_range="MPEG",
    )
    return tuple(
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width].copy()
        for plane in shown.planes
    )


def tween(first: Planes, last: Planes, count: int) -> Iterator[Planes]:
    """``count`` frames; the first and the last are exactly those given, and equal neighbours are the same object."""
    current = first
    for index in range(count):
        if index == count - 1:
            current = last
        elif index and index % FRAMES_PER_PICTURE == 0:
            current = _between(first, last, index / (count - 1))
        yield current


def _between(first: Planes, last: Planes, moment: float) -> Planes:
    """The clip at a moment in 0..1: the cross-over eases in and out while the view glides aside and back."""
    eased = moment * moment * (3 - 2 * moment)
    weight = round(eased * (1 << _WEIGHT_BITS))
    away_px = 2 * round(math.sin(moment * math.pi) * first[0].shape[1] * _PAN_SHARE / 2)
    return tuple(
        _shifted(_blended(a, b, weight), away_px if a.shape == first[0].shape else away_px // 2)
        for a, b in zip(first, last, strict=True)
    )


def _blended(a: Plane, b: Plane, weight: int) -> Plane:
    if weight in (0, 1 << _WEIGHT_BITS) or a is b:
        return b if weight else a
    mixed = np.multiply(a, (1 << _WEIGHT_BITS) - weight, dtype=np.uint16)
    mixed += np.multiply(b, weight, dtype=np.uint16)
    mixed >>= _WEIGHT_BITS
    return mixed.astype(np.uint8)


def _shifted(plane: Plane, away_px: int) -> Plane:
    """Moved to the left, the edge column repeated where nothing follows."""
    if not away_px:
        return plane
    moved = np.empty_like(plane)
    moved[:, :-away_px] = plane[:, away_px:]
    moved[:, -away_px:] = plane[:, -1:]
    return moved


def black(width_px: int, height_px: int) -> Planes:
    grey = np.full((height_px // 2, width_px // 2), 128, np.uint8)
    return np.full((height_px, width_px), 16, np.uint8), grey, grey


FPS = 24
SAMPLE_RATE_HZ = 48_000
_AAC_FRAME = 1024
_LOUDNESS = 0.2
_FADE_S = 0.03
_CRF = "20"


@dataclass(frozen=True, slots=True)
class Groups:
    """How pictures depend on each other: frames between key frames, and whether groups may look across them."""

    frames: int = FPS
    open: bool = False


@dataclass(frozen=True, slots=True)
class Sound:
    """A tone of so many hertz; ``whole_frames``: it is drawn out to the end of its last AAC frame."""

    tone_hz: float
    whole_frames: bool = False

    def samples(self, seconds: Fraction) -> int:
        count = int(seconds * SAMPLE_RATE_HZ)
        return -(-count // _AAC_FRAME) * _AAC_FRAME if self.whole_frames else count


def write_mp4(file: Path, pictures: Iterable[Planes], sound: Sound | None, groups: Groups) -> None:
    """Encode; without a sound there is no sound track. The file appears whole or not at all."""
    unfinished = file.with_suffix(".part")
    with av.open(unfinished, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        # Streams must all exist before the first packet is written.
        audio = container.add_stream("aac", rate=SAMPLE_RATE_HZ, layout="stereo", bit_rate=96_000) if sound else None
        count = _encode_video(container, pictures, groups)
        if audio is not None and sound is not None:
            _encode_tone(container, audio, _tone(sound.tone_hz, sound.samples(Fraction(count, FPS))))
    unfinished.replace(file)


def _encode_video(container: av.container.OutputContainer, pictures: Iterable[Planes], groups: Groups) -> int:
    """How many pictures there were."""
    stream, index = None, -1
    for index, picture in enumerate(pictures):
        if stream is None:
            height_px, width_px = picture[0].shape
            stream = _video_stream(container, width_px, height_px, groups)
        frame = _frame(picture)
        frame.pts, frame.time_base = index, Fraction(1, FPS)
        container.mux(stream.encode(frame))
    if stream is not None:
        container.mux(stream.encode())
    return index + 1


def _video_stream(
    container: av.container.OutputContainer, width_px: int, height_px: int, groups: Groups
) -> av.VideoStream:
    b_frames = 2 if groups.open else 0
    stream = container.add_stream(
        "libx264",
        rate=FPS,
        options={
            "preset": "ultrafast",
            "crf": _CRF,
            # ultrafast turns the 8x8 transform off, and a stream without it is not High profile.
            "x264-params": f"8x8dct=1:keyint={groups.frames}:min-keyint={groups.frames}:scenecut=0:"
            f"open-gop={int(groups.open)}:bframes={b_frames}:threads=1",
        },
    )
    stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuv420p"
    stream.time_base = Fraction(1, FPS)
    context = stream.codec_context
    context.color_range, context.colorspace = 1, 1  # MPEG range, BT.709
    context.color_primaries, context.color_trc = 1, 1
    return stream


def _frame(picture: Planes) -> av.VideoFrame:
    height_px, width_px = picture[0].shape
    frame = av.VideoFrame(width_px, height_px, "yuv420p")
    for plane, content in zip(frame.planes, picture, strict=True):
        if plane.line_size == content.shape[1]:
            plane.update(content.tobytes())
        else:  # rows are padded to the machine's liking
            padded = np.zeros((plane.height, plane.line_size), np.uint8)
            padded[:, : content.shape[1]] = content
            plane.update(padded.tobytes())
    return frame


def _encode_tone(container: av.container.OutputContainer, stream: av.AudioStream, tone: NDArray[np.float32]) -> None:
    for start in range(0, tone.shape[1], _AAC_FRAME):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(tone[:, start : start + _AAC_FRAME]), format="fltp", layout="stereo"
        )
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE_HZ, start, Fraction(1, SAMPLE_RATE_HZ)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def _tone(tone_hz: float, samples: int) -> NDArray[np.float32]:
    """A soft note with its fifth, a little different left and right, without clicks at the ends."""
    time_s = np.arange(samples, dtype=np.float32) / SAMPLE_RATE_HZ
    note = np.sin(2 * np.pi * tone_hz * time_s)
    fifth = np.sin(3 * np.pi * tone_hz * time_s)
    ends = np.clip(np.minimum(time_s, samples / SAMPLE_RATE_HZ - time_s) / _FADE_S, 0, 1)
    loud = _LOUDNESS * ends
    return np.stack([loud * (note + 0.3 * fifth), loud * (note + 0.15 * fifth)]).astype(np.float32)
