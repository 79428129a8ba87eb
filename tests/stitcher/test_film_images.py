"""Poster and contact sheet."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from promptreel.errors import Broken
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg
from stitcher_service.jobs.film_images import COLUMNS, GAP_PX, save_contact_sheet, save_poster
from tests.stitcher.conftest import ClipMaker
from tests.stitcher.media import BITS

RATE = Fraction(24)
CELL = (320, 180)


@pytest.fixture
def runner() -> Runner:
    return Runner(find_ffmpeg())


def pixels(path: Path) -> npt.NDArray[np.uint8]:
    with av.open(str(path)) as container:
        return np.asarray(next(container.decode(video=0)).to_ndarray(format="gray"))


def test_poster_is_one_jpeg_no_wider_than_the_film(a_clip: ClipMaker, tmp_path: Path, runner: Runner) -> None:
    save_poster(a_clip(mark=2), tmp_path / "poster-%03d.jpg", runner)

    assert (tmp_path / "poster-%03d.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    assert pixels(tmp_path / "poster-%03d.jpg").shape == (180, 320)
    assert len(list(tmp_path.iterdir())) == 1


def test_poster_is_refused_when_the_file_is_no_film(tmp_path: Path, runner: Runner) -> None:
    (tmp_path / "words.mp4").write_text("no film " * 200)

    with pytest.raises(Broken, match="poster: "):
        save_poster(tmp_path / "words.mp4", tmp_path / "poster.jpg", runner)


def test_contact_sheet_shows_exactly_the_requested_frame_in_each_cell(a_clip: ClipMaker, tmp_path: Path) -> None:
    wanted = [0, 1, 23, 24, 40, 71]
    save_contact_sheet(a_clip(mark=2), wanted, RATE, tmp_path / "sheet.jpg")

    sheet = pixels(tmp_path / "sheet.jpg")
    assert sheet.shape == (2 * (CELL[1] + GAP_PX) + GAP_PX, COLUMNS * (CELL[0] + GAP_PX) + GAP_PX)
    assert [shown(cell(sheet, place)) for place in range(len(wanted))] == [(2, frame) for frame in wanted]
    assert cell(sheet, 7).mean() == pytest.approx(24, abs=4)


def cell(sheet: npt.NDArray[np.uint8], place: int) -> npt.NDArray[np.uint8]:
    top = GAP_PX + place // COLUMNS * (CELL[1] + GAP_PX)
    left = GAP_PX + place % COLUMNS * (CELL[0] + GAP_PX)
    return sheet[top : top + CELL[1], left : left + CELL[0]]


def shown(picture: Any) -> tuple[int, int]:
    """Clip and frame, read from the blocks on top."""
    block = CELL[0] // BITS
    code = sum(int(picture[10:30, bit * block + 6 : bit * block + 14].mean() > 128) << bit for bit in range(BITS))
    return code >> 12, code & 0xFFF


def test_contact_sheet_is_refused_when_the_film_ends_before_a_frame(a_clip: ClipMaker, tmp_path: Path) -> None:
    with pytest.raises(Broken, match=r"no frame at 4\.17 s"):
        save_contact_sheet(a_clip(mark=2), [100], RATE, tmp_path / "sheet.jpg")


@pytest.mark.parametrize(("scenes", "columns", "rows"), [(1, 1, 1), (3, 3, 1), (4, 4, 1), (5, 4, 2)])
def test_contact_sheet_has_no_empty_columns_when_scenes_are_few(
    a_clip: ClipMaker, tmp_path: Path, scenes: int, columns: int, rows: int
) -> None:
    save_contact_sheet(a_clip(size=(180, 320)), range(scenes), RATE, tmp_path / "sheet.jpg")

    height, width = pixels(tmp_path / "sheet.jpg").shape
    assert (width, height) == (columns * (180 + GAP_PX) + GAP_PX, rows * (320 + GAP_PX) + GAP_PX)
