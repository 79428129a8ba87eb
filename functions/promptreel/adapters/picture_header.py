"""What a file says it is in its first bytes: the kind of picture and its size, before any decoder sees it.

Only PNG, JPEG and WebP are read, by hand and without decompressing anything. A decoder that is given the file only to
ask for its size may already have taken memory for all of its pixels: Pillow's for WebP does.

Source: https://www.w3.org/TR/png-3/, ITU-T T.81 annex B, https://www.rfc-editor.org/rfc/rfc9649
"""

from dataclasses import dataclass
from typing import Literal

PictureFormat = Literal["PNG", "JPEG", "WEBP"]

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_MAX_CHUNKS = 1000  # of a PNG before its pixels; a camera or editor writes a dozen
_MAX_SCANS = 100  # of a JPEG: each one costs a pass over the whole picture, however few bytes it has
_SOF = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # markers that start a frame
_BARE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
_ANIMATION_FLAG = 0x02

# First bytes of other files that people send for pictures, and their names in a message.
_OTHERS = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\x00", "a TIFF"),
    (b"MM\x00*", "a TIFF"),
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"%PDF", "a PDF"),
    (b"%!PS", "PostScript"),
    (b"PK\x03\x04", "a ZIP archive"),
)
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_TEXT_START = 1024  # of a file that may be SVG or HTML


class NotReadable(Exception):
    """The file is no picture that can be read; the message says what it is, to follow "is"."""


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """Format, and width and height in pixels as stored: a note in the file may ask to turn it."""

    format: PictureFormat
    width_px: int
    height_px: int
    is_animated: bool = False


def read_header(data: bytes) -> PictureHeader:
    """The format and size of a picture, by its bytes alone. Raises: NotReadable."""
    try:
        if data.startswith(_PNG):
            return _read_png(data)
        if data.startswith(_JPEG):
            return _read_jpeg(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _read_webp(data)
    except IndexError as error:
        raise NotReadable("cut off or damaged") from error
    raise NotReadable(_name_other(data))


def _read_png(data: bytes) -> PictureHeader:
    if data[8:16] != b"\x00\x00\x00\rIHDR":
        raise NotReadable("a damaged PNG")
    width, height = _uint(data, 16, 4), _uint(data, 20, 4)
    place, is_animated = 33, False
    for _ in range(_MAX_CHUNKS):  # an animation is announced before the pixels
        kind = data[place + 4 : place + 8]
        if kind == b"IDAT":
            return PictureHeader("PNG", width, height, is_animated)
        is_animated |= kind == b"acTL"
        place += 12 + _uint(data, place, 4)
    raise NotReadable("a damaged PNG")


def _read_jpeg(data: bytes) -> PictureHeader:
    if data.count(b"\xff\xda") > _MAX_SCANS:  # within a scan, no 0xff is followed by this
        raise NotReadable(f"a JPEG of more than {_MAX_SCANS} scans")
    place = 2
    while True:
        if data[place] != 0xFF:  # noqa: PLR2004 - what every marker starts with
            raise NotReadable("a damaged JPEG")
        while data[place] == 0xFF:  # noqa: PLR2004 - any number of them may fill the space before a marker
            place += 1
        marker = data[place]
        place += 1
        if marker in _SOF:
            width, height = _uint(data, place + 5, 2), _uint(data, place + 3, 2)
            if not height:
                raise NotReadable("a JPEG that does not say its height")
            return PictureHeader("JPEG", width, height)
        if marker in {0xD9, 0xDA}:  # the picture's end, or pixels before any size
            raise NotReadable("a damaged JPEG")
        if marker not in _BARE:
            place += max(2, _uint(data, place, 2))


def _read_webp(data: bytes) -> PictureHeader:
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[place : place + 3], "little") for place in (24, 27))
        return PictureHeader("WEBP", width, height, bool(data[20] & _ANIMATION_FLAG))
    if kind == b"VP8L" and data[20] == 0x2F:  # noqa: PLR2004 - the signature of a lossless picture
        bits = int.from_bytes(data[21:25], "little")
        return PictureHeader("WEBP", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(data[place : place + 2], "little") & 0x3FFF for place in (26, 28))
        return PictureHeader("WEBP", width, height)
    raise NotReadable("a damaged WebP")


def _name_other(data: bytes) -> str:
    """What a file is that is none of the formats, for the sentence that refuses it."""
    if not data:
        return "empty"
    for signature, name in _OTHERS:
        if data.startswith(signature):
            return name
    if data[4:8] == b"ftyp":
        if data[8:12] == b"avif":
            return "an AVIF"
        return "an HEIC" if data[8:12] in _HEIF_BRANDS else "a video"
    start = data[:_TEXT_START].replace(b"\x00", b"").lower()  # UTF-16 too
    if b"<svg" in start:
        return "an SVG, which is drawing instructions"
    if b"<!doctype html" in start or b"<html" in start:
        return "a web page"
    if b"<?xml" in start:
        return "XML"
    return "no picture"


def _uint(data: bytes, place: int, size: int) -> int:
    """A big-endian number. Raises: IndexError past the end."""
    if place + size > len(data):
        raise IndexError(place)
    return int.from_bytes(data[place : place + size], "big")
