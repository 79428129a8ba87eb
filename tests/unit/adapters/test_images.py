"""Pictures are fitted to the frame and never larger than the next model takes."""

import io

import numpy as np
import pytest
from PIL import Image

from promptreel.adapters.images import MAX_BYTES, encode_png, fit_to_frame
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
    fitted, drawn_px = fit_to_frame(a_png(grain(1376, 768)), (3840, 2160))

    assert drawn_px == (1376, 768)
    assert len(fitted) <= MAX_BYTES
    with Image.open(io.BytesIO(fitted)) as picture:
        assert (picture.format, picture.size) == ("PNG", (3840, 2160))


@pytest.mark.parametrize(("share", "lost"), [(1.0, 0), (0.95, 2), (0.7, 8)])
def test_picture_keeps_every_bit_that_fits(share: float, lost: int) -> None:
    picture = grain(320, 180)
    encoded = encode_png(picture, int(len(a_png(picture)) * share) + 4096)

    with Image.open(io.BytesIO(encoded)) as read:
        difference = np.abs(np.asarray(read, dtype=int) - np.asarray(picture, dtype=int)).max()
    assert difference <= max(0, lost * 4 - 1)
    assert (difference == 0) == (lost == 0)


def test_bytes_that_are_no_picture_are_reported() -> None:
    with pytest.raises(AnswerLost, match="cannot be read"):
        fit_to_frame(b"no picture", (16, 9))


def test_picture_is_turned_as_its_exif_data_says_before_it_is_fitted() -> None:
    """A phone's upright photograph: stored lying, with a note that it is to be turned."""
    lying = Image.new("RGB", (160, 90), "red")
    lying.paste("blue", (80, 0, 160, 90))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees clockwise
    out = io.BytesIO()
    lying.save(out, "JPEG", exif=exif)

    fitted, drawn_px = fit_to_frame(out.getvalue(), (90, 160))

    assert drawn_px == (90, 160)
    with Image.open(io.BytesIO(fitted)) as picture:
        pixels = np.asarray(picture)
    assert pixels[10, 45, 0] > 200, "what was left is above"
    assert pixels[150, 45, 2] > 200
