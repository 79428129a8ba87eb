"""Pictures are fitted to the frame and never larger than the next model takes."""

import io

import numpy as np
import pytest
from PIL import Image

from promptreel.adapters.pictures import MAX_BYTES, encode, fit
from promptreel.errors import AnswerLost


def grain(width_px: int, height_px: int) -> Image.Image:
    """Nothing but noise: the picture that compresses worst."""
    noise = np.random.default_rng(1).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def a_png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def test_4k_picture_stays_below_the_limit_of_an_input_picture_when_it_is_nothing_but_grain() -> None:
    fitted = fit(a_png(grain(1376, 768)), (3840, 2160))

    assert len(fitted) <= MAX_BYTES
    with Image.open(io.BytesIO(fitted)) as picture:
        assert (picture.format, picture.size) == ("PNG", (3840, 2160))


@pytest.mark.parametrize(("share", "lost"), [(1.0, 0), (0.95, 2), (0.7, 8)])
def test_picture_keeps_every_bit_that_fits(share: float, lost: int) -> None:
    picture = grain(320, 180)
    encoded = encode(picture, int(len(a_png(picture)) * share) + 4096)

    with Image.open(io.BytesIO(encoded)) as read:
        difference = np.abs(np.asarray(read, dtype=int) - np.asarray(picture, dtype=int)).max()
    assert difference <= max(0, lost * 4 - 1)
    assert (difference == 0) == (lost == 0)


def test_bytes_that_are_no_picture_are_reported() -> None:
    with pytest.raises(AnswerLost, match="cannot be read"):
        fit(b"no picture", (16, 9))
