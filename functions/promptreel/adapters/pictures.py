"""Pictures as films need them: PNG, exactly the frame's size, nothing squashed."""

import io

from promptreel.errors import AnswerLost


def fit(data: bytes, frame_px: tuple[int, int]) -> bytes:
    """Scale and crop about the centre to the frame; image models draw 1376x768 where a frame is 16:9.

    Raises: AnswerLost when the bytes are no picture: the call was answered, but with nothing usable.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 - cold start

    try:
        with Image.open(io.BytesIO(data)) as picture:
            fitted = ImageOps.fit(picture.convert("RGB"), frame_px, Image.Resampling.LANCZOS)
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise AnswerLost(f"The answer's picture cannot be read: {error}") from error
    out = io.BytesIO()
    fitted.save(out, "PNG", compress_level=3)
    return out.getvalue()
