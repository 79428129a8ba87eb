"""Images as films need them: PNG, exactly the frame's size, not distorted, no larger than Veo accepts."""

import io
from typing import TYPE_CHECKING

from promptreel.errors import AnswerLost

if TYPE_CHECKING:
    from PIL.Image import Image

# Veo's limit of an input image (Vertex AI, Veo video generation, read 2026-11): 20 MB.
MAX_BYTES = 20_000_000
_LEAST_BITS = 4


def fit_to_frame(data: bytes, frame_px: tuple[int, int]) -> tuple[bytes, tuple[int, int]]:
    """Scale and crop about the centre to the frame; image models draw 1376x768 where a frame is 16:9.

    Returns: the PNG, and the size in pixels of what was drawn, turned as its EXIF data says.
    Raises: AnswerLost when the bytes are no image.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 - cold start

    try:
        with Image.open(io.BytesIO(data)) as picture:
            upright = ImageOps.exif_transpose(picture)
            fitted = ImageOps.fit(upright.convert("RGB"), frame_px, Image.Resampling.LANCZOS)
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise AnswerLost(f"The answer's picture cannot be read: {error}") from error
    return encode_png(fitted, MAX_BYTES), upright.size


def encode_png(picture: "Image", max_bytes: int) -> bytes:
    """Return a PNG of at most this size; a very grainy 4k image loses the lowest bits of its colours."""
    from PIL import ImageOps  # noqa: PLC0415 - cold start

    encoded = _png(picture)
    for bits in range(7, _LEAST_BITS - 1, -1):
        if len(encoded) <= max_bytes:
            break
        encoded = _png(ImageOps.posterize(picture, bits))
    return encoded


def _png(picture: "Image") -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=3)
    return out.getvalue()
