"""Inputs that cannot become a film are refused by name, before anything is written where the film should be."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.errors import BadInput
from stitcher_service.engine.stitch import stitch
from stitcher_service.ffmpeg.command import Command, InputFile
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import damage_packets, write_wave


def cut_half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def cut_tail_of_fast_start(file: Path) -> None:
    """The index comes first and still names every packet; the last pictures are missing."""
    whole = file.read_bytes()
    file.write_bytes(whole[:-2000])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def overwrite(file: Path) -> None:
    file.write_text("no film but words, and quite a few of them\n" * 40)


def make_playlist(file: Path) -> None:
    file.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nother.mp4\n#EXT-X-ENDLIST\n")


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (cut_half, "is not readable media|is truncated"),
        (empty, "is empty"),
        (overwrite, "is not readable media"),
        (make_playlist, "is not readable media"),
        (Path.unlink, "does not exist"),
    ],
)
def test_damaged_clip_is_refused_in_one_line_that_names_it(
    a_clip: ClipMaker, tmp_path: Path, harm: Callable[[Path], Any], reason: str
) -> None:
    shutil.copy(a_clip(mark=1), tmp_path / "good.mp4")
    shutil.copy(a_clip(mark=2), tmp_path / "harmed.mp4")
    harm(tmp_path / "harmed.mp4")
    left = sorted(tmp_path.iterdir())
    cut_list = CutList.model_validate(
        {"size": [320, 180], "fps": 24, "clips": [{"path": "good.mp4"}, {"path": "harmed.mp4"}]}
    )

    with pytest.raises(BadInput, match=rf"^harmed\.mp4: (?:{reason})") as refused:
        stitch(cut_list, tmp_path, tmp_path / "film.mp4")

    assert "\n" not in str(refused.value)
    assert sorted(tmp_path.iterdir()) == left


def test_fast_start_clip_is_refused_when_packets_are_missing(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    film, _ = a_film([{"path": a_clip(mark=1)}])
    shutil.move(film, tmp_path / "clip.mp4")
    cut_tail_of_fast_start(tmp_path / "clip.mp4")

    with pytest.raises(BadInput, match=r"clip\.mp4: is truncated: \d+ of \d+ \w+ packets are missing"):
        a_film([{"path": "clip.mp4"}])


def test_clip_is_refused_when_its_pictures_are_damaged(a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path) -> None:
    shutil.copy(a_clip(mark=2, tone_hz=0), tmp_path / "scratched.mp4")
    damage_packets(tmp_path / "scratched.mp4", range(30, 40))

    with pytest.raises(BadInput, match=r"^scratched\.mp4: its picture is damaged \("):
        a_film([{"path": a_clip(mark=1)}, {"path": "scratched.mp4"}])


def test_soundtrack_is_refused_when_its_sound_is_damaged(a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path) -> None:
    only_sound = Command((InputFile(a_clip(mark=1)),), tmp_path / "music.m4a", ("-map", "0:a", "-c", "copy"))
    Runner(find_ffmpeg()).run(only_sound)
    damage_packets(tmp_path / "music.m4a", range(30, 60))

    with pytest.raises(BadInput, match=r"^music\.m4a: its sound is damaged \("):
        a_film([{"path": a_clip(mark=1)}], soundtrack={"path": "music.m4a"})


def test_clip_is_refused_when_it_has_no_picture(a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path) -> None:
    write_wave(tmp_path / "music.wav", 440, 2)

    with pytest.raises(BadInput, match=r"^music\.wav: has no picture"):
        a_film([{"path": a_clip(mark=1)}, {"path": "music.wav"}])


def test_soundtrack_is_refused_when_it_has_no_sound(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    mute = a_clip(mark=2, tone_hz=0)

    with pytest.raises(BadInput, match="has no sound"):
        a_film([{"path": a_clip(mark=1)}], soundtrack={"path": str(mute)})


def test_film_is_refused_when_its_folder_does_not_exist(a_clip: ClipMaker, tmp_path: Path) -> None:
    cut_list = CutList.model_validate({"size": [320, 180], "fps": 24, "clips": [{"path": str(a_clip(mark=1))}]})

    with pytest.raises(BadInput, match="its folder does not exist"):
        stitch(cut_list, tmp_path, tmp_path / "nowhere" / "film.mp4")
