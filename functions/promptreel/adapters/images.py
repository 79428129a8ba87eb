"""Images as films need them: PNG, exactly the frame's size, not distorted, no larger than Veo accepts."""

from dataclasses import dataclass

from promptreel.adapters.bars import find_bars
from promptreel.adapters.frame_fits import FITTING, crop, encode_png
from promptreel.adapters.pictures import open_answer

# Veo's limit of an input image (Vertex AI, Veo video generation, read 2026-11): 20 MB.
MAX_BYTES = 20_000_000


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
    with FITTING:
        drawn = content = open_answer(data)
        if bars := find_bars(drawn):
            content = drawn.crop((bars.left, bars.top, drawn.width - bars.right, drawn.height - bars.bottom))
        return Fitted(encode_png(crop(content, frame_px), MAX_BYTES), drawn.size, content.size)
