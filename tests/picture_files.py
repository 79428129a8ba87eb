"""Picture files for tests: by Pillow, and by hand where Pillow writes no such file."""

import io
import struct
import zlib
from typing import Any

from PIL import Image


def a_picture(width_px: int = 320, height_px: int = 240, mode: str = "RGB") -> Image.Image:
    """Left half red, right half blue, so that turning, cropping and stretching can be told apart."""
    picture = Image.new("RGB", (width_px, height_px), (200, 30, 30))
    picture.paste((30, 30, 200), (width_px // 2, 0, width_px, height_px))
    return picture.convert(mode)


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_by_hand(width_px: int, height_px: int, *chunks: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG with these chunks between header and end; the header may promise any size."""
    header = struct.pack(">IIBBBBB", width_px, height_px, depth, colour, 0, 0, 0)
    return b"".join((b"\x89PNG\r\n\x1a\n", png_chunk(b"IHDR", header), *chunks, png_chunk(b"IEND", b"")))


def png_bomb(width_px: int, height_px: int) -> bytes:
    """A valid PNG of nothing but zeros, which compress a thousand times."""
    row = bytes(1 + width_px * 3)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(height_px)) + packer.flush()
    return png_by_hand(width_px, height_px, png_chunk(b"IDAT", packed))


def png_of_16_bits(width_px: int, height_px: int, colour: int, sample: bytes) -> bytes:
    """Every pixel the same sample, of 16 bits a channel."""
    rows = (b"\x00" + sample * width_px) * height_px
    return png_by_hand(width_px, height_px, png_chunk(b"IDAT", zlib.compress(rows)), depth=16, colour=colour)


def jpeg_header(width_px: int, height_px: int) -> bytes:
    """A JPEG up to its frame header, and no pixels."""
    frame = struct.pack(">BHHB", 8, height_px, width_px, 1) + b"\x01\x11\x00"
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", 2 + len(frame)) + frame + b"\xff\xd9"


def webp_header(width_px: int, height_px: int, *, animated: bool = False) -> bytes:
    """An extended WebP that promises a canvas, and has no frame."""
    canvas = (width_px - 1).to_bytes(3, "little") + (height_px - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes([2 if animated else 0, 0, 0, 0]) + canvas
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk
