"""Pictures are fitted to the frame and never larger than the next model takes."""

import io

import numpy as np
import pytest
from PIL import Image, ImageColor

from localcloud.vertex.faults import Hits
from localcloud.vertex.picture.paint import ODD_FILES, Bars, PictureRequest, paint
from promptreel.adapters.frame_fits import encode_png
from promptreel.adapters.images import MAX_BYTES, fit_to_frame
from promptreel.adapters.picture_header import read_header
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
    fitted = fit_to_frame(a_png(grain(1376, 768)), (3840, 2160))

    assert fitted.drawn_px == fitted.content_px == (1376, 768)
    assert len(fitted.data) <= MAX_BYTES
    with Image.open(io.BytesIO(fitted.data)) as picture:
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

    fitted = fit_to_frame(out.getvalue(), (90, 160))

    assert fitted.drawn_px == (90, 160)
    with Image.open(io.BytesIO(fitted.data)) as picture:
        pixels = np.asarray(picture)
    assert pixels[10, 45, 0] > 200, "what was left is above"
    assert pixels[150, 45, 2] > 200


def an_answer(kind: str = "", size_px: tuple[int, int] = (1376, 768), bars: Bars | None = None) -> bytes:
    """What the stand-in's image model answers."""
    wanted = PictureRequest("A boat at dawn", (), "1K", *size_px, seed="1", bars=bars, kind=kind)
    altered = wanted.altered(Hits({"odd_file": {"kind": kind}} if kind else {}))
    return paint(altered)


@pytest.mark.parametrize("frame_px", [(1280, 720), (1920, 1080), (720, 1280)], ids=str)
@pytest.mark.parametrize("kind", ["", *ODD_FILES])
def test_answer_of_any_kind_becomes_a_png_of_exactly_the_frame(kind: str, frame_px: tuple[int, int]) -> None:
    fitted = fit_to_frame(an_answer(kind), frame_px)

    header = read_header(fitted.data)
    assert (header.format, header.width_px, header.height_px) == ("PNG", *frame_px)
    with Image.open(io.BytesIO(fitted.data)) as picture:
        assert (picture.mode, picture.info) == ("RGB", {})
    assert fitted.drawn_px == ((768, 768) if kind == "square" else (1376, 768))


@pytest.mark.parametrize("size_px", [(688, 384), (1376, 768), (2752, 1536)], ids=str)
def test_answer_of_another_size_than_asked_becomes_exactly_the_frame(size_px: tuple[int, int]) -> None:
    fitted = fit_to_frame(an_answer(size_px=size_px), (1280, 720))

    header = read_header(fitted.data)
    assert (header.width_px, header.height_px) == (1280, 720)
    assert fitted.drawn_px == size_px


def test_transparent_parts_of_an_answer_become_white() -> None:
    clear = Image.new("RGBA", (160, 90), (200, 0, 0, 0))
    clear.paste((0, 0, 200, 255), (0, 0, 80, 90))

    with Image.open(io.BytesIO(fit_to_frame(a_png(clear), (160, 90)).data)) as picture:
        assert [picture.getpixel((20, 45)), picture.getpixel((140, 45))] == [(0, 0, 200), (255, 255, 255)]


@pytest.mark.parametrize("colour", ["black", "white", "navy"])
@pytest.mark.parametrize(("shape", "content_px"), [("letterbox", (1376, 676)), ("pillarbox", (1238, 768))])
def test_bars_of_an_answer_are_cut_off_before_it_is_fitted(
    shape: str, content_px: tuple[int, int], colour: str
) -> None:
    share = 0.06 if shape == "letterbox" else 0.05
    fitted = fit_to_frame(an_answer(bars=Bars(shape, share, colour)), (1280, 720))

    assert fitted.drawn_px == (1376, 768)
    assert fitted.content_px == pytest.approx(content_px, abs=16)
    with Image.open(io.BytesIO(fitted.data)) as picture:
        edges = [
            picture.crop(box) for box in ((0, 0, 1280, 2), (0, 718, 1280, 720), (0, 0, 2, 720), (1278, 0, 1280, 720))
        ]
        bar = np.array(ImageColor.getrgb(colour))
        for edge in edges:
            assert np.abs(np.asarray(edge, dtype=int) - bar).max(axis=2).mean() > 3, "a bar is left"
