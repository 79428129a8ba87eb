"""Clips that flow into one another, and the same with a planted jump, drawn and encoded as clips usually are."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from localcloud.vertex.picture.paint import PictureRequest, landscape

Frame = npt.NDArray[np.uint8]
FRAMES, FPS, SIZE_PX = 32, 24, (640, 360)
CameraPath = Callable[[int], tuple[float, float, float]]
"""Where the camera is at a frame: left and top in pixels of the scenery, and how many of those are one of the film."""


@functools.cache
def scenery(words: str) -> Image.Image:
    return landscape(PictureRequest(words, (), "2K", 2752, 1536, seed="1"))


def _seen(words: str, camera: tuple[float, float, float]) -> Frame:
    left, top, scale = camera
    box = (left, top, left + SIZE_PX[0] * scale, top + SIZE_PX[1] * scale)
    return np.asarray(scenery(words).resize(SIZE_PX, Image.Resampling.BILINEAR, box=box))


def _shake(number: int) -> tuple[float, float, float]:
    dice = np.random.default_rng(number)
    return 600 + dice.normal(0, 5), 300 + dice.normal(0, 5), 2.0


# Each goes on over two clips, of FRAMES frames each.
CAMERAS: dict[str, CameraPath] = {
    "still": lambda _: (500, 300, 2.0),
    "slow pan": lambda n: (100 + 2.0 * n, 300, 2.0),
    "pan": lambda n: (100 + 8.0 * n, 300, 2.0),
    "fast pan": lambda n: (20 + 22.0 * n, 300, 1.8),
    "speeding up": lambda n: (20 + 0.3 * n**2, 300, 1.5),
    "slowing down": lambda n: (1300 - 0.3 * (2 * FRAMES - n) ** 2, 300, 1.5),
    "zoom": lambda n: (300 + 6.0 * n, 160 + 3.4 * n, 3.2 - 0.019 * n),
    "shaking": _shake,
}
PLACES = ("A boat on the sea at dawn", "A fox in the forest at night")


def flowing(camera: CameraPath, words: str) -> list[Frame]:
    """Two clips' frames, one after the other; the second begins with the frame that the first ends with."""
    frames = [_seen(words, camera(n)) for n in range(2 * FRAMES - 1)]
    return [*frames[:FRAMES], frames[FRAMES - 1], *frames[FRAMES:]]


def _bounded(pixels: npt.NDArray[np.floating[Any]]) -> Frame:
    bounded: Frame = np.clip(pixels, 0, 255).astype(np.uint8)
    return bounded


def _lit(frames: Sequence[Frame], light: Callable[[int], float]) -> list[Frame]:
    return [np.clip(frame * light(n), 0, 255).astype(np.uint8) for n, frame in enumerate(frames)]


def films() -> Iterator[tuple[str, list[Frame]]]:
    """Films of two clips in which nothing jumps."""
    for name, camera in CAMERAS.items():
        for words in PLACES:
            yield f"{name}, {words}", flowing(camera, words)
    dice = np.random.default_rng(5)
    flicker = dice.uniform(0.93, 1.07, 2 * FRAMES)
    still = flowing(CAMERAS["slow pan"], PLACES[1])
    yield "firelight", _lit(still, lambda n: flicker[n])
    yield "fades in", _lit(still, lambda n: min(1.0, n / 20))
    yield "fades out", _lit(still, lambda n: min(1.0, (2 * FRAMES - 1 - n) / 20))
    grain = [np.clip(frame + dice.normal(0, 5, frame.shape), 0, 255).astype(np.uint8) for frame in still]
    yield "grain", grain
    yield "a figure walks by", [_with_figure(frame, n) for n, frame in enumerate(flowing(CAMERAS["still"], PLACES[0]))]
    yield "a lamp goes on in between", _lit(still, lambda n: 0.7 if n < FRAMES // 2 else 1.0)


def _with_figure(frame: Frame, number: int) -> Frame:
    shown, left = frame.copy(), 20 + 8 * number
    shown[150:330, left : left + 70] = (40, 30, 60)
    return shown


# Jumps


@dataclass(frozen=True, slots=True)
class Jump:
    """How a frame comes not to belong to its clip."""

    name: str
    plant: Callable[[Frame, Frame], Frame]
    """Of the frame, and the next one inside the clip."""
    hides_in: frozenset[str] = frozenset()
    """Motions that are as large: nobody sees it there."""


def _shifted(frame: Frame, _: Frame) -> Frame:
    return np.roll(frame, (10, 16), axis=(0, 1))


def in_other_colours(frame: Frame, _: Frame) -> Frame:
    return _bounded(frame + np.array((14.0, 2.0, -12.0)))


def _darker(frame: Frame, _: Frame) -> Frame:
    return _bounded(frame * 0.85)


def _of_another_place(frame: Frame, _: Frame) -> Frame:
    return _seen("Snow in the mountains at noon", (200, 200, 2.5)).copy()


def _flashed(frame: Frame, _: Frame) -> Frame:
    return _bounded(frame + 60.0)


JUMPS = (
    Jump("of another place", _of_another_place),
    Jump("flashed", _flashed),
    Jump("shifted", _shifted, frozenset({"fast pan", "speeding up", "slowing down", "shaking"})),
    Jump("in other colours", in_other_colours),
    Jump("darker", _darker),
)
REPEATED = Jump(
    "repeated", lambda _, following: following, frozenset({"still", "slow pan", "zoom", "speeding up", "slowing down"})
)


def encode(frames: Sequence[Frame], file: Path, fps: int = FPS) -> Path:
    """As a model's clip is encoded."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps), options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height = SIZE_PX
        stream.pix_fmt = "yuv420p"
        for pixels in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file
