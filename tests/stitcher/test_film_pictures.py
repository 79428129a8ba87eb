"""Poster and contact sheet."""

from pathlib import Path

import av
import pytest

from stitcher_service.errors import BadInput
from stitcher_service.extras import contact_sheet, poster
from tests.stitcher.conftest import ClipMaker


def size(picture: Path) -> tuple[int, int]:
    with av.open(str(picture)) as container:
        frame = next(container.decode(video=0))
    return frame.width, frame.height


def test_poster_when_made_then_it_is_one_jpeg_no_wider_than_the_film(a_clip: ClipMaker, tmp_path: Path) -> None:
    poster(a_clip(mark=2), tmp_path / "poster-%03d.jpg")

    assert (tmp_path / "poster-%03d.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    assert size(tmp_path / "poster-%03d.jpg") == (320, 180)
    assert len(list(tmp_path.iterdir())) == 1


def test_contact_sheet_when_made_then_it_has_a_cell_for_each_second(a_clip: ClipMaker, tmp_path: Path) -> None:
    contact_sheet(a_clip(mark=2), tmp_path / "sheet.jpg")

    assert size(tmp_path / "sheet.jpg") == (5 * 320, 180)


def test_poster_when_the_file_is_no_film_then_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "words.mp4").write_text("no film " * 200)

    with pytest.raises(BadInput, match=r"words\.mp4: is not readable media"):
        poster(tmp_path / "words.mp4", tmp_path / "poster.jpg")
