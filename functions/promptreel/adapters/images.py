"""Images as films need them: PNG, exactly the frame's size, not distorted, no larger than Veo accepts."""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from promptreel.adapters.bars import Bars, find_bars
from promptreel.adapters.pictures import open_answer

if TYPE_CHECKING:
    from PIL.Image import Image

# Veo's limit of an input image (Vertex AI, Veo video generation, read 2026-11): 20 MB.
MAX_BYTES = 20_000_000
_LEAST_BITS = 4


@dataclass(frozen=True, slots=True)
class Fitted:
    """A PNG of exactly the frame's size, and the size in pixels of what was drawn, with its bars and without them."""

    data: bytes
    drawn_px: tuple[int, int]
    content_px: tuple[int, int]


def fit_to_frame(data: bytes, frame_px: tuple[int, int]) -> Fitted:
    """Cut bars off, then scale and crop about the centre; image models draw 1376x768 where a frame is 16:9.

    Raises: AnswerLost when the bytes are no image.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415 - cold start

    drawn = open_answer(data)
    bars = find_bars(drawn) or Bars()
    content = drawn.crop((bars.left, bars.top, drawn.width - bars.right, drawn.height - bars.bottom))
    fitted = ImageOps.fit(content, frame_px, Image.Resampling.LANCZOS)
    return Fitted(encode_png(fitted, MAX_BYTES), drawn.size, content.size)


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
