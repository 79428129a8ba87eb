"""However a clip is turned or mirrored for display, the film shows it upright and the clips beside it as they are."""

from pathlib import Path

import numpy as np
import pytest

from stitcher_service.ffmpeg.probe import probe
from tests.stitcher.conftest import FilmMaker
from tests.stitcher.making import ffmpeg, grey

TURNS = {
    "vflip": "-display_vflip",
    "hflip": "-display_hflip",
    "180": "-display_rotation 180",
    "45": "-display_rotation 45",
    "180 and hflip": "-display_rotation 180 -display_hflip",
}
QUARTER_TURNS = {
    "90": "-display_rotation 90",
    "-90": "-display_rotation -90",
    "90 and hflip": "-display_rotation 90 -display_hflip",
    "90 and vflip": "-display_rotation 90 -display_vflip",
}


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A picture that is like itself in no other orientation."""
    return ffmpeg(tmp_path, "PICTURE X264 plain.mp4", seconds=1)


@pytest.mark.parametrize("name", ["turned.mp4", "turned.mkv", "turned.mov"])
@pytest.mark.parametrize("turn", TURNS)
def test_film_is_upright_in_every_clip_when_its_first_is_mirrored_or_turned(
    plain: Path, a_film: FilmMaker, tmp_path: Path, turn: str, name: str
) -> None:
    ffmpeg(tmp_path, f"{TURNS[turn]} -i plain.mp4 -c copy {name}")

    film, report = a_film([{"path": name}, {"path": plain}])

    shown = grey(film)
    assert np.abs(shown[10] - grey(tmp_path / name)[10]).mean() < 6
    assert np.abs(shown[34] - grey(plain)[10]).mean() < 6
    assert (report.copied_frames, report.encoded_frames) == (24, 24)
    track = probe(film).video
    assert track is not None
    assert track.is_upright


@pytest.mark.parametrize("turn", QUARTER_TURNS)
def test_film_is_upright_and_unsquashed_when_a_clip_is_turned_by_a_quarter_and_mirrored(
    a_film: FilmMaker, tmp_path: Path, turn: str
) -> None:
    tall = ffmpeg(tmp_path, "-f lavfi -i testsrc2=s=180x320:r=24:d=1 X264 tall.mp4")
    turned = ffmpeg(tmp_path, f"{QUARTER_TURNS[turn]} -i {tall} -c copy turned.mp4")

    film, _ = a_film([{"path": turned}])

    assert np.abs(grey(film)[10] - grey(turned)[10]).mean() < 6


def test_still_picture_is_upright_when_only_its_exif_data_say_how_to_hold_it(a_film: FilmMaker, tmp_path: Path) -> None:
    ffmpeg(tmp_path, "-f lavfi -i testsrc2=s=320x180 -frames:v 1 plain.jpg")
    # One little-endian EXIF entry: orientation (0x0112), a short, the value 3: turned by 180 degrees.
    entry = b"\x12\x01\x03\x00\x01\x00\x00\x00\x03\x00\x00\x00"
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + bytes(4)
    data = (tmp_path / "plain.jpg").read_bytes()
    (tmp_path / "turned.jpg").write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif + data[2:])

    film, _ = a_film([{"path": "turned.jpg"}])

    shown, stored = grey(film)[0], grey(tmp_path / "plain.jpg")[0]
    assert np.abs(shown - stored[::-1, ::-1]).mean() < np.abs(shown - stored).mean() / 2
