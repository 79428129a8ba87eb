"""A place where a film cannot or must not be written is refused before any work and left untouched."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stitcher_service.__main__ import main
from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.errors import BadInput
from stitcher_service.engine.stitch import stitch
from stitcher_service.engine.workfolder import check_output, publish_across_disks
from tests.stitcher.conftest import ClipMaker
from tests.stitcher.media import write_wave


def the_same(file: Path) -> Path:
    return file


def a_hard_link(file: Path) -> Path:
    (file.parent / "linked.mp4").hardlink_to(file)
    return file.parent / "linked.mp4"


def a_symbolic_link(file: Path) -> Path:
    (file.parent / "linked.mp4").symlink_to(file.name)
    return file.parent / "linked.mp4"


def a_roundabout_way(file: Path) -> Path:
    (file.parent / "in").mkdir()
    return file.parent / "in" / ".." / file.name


@pytest.mark.parametrize("way", [the_same, a_hard_link, a_symbolic_link, a_roundabout_way])
@pytest.mark.parametrize("role", ["first clip", "later clip", "soundtrack"])
def test_film_is_refused_and_the_input_unharmed_when_it_would_replace_one(
    a_clip: ClipMaker, tmp_path: Path, role: str, way: Callable[[Path], Path]
) -> None:
    shutil.copy(a_clip(mark=1), tmp_path / "a.mp4")
    shutil.copy(a_clip(mark=2), tmp_path / "b.mp4")
    write_wave(tmp_path / "music.wav", 440, 1)
    name = {"first clip": "a.mp4", "later clip": "b.mp4", "soundtrack": "music.wav"}[role]
    before = (tmp_path / name).read_bytes()
    clips = [{"path": "a.mp4"}, {"path": "b.mp4", "in_s": 1}]
    cut_list = CutList.model_validate(
        {"size": [320, 180], "fps": 24, "clips": clips, "soundtrack": {"path": "music.wav"}}
    )

    with pytest.raises(BadInput, match=rf": is also an input \({name}\), which the film would replace"):
        stitch(cut_list, tmp_path, way(tmp_path / name))

    assert (tmp_path / name).read_bytes() == before


def test_command_ends_with_2_when_the_film_would_replace_its_cut_list(
    a_clip: ClipMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cuts = tmp_path / "cuts.json"
    cuts.write_text(f'{{"size": [320, 180], "fps": 24, "clips": [{{"path": "{a_clip(mark=1)}"}}]}}')
    before = cuts.read_bytes()

    assert main([str(cuts), str(cuts)]) == 2

    assert "is also an input (cuts.json)" in capsys.readouterr().err
    assert cuts.read_bytes() == before


def test_older_film_is_replaced_when_it_is_no_input(a_clip: ClipMaker, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_text("older")
    cut_list = CutList.model_validate({"size": [320, 180], "fps": 24, "clips": [{"path": str(a_clip(mark=1))}]})

    stitch(cut_list, tmp_path, tmp_path / "film.mp4")

    assert (tmp_path / "film.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere/film.mp4", "its folder does not exist"),
        ("folder", "is a folder"),
        ("pipe", "is not a file"),
        ("x" * 252 + ".mp4", r"cannot be written \(File name too long\)"),
        ("y" * 300 + "/film.mp4", r"cannot be written \(File name too long\)"),
        ("a\0b.mp4", "has a name that no file can have"),
    ],
)
def test_place_is_refused_in_one_sentence_when_no_film_can_be_written_there(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(BadInput, match=rf": {reason}$"):
        check_output(tmp_path / name, [])


def test_device_is_refused_as_a_place_for_a_film() -> None:
    with pytest.raises(BadInput, match="is not a file"):
        check_output(Path(os.devnull), [])


def test_film_appears_when_its_name_is_as_long_as_a_name_can_be(tmp_path: Path) -> None:
    (tmp_path / "done").write_text("film")
    out = tmp_path / ("x" * 251 + ".mp4")
    check_output(out, [])

    publish_across_disks(tmp_path / "done", out)

    assert out.read_text() == "film"


@pytest.mark.parametrize("is_nameless", [True, False])
def test_nothing_is_left_beside_the_film_when_its_disk_is_full(tmp_path: Path, *, is_nameless: bool) -> None:
    """With the limit of a file's size in the place of the disk's end."""
    (tmp_path / "done").write_bytes(bytes(100_000))
    (tmp_path / "out").mkdir()
    steps = [
        "import os, pathlib, resource, sys",
        "from stitcher_service.engine.workfolder import publish_across_disks",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))",
        "" if is_nameless else "del os.O_TMPFILE",
        "publish_across_disks(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))",
    ]

    done = subprocess.run(
        [sys.executable, "-c", "\n".join(steps), str(tmp_path / "done"), str(tmp_path / "out" / "film.mp4")],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "File too large" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []
