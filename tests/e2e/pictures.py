"""Compare frames of films with images."""

import io
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.float64]
SMALL_PX = (160, 90)


def small(picture: Image.Image) -> Picture:
    """A small copy, which is enough to tell images apart."""
    return np.asarray(picture.convert("RGB").resize(SMALL_PX), dtype=np.float64)


def from_bytes(data: bytes) -> Picture:
    return small(Image.open(io.BytesIO(data)))


def psnr(one: Picture, other: Picture) -> float:
    """Similarity in decibels; above 30 no difference is visible at this size."""
    error = float(np.mean((one - other) ** 2))
    return 100.0 if error == 0 else 10 * float(np.log10(255**2 / error))


def frames(film: Path, numbers: set[int]) -> dict[int, Picture]:
    """Decode these frames of a film, by number."""
    with av.open(str(film)) as container:
        return {
            number: small(Image.fromarray(frame.to_ndarray(format="rgb24")))
            for number, frame in enumerate(container.decode(video=0))
            if number in numbers
        }


def count(film: Path) -> int:
    """How many frames a film has, decoded one by one."""
    with av.open(str(film)) as container:
        return sum(1 for _ in container.decode(video=0))


def has_sound(film: Path) -> bool:
    """Whether the film's sound track is not silent."""
    with av.open(str(film)) as container:
        loudest = max(float(np.abs(frame.to_ndarray()).max()) for frame in container.decode(audio=0))
    return loudest > 0.01
