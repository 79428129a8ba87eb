"""Compare a clip's ends with the keyframes it was filmed between: a model may ignore one, and the film would jump."""

import io
from collections import deque
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.float64]

# Mean differences, of 255, over the whole picture and all colours. Compression and a model's drift stay below the least
# one. Above it, a frame misses its keyframe when it is nearly as far from it as the scene's two keyframes are from one
# another, or beyond the most. Measured on pictures of the local stand-in, not on real clips yet.
LEAST_DIFFERENCE, MOST_DIFFERENCE = 12, 30
SHARE_OF_MOTION = 0.6
_SIDE_PX = 48  # small enough to forgive a pixel's shift


def describe_missed_keyframes(clip: Path, start: bytes | None, end: bytes | None) -> str:
    """Which of its two keyframes a clip does not show, with numbers; nothing when it shows both.

    ``start`` and ``end`` are pictures as stored; None where there is none to compare with.
    """
    shown = _ends(clip)
    keyframes = [_decode_picture(picture) if picture else None for picture in (start, end)]
    if shown is None:
        return ""
    between = _difference(*keyframes)
    limit = MOST_DIFFERENCE if between is None else min(MOST_DIFFERENCE, SHARE_OF_MOTION * between)
    missed = []
    for name, keyframe, frame in zip(("first", "last"), keyframes, shown, strict=True):
        difference = _difference(keyframe, frame)
        if difference is not None and difference > max(LEAST_DIFFERENCE, limit):
            missed.append(f"its {name} frame differs from its keyframe by {difference:.0f} of 255")
    return " and ".join(missed)


def _difference(one: Pixels | None, other: Pixels | None) -> float | None:
    return None if one is None or other is None else float(np.abs(one - other).mean())


def _ends(clip: Path) -> tuple[Pixels, Pixels] | None:
    """The first and the last frame, small; None when the clip cannot be decoded, which others report."""
    try:
        with av.open(str(clip)) as container:
            stream = container.streams.video[0]
            first = next(container.decode(stream), None)
            if first is None:
                return None
            if stream.duration:
                container.seek((stream.start_time or 0) + stream.duration, stream=stream)  # the last keyframe before
            last = deque(container.decode(stream), maxlen=1)
            return _small(first), _small(last[0] if last else first)
    except (av.error.FFmpegError, IndexError):
        return None


def _decode_picture(data: bytes) -> Pixels | None:
    try:
        with av.open(io.BytesIO(data), "r") as container:
            frame = next(container.decode(video=0), None)
            return None if frame is None else _small(frame)
    except (av.error.FFmpegError, IndexError):
        return None


def _small(frame: Any) -> Pixels:
    """The frame's colours on a grid of a few pixels, whatever its shape."""
    pixels = frame.reformat(width=_SIDE_PX, height=_SIDE_PX, format="rgb24", src_colorspace="ITU709").to_ndarray()
    return np.asarray(pixels, dtype=np.float64)
