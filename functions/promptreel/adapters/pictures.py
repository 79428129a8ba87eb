"""The one place where a picture of unknown origin is opened: limits first, then the decoder, then a new encoding.

What comes out was written by this program from pixels alone, so that nothing that was hidden in the file, behind it or
beside its pixels goes further: no place where it was taken, no second file, no colour profile.
"""

import io
import threading
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

from promptreel.adapters import frame_fits
from promptreel.adapters.picture_header import NotReadable, PictureFormat, PictureHeader, read_header
from promptreel.domain.own_frames import PAD_COLOUR, FrameFit
from promptreel.errors import AnswerLost, Invalid
from promptreel.ports.pictures import CleanPicture, PictureFacts

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES = 20_000_000
# A phone's 24 megapixels. One that is decoded takes up to 350 MB; a pixel of WebP takes twice as much as others.
MAX_PIXELS: Mapping[PictureFormat, int] = {"PNG": 25_000_000, "JPEG": 25_000_000, "WEBP": 12_500_000}
MIN_SIDE_PX = 128
MAX_RATIO = 4  # of the longer side to the shorter
BACKGROUND = "white"
_MAX_PROFILE_BYTES = 1_000_000
_HIGH_BITS = 1 / 256  # of a grey of 16 bits
_SAVE_AS = "Save it as PNG, JPEG or WebP."
_DECODING = threading.Lock()  # one picture at a time bounds the memory of a process that answers many requests


class PillowPictures:
    """A `PictureCleaner`."""

    def clean(self, data: bytes, field: str, longest_px: int) -> CleanPicture:
        """The picture, encoded anew. Raises: Invalid."""
        header = _check(data, field)
        with _DECODING:
            try:
                picture, remarks = _decode(data, header, longest_px)
                png = _encode(picture)
            except Exception as error:  # damaged files make decoders raise nearly anything
                raise _damaged(field) from error
        return CleanPicture(png, *picture.size, remarks)

    def inspect(self, data: bytes, field: str) -> PictureFacts:
        """Decode a picture at its own size: damage behind its header is found too. Raises: Invalid."""
        header = _check(data, field)
        with _DECODING:
            try:
                picture, remarks = _decode(data, header, max(header.width_px, header.height_px))
            except Exception as error:  # damaged files make decoders raise nearly anything
                raise _damaged(field) from error
        return PictureFacts(f"image/{header.format.lower()}", *picture.size, remarks)

    def read_pixels(self, data: bytes, width_px: int) -> list[tuple[int, int, int]]:
        """The pixels of a stored picture, scaled down; each is an average of what it replaces."""
        from PIL import Image  # noqa: PLC0415 - cold start

        with Image.open(io.BytesIO(data)) as opened:
            height_px = max(1, round(width_px * opened.height / opened.width))
            small = opened.convert("RGB").resize((width_px, height_px), Image.Resampling.BOX)
        raw = small.tobytes()
        return list(zip(raw[0::3], raw[1::3], raw[2::3], strict=True))

    def fit(self, data: bytes, frame_px: tuple[int, int], fit: FrameFit, colour: str | None = None) -> bytes:
        """A PNG of exactly the frame's size."""
        with frame_fits.FITTING:
            picture = open_answer(data)
            if fit == "pad":
                fitted = frame_fits.pad(picture, frame_px, colour or PAD_COLOUR)
            else:
                fitted = frame_fits.extend(picture, frame_px) if fit == "extend" else frame_fits.crop(picture, frame_px)
            return frame_fits.encode_png(fitted, MAX_BYTES)


def open_answer(data: bytes) -> "Image":
    """The picture that a model answered: upright, opaque, in sRGB, at its own size. Raises: AnswerLost."""
    try:
        header = read_header(data)
        if header.width_px * header.height_px > MAX_PIXELS[header.format]:
            raise NotReadable(f"of {header.width_px:,}x{header.height_px:,} pixels")  # noqa: TRY301
        with _DECODING:
            return _decode(data, header, max(header.width_px, header.height_px))[0]
    except Exception as error:  # damaged files make decoders raise nearly anything
        raise AnswerLost(f"The answer's picture cannot be read: {error}") from error


def _check(data: bytes, field: str) -> PictureHeader:
    """The header of a picture that may be decoded. Raises: Invalid."""
    if len(data) > MAX_BYTES:
        limit = f"{len(data):,} bytes; a picture has at most {MAX_BYTES:,}"
        raise _refuse(field, limit, "Save it smaller, or as JPEG.", "picture_too_large")
    try:
        header = read_header(data)
    except NotReadable as error:
        fault = f"the file is {error}; PNG, JPEG and WebP can be read"
        raise _refuse(field, fault, _SAVE_AS, "picture_unreadable") from error
    width, height = header.width_px, header.height_px
    size = f"{width:,}x{height:,} pixels"
    if header.is_animated:
        raise _refuse(field, "the picture is animated; one still picture is needed", "Save one frame of it as PNG.")
    if min(width, height) < MIN_SIDE_PX:
        raise _refuse(field, f"{size}; each side has at least {MIN_SIDE_PX}", "Send a larger picture.")
    if max(width, height) > MAX_RATIO * min(width, height):
        limit = f"{size}; the longer side has at most {MAX_RATIO} times the pixels of the shorter"
        raise _refuse(field, limit, "Crop it to what it is to show.")
    most = MAX_PIXELS[header.format]
    if width * height > most:
        raise _refuse(field, f"{size}; a {header.format} has at most {most:,} in all", "Scale it down.")
    return header


def _damaged(field: str) -> Invalid:
    return _refuse(field, "its picture is damaged or cut off", _SAVE_AS, "picture_damaged")


def _refuse(field: str, fault: str, remedy: str, code: str = "picture_size") -> Invalid:
    return Invalid(f"{field}: {fault}.", code=code, remedy=remedy)


def _decode(data: bytes, header: PictureHeader, longest_px: int) -> tuple["Image", tuple[str, ...]]:
    """The picture as RGB, and what was changed that can be seen."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - cold start

    with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=[header.format]) as opened:
        warnings.simplefilter("ignore")  # of damaged metadata, which is dropped
        if opened.size != (header.width_px, header.height_px):
            raise ValueError("the decoder reads another size than the header says")
        opened.draft(None, (longest_px, longest_px))  # a JPEG is decoded at a fraction of its size
        profile = opened.info.get("icc_profile")
        opened.load()
        upright = ImageOps.exif_transpose(opened)
    picture = _to_eight_bits(upright)
    picture.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS)
    remarks = []
    if min(picture.size) < 1:
        raise ValueError("nothing is left of the picture")
    if picture.mode in {"LA", "RGBA"}:
        alpha = picture.getchannel("A")
        if alpha.getextrema()[0] != 255:  # noqa: PLR2004 - opaque everywhere
            remarks.append(f"its transparent parts were filled with {BACKGROUND}")
        colours = _to_srgb(picture.convert("L" if picture.mode == "LA" else "RGB"), profile)
        flat = Image.new("RGB", picture.size, BACKGROUND)
        flat.paste(colours, mask=alpha)
        return flat, tuple(remarks)
    if picture.mode == "CMYK":
        remarks.append("its printing colours (CMYK) were converted to sRGB, in which some look different")
    return _to_srgb(picture, profile), tuple(remarks)


def _to_eight_bits(picture: "Image") -> "Image":
    """The picture as L, LA, RGB, RGBA or CMYK."""
    if picture.mode.startswith("I"):
        return picture.convert("I").point(lambda value: value * _HIGH_BITS).convert("L")
    if "transparency" in picture.info:
        return picture.convert("RGBA")
    if picture.mode in {"L", "LA", "RGB", "RGBA", "CMYK"}:
        return picture
    return picture.convert("L" if picture.mode == "1" else "RGB")


def _to_srgb(picture: "Image", profile: bytes | None) -> "Image":
    """The picture's colours in sRGB; a profile that cannot be used is left aside."""
    from PIL import Image, ImageCms  # noqa: PLC0415 - cold start

    if profile and len(profile) <= _MAX_PROFILE_BYTES:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        if isinstance(converted, Image.Image):
            return converted
    return picture.convert("RGB")


def _encode(picture: "Image") -> bytes:
    """A PNG of the pixels alone."""
    from PIL import Image  # noqa: PLC0415 - cold start

    pixels = Image.frombytes("RGB", picture.size, picture.tobytes())  # what else the object holds stays behind
    out = io.BytesIO()
    pixels.save(out, "PNG", compress_level=6)
    return out.getvalue()
