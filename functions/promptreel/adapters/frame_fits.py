"""Bring a picture to the exact size of a frame: cropped, padded, or continued beyond its edges. Never stretched."""

import io
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

FITTING = threading.Lock()  # one picture at a time: a 4k one takes some 150 MB while it is fitted
_LEAST_BITS = 4
_SOFT_SHARE = 0.02  # of the shorter side: how far what continues a picture is softened


def crop(picture: "Image", frame_px: tuple[int, int]) -> "Image":
    """Fill the frame; what exceeds it is cut off on both sides alike."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - cold start

    return ImageOps.fit(picture, frame_px, Image.Resampling.LANCZOS)


def pad(picture: "Image", frame_px: tuple[int, int], colour: str) -> "Image":
    """Show all of the picture; bars of this colour fill the rest."""
    from PIL import Image  # noqa: PLC0415 - cold start

    framed = Image.new("RGB", frame_px, colour)
    whole, place = _place_whole(picture, frame_px)
    framed.paste(whole, place)
    return framed


def extend(picture: "Image", frame_px: tuple[int, int]) -> "Image":
    """Show all of the picture; the rest is its own pixels, mirrored at its edges and softened."""
    from PIL import Image, ImageFilter  # noqa: PLC0415 - cold start

    whole, (left, top) = _place_whole(picture, frame_px)
    tiled = Image.new("RGB", frame_px)
    tiles_x, tiles_y = -(-left // whole.width), -(-top // whole.height)
    for x in range(-tiles_x, tiles_x + 1):
        for y in range(-tiles_y, tiles_y + 1):
            tile = whole.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if x % 2 else whole
            tile = tile.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if y % 2 else tile
            tiled.paste(tile, (left + x * whole.width, top + y * whole.height))
    soft = tiled.filter(ImageFilter.GaussianBlur(max(1, _SOFT_SHARE * min(frame_px))))
    soft.paste(whole, (left, top))
    return soft


def _place_whole(picture: "Image", frame_px: tuple[int, int]) -> tuple["Image", tuple[int, int]]:
    """The picture as large as the frame can hold it, and where its upper left corner is."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - cold start

    whole = ImageOps.contain(picture, frame_px, Image.Resampling.LANCZOS)
    return whole, ((frame_px[0] - whole.width) // 2, (frame_px[1] - whole.height) // 2)


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
