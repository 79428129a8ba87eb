"""Pictures of unknown origin: refused by their bytes before a decoder sees them, or encoded anew from pixels alone."""

import io
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms, ImageStat, PngImagePlugin

from promptreel.adapters.pictures import MAX_BYTES, MAX_PIXELS, MIN_SIDE_PX, PillowPictures
from promptreel.errors import Invalid
from promptreel.ports.pictures import CleanPicture
from tests.picture_files import (
    a_picture,
    encoded,
    jpeg_header,
    png_bomb,
    png_by_hand,
    png_chunk,
    png_of_16_bits,
    webp_header,
)

GPS = b"48.8583701,2.2944813"
SECRET = b"MZ\x90\x00 a program, and where it was taken: " + GPS


def clean(data: bytes, longest_px: int = 2048) -> CleanPicture:
    return PillowPictures().clean(data, "references.0.uri", longest_px)


def pixels(cleaned: CleanPicture) -> Image.Image:
    """The cleaned file, held to what every one of them is."""
    picture = Image.open(io.BytesIO(cleaned.png))
    picture.load()
    assert (picture.format, picture.mode) == ("PNG", "RGB")
    assert picture.size == (cleaned.width_px, cleaned.height_px)
    assert not picture.info
    assert [cleaned.png[12:16], cleaned.png[-8:-4]] == [b"IHDR", b"IEND"]
    assert {kind for kind in (b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"iCCP", b"acTL") if kind in cleaned.png} == set()
    return picture


def is_near(picture: Image.Image, place: tuple[int, int], colour: tuple[int, int, int], tolerance: int = 12) -> bool:
    found = picture.getpixel(place)
    assert isinstance(found, tuple)
    return all(abs(one - other) <= tolerance for one, other in zip(found, colour, strict=True))


# Refused, by name


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "the file is empty"),
    "svg": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "an SVG"),
    "svg with a head": (lambda: b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a -->\n<svg width="9"/>', "an SVG"),
    "svg in utf-16": (lambda: "<svg/>".encode("utf-16"), "an SVG"),
    "xml bomb": (lambda: b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]>', "XML"),
    "heic": (lambda: b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "an HEIC"),
    "heif": (lambda: b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", "an HEIC"),
    "avif": (lambda: encoded(a_picture(), "AVIF"), "an AVIF"),
    "video": (lambda: b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2", "a video"),
    "gif": (lambda: encoded(a_picture(), "GIF"), "a GIF"),
    "tiff": (lambda: encoded(a_picture(), "TIFF"), "a TIFF"),
    "bmp": (lambda: encoded(a_picture(), "BMP"), "a BMP"),
    "icon": (lambda: encoded(a_picture(128, 128), "ICO"), "an icon"),
    "jpeg 2000": (lambda: encoded(a_picture(), "JPEG2000"), "a JPEG 2000"),
    "photoshop": (lambda: b"8BPS\x00\x01", "a Photoshop document"),
    "pdf": (lambda: encoded(a_picture(), "PDF"), "a PDF"),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
    "zip": (lambda: b"PK\x03\x04", "a ZIP archive"),
    "page": (lambda: b"<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
    "words": (lambda: b"a picture of a cat", "no picture"),
    "riff of another kind": (lambda: b"RIFF\x00\x00\x00\x00WAVEfmt ", "no picture"),
    "animated png": (
        lambda: encoded(a_picture(), save_all=True, append_images=[a_picture().rotate(90)]),
        "is animated; one still picture",
    ),
    "animated webp": (
        lambda: encoded(a_picture(), "WEBP", save_all=True, append_images=[a_picture().rotate(180)]),
        "is animated",
    ),
    "one pixel": (lambda: encoded(a_picture(1, 1)), "1x1 pixels; each side has at least 128"),
    "thin": (lambda: encoded(a_picture(2000, MIN_SIDE_PX - 1)), "2,000x127 pixels; each side has at least 128"),
    "line": (lambda: encoded(a_picture(20_000, 20)), "20,000x20 pixels; each side has at least 128"),
    "strip": (lambda: encoded(a_picture(4001, 1000, "1")), "the longer side has at most 4 times"),
    "png bomb": (lambda: png_bomb(6000, 6000), "6,000x6,000 pixels; a PNG has at most 25,000,000"),
    "png promise": (lambda: png_by_hand(2**31 - 1, 2**31 - 1, png_chunk(b"IDAT", b"")), "at most 25,000,000 in all"),
    "jpeg promise": (lambda: jpeg_header(65_500, 65_500), "65,500x65,500 pixels; a JPEG has at most 25,000,000"),
    "webp promise": (lambda: webp_header(16_000, 16_000), "16,000x16,000 pixels; a WEBP has at most 12,500,000"),
    "webp of 2^24": (lambda: webp_header(2**24, 2**24), "16,777,216x16,777,216 pixels"),
    "no size": (lambda: jpeg_header(400, 0), "a JPEG that does not say its height"),
    "no width": (lambda: png_by_hand(0, 300, png_chunk(b"IDAT", b"")), "0x300 pixels; each side has at least"),
    "bytes": (lambda: encoded(a_picture()) + bytes(MAX_BYTES), "bytes; a picture has at most 20,000,000"),
    "png of a thousand notes": (
        lambda: png_by_hand(300, 300, *[png_chunk(b"tEXt", b"a\x00b")] * 1001),
        "a damaged PNG",
    ),
    "scans": (lambda: jpeg_header(300, 300)[:-2] + b"\xff\xda\x00\x02" * 101, "a JPEG of more than 100 scans"),
    "png without pixels": (lambda: png_by_hand(300, 300), "cut off or damaged"),
    "jpeg without a frame": (lambda: b"\xff\xd8\xff\xd9", "a damaged JPEG"),
    "jpeg of noise": (lambda: b"\xff\xd8\xff\xe0\x00\x04ab\x00\x00", "a damaged JPEG"),
    "webp without a frame": (lambda: b"RIFF\x00\x00\x00\x00WEBPABCD" + bytes(30), "a damaged WebP"),
    "png cut off": (lambda: encoded(a_picture())[:20], "cut off or damaged"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_file_is_refused_before_a_decoder_sees_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, words = REFUSED[name]
    data, decoded = make(), []
    monkeypatch.setattr(Image, "open", lambda *_args, **_kwargs: decoded.append(name))
    monkeypatch.setattr(Image, "frombytes", lambda *_args, **_kwargs: decoded.append(name))

    with pytest.raises(Invalid, match=words) as refused:
        clean(data)

    assert not decoded
    assert refused.value.message.startswith("references.0.uri: ")
    assert refused.value.remedy


DAMAGED = {
    "png": lambda: encoded(Image.effect_noise((400, 300), 90))[:-2000],
    "jpeg": lambda: encoded(Image.effect_noise((400, 300), 90), "JPEG")[:-4000],
    "webp": lambda: encoded(Image.effect_noise((400, 300), 90), "WEBP")[:-4000],
    "pixels that are missing": lambda: png_by_hand(400, 300, png_chunk(b"IDAT", b"x")),
    "canvas without a frame": lambda: webp_header(400, 300),
    "frame of another size": lambda: png_bomb(300, 300)[:16] + png_bomb(400, 400)[16:24] + png_bomb(300, 300)[24:],
}


@pytest.mark.parametrize("name", DAMAGED)
def test_file_is_refused_when_its_pixels_are_damaged(name: str) -> None:
    with pytest.raises(Invalid, match="damaged or cut off") as refused:
        clean(DAMAGED[name]())
    assert refused.value.code == "picture_damaged"


def test_bomb_is_refused_without_the_memory_of_its_pixels() -> None:
    """In a process of its own, whose highest memory use is the file's, not that of its pixels."""
    program = (
        "import resource, sys\n"
        "from promptreel.adapters.pictures import PillowPictures\n"
        "from promptreel.errors import Invalid\n"
        "import PIL.Image, PIL.WebPImagePlugin\n"
        "data = sys.stdin.buffer.read()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n"
        "    PillowPictures().clean(data, 'uri', 2048)\n"
        "except Invalid:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    for bomb in (png_bomb(6000, 6000), webp_header(16_383, 16_383), jpeg_header(65_535, 65_535)):
        done = subprocess.run([sys.executable, "-c", program], input=bomb, capture_output=True, check=True, timeout=60)
        assert int(done.stdout) < 8_000, f"{done.stdout!r} KiB more for {len(bomb)} bytes"


# Converted


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_picture_keeps_its_shape_and_colours(kind: str) -> None:
    cleaned = clean(encoded(a_picture(), kind))

    picture = pixels(cleaned)
    assert picture.size == (320, 240)
    assert cleaned.remarks == ()
    assert is_near(picture, (20, 120), (200, 30, 30))
    assert is_near(picture, (300, 120), (30, 30, 200))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_picture_becomes_rgb_when_it_is_stored_otherwise(mode: str) -> None:
    picture = pixels(clean(encoded(Image.new("L", (200, 200), 255).convert(mode))))

    assert is_near(picture, (100, 100), (255, 255, 255))


@pytest.mark.parametrize(
    ("colour", "sample", "expected"),
    [
        (0, b"\x80\x00", (128, 128, 128)),
        (4, b"\x80\x00\xff\xff", (128, 128, 128)),
        (2, b"\xff\xff\x80\x00\x00\x01", (255, 128, 0)),
        (6, b"\xff\xff\x80\x00\x00\x01\xff\xff", (255, 128, 0)),
    ],
)
def test_picture_of_16_bits_keeps_its_brightness(colour: int, sample: bytes, expected: tuple[int, int, int]) -> None:
    picture = pixels(clean(png_of_16_bits(200, 150, colour, sample)))

    assert is_near(picture, (100, 75), expected, 2)


def test_cmyk_is_converted_and_said() -> None:
    cleaned = clean(encoded(a_picture(mode="CMYK"), "JPEG"))

    assert is_near(pixels(cleaned), (20, 120), (200, 30, 30), 20)
    assert any("CMYK" in remark for remark in cleaned.remarks)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparent_parts_are_filled_with_white_and_said(kind: str) -> None:
    picture = a_picture(mode="RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 160, 240))

    cleaned = clean(encoded(picture, kind, **({"lossless": True} if kind == "WEBP" else {})))

    assert is_near(pixels(cleaned), (20, 120), (255, 255, 255))
    assert is_near(pixels(cleaned), (300, 120), (30, 30, 200))
    assert cleaned.remarks == ("its transparent parts were filled with white",)


def test_one_colour_of_a_palette_is_transparent() -> None:
    picture = a_picture(mode="P")
    index = picture.getpixel((20, 120))

    cleaned = clean(encoded(picture, transparency=index))

    assert is_near(pixels(cleaned), (20, 120), (255, 255, 255))
    assert cleaned.remarks


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_picture_is_turned_as_its_exif_data_says_which_is_then_gone(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise: left becomes top
    exif.get_ifd(0x8825)[0x001D] = GPS.decode()

    cleaned = clean(encoded(a_picture(), kind, exif=exif))

    picture = pixels(cleaned)
    assert picture.size == (240, 320)
    assert is_near(picture, (120, 20), (200, 30, 30))
    assert is_near(picture, (120, 300), (30, 30, 200))
    assert GPS not in cleaned.png


def test_colour_profile_is_applied_and_dropped() -> None:
    """A picture whose profile says that its red is another red: as bright as before without it, and not after it."""
    swapped = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = pixels(clean(encoded(a_picture(), icc_profile=linear)))
    unusable = pixels(clean(encoded(a_picture(), icc_profile=swapped)))  # of a colour space that RGB is not in
    broken = pixels(clean(encoded(a_picture(), icc_profile=b"no profile")))

    for picture in (plain, unusable, broken):
        assert is_near(picture, (20, 120), (200, 30, 30), 3)


def test_colours_of_a_wide_profile_are_converted() -> None:
    cleaned = pixels(clean(encoded(a_picture(), icc_profile=_display_profile(gamma=1.0))))

    assert not is_near(cleaned, (20, 120), (200, 30, 30), 20)  # linear light looks darker than it is
    assert is_near(cleaned, (20, 120), (229, 98, 98), 6)


def _display_profile(gamma: float) -> bytes:
    """The profile of sRGB with another curve, by changing the curves of the one that Pillow makes."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(profile[128:132], "big")
    for entry in range(132, 132 + 12 * count, 12):
        if bytes(profile[entry : entry + 4]) in {b"rTRC", b"gTRC", b"bTRC"}:
            place = int.from_bytes(profile[entry + 4 : entry + 8], "big")
            curve = b"para\x00\x00\x00\x00\x00\x00\x00\x00" + int(gamma * 65536).to_bytes(4, "big")
            profile[place : place + len(curve)] = curve
    return bytes(profile)


POLYGLOTS = {
    "behind a png": lambda: encoded(a_picture()) + SECRET,
    "behind a jpeg": lambda: encoded(a_picture(), "JPEG") + SECRET,
    "behind a webp": lambda: encoded(a_picture(), "WEBP") + SECRET,
    "a zip behind a png": lambda: encoded(a_picture()) + b"PK\x03\x04" + SECRET,
    "in a comment": lambda: encoded(a_picture(), "JPEG", comment=SECRET),
    "in xmp": lambda: encoded(a_picture(), "JPEG", xmp=SECRET),
    "in text of a png": lambda: encoded(a_picture(), pnginfo=_note()),
    "in an unknown chunk": lambda: (
        encoded(a_picture()).replace(b"IDAT", b"IDAT")[:33] + png_chunk(b"prVt", SECRET) + encoded(a_picture())[33:]
    ),
}


def _note() -> PngImagePlugin.PngInfo:
    note = PngImagePlugin.PngInfo()
    note.add_text("Location", SECRET.decode("latin-1"))
    return note


@pytest.mark.parametrize("name", POLYGLOTS)
def test_foreign_content_is_dropped(name: str) -> None:
    data = POLYGLOTS[name]()
    assert GPS in data

    cleaned = clean(data)

    assert is_near(pixels(cleaned), (20, 120), (200, 30, 30))
    assert GPS not in cleaned.png
    assert b"MZ\x90" not in cleaned.png


def test_first_picture_is_taken_when_a_camera_stored_several_in_one_jpeg() -> None:
    """As phones do for a depth or brightness map beside the photograph."""
    several = encoded(a_picture(), "MPO", save_all=True, append_images=[Image.new("RGB", (80, 60), "green")])

    picture = pixels(clean(several))

    assert picture.size == (320, 240)
    assert is_near(picture, (20, 120), (200, 30, 30))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_grey_picture_with_a_grey_profile_keeps_its_brightness(kind: str) -> None:
    grey = Image.new("L", (200, 200), 130)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()  # of another colour space

    assert is_near(pixels(clean(encoded(grey, kind, icc_profile=profile))), (50, 50), (130, 130, 130), 3)


@pytest.mark.parametrize("form", ["baseline", "progressive"])
def test_photograph_is_nearly_what_it_was(form: str) -> None:
    photograph = Image.effect_mandelbrot((640, 480), (-2, -1.2, 1, 1.2), 60).convert("RGB")
    data = encoded(photograph, "JPEG", quality=95, progressive=form == "progressive")

    difference = ImageChops.difference(pixels(clean(data)), photograph)

    assert sum(ImageStat.Stat(difference).mean) / 3 < 3


def test_large_picture_is_scaled_down_to_the_longest_side() -> None:
    cleaned = clean(encoded(a_picture(5000, 4000), "JPEG"), longest_px=1000)

    assert pixels(cleaned).size == (1000, 800)
    assert MAX_PIXELS["JPEG"] >= 5000 * 4000


def test_same_file_gives_the_same_bytes() -> None:
    data = encoded(a_picture(), "JPEG")

    assert clean(data).png == clean(data).png


@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.integers(0, 10_000), st.binary(min_size=1, max_size=12))
@settings(max_examples=150, deadline=None)
def test_altered_file_is_cleaned_or_refused(kind: str, place: int, altered: bytes) -> None:
    whole = bytearray(encoded(a_picture(160, 130), kind))
    place %= len(whole)
    whole[place : place + len(altered)] = altered

    try:
        cleaned = clean(bytes(whole))
    except Invalid:
        return
    assert sorted(pixels(cleaned).size) == [130, 160]


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        clean(data)
