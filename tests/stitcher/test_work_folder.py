"""The work folder is always removed; a film is published whole or not at all."""

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from stitcher_service.engine.workfolder import publish, publish_across_disks, work_folder


@pytest.fixture(autouse=True)
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_work_folder_is_removed_when_the_work_fails(temp: Path) -> None:
    def fail() -> None:
        with work_folder() as folder:
            (folder / "part").touch()
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()

    assert list(temp.iterdir()) == []


def test_folder_of_a_living_process_stays_when_another_starts(temp: Path) -> None:
    with work_folder() as first:
        with work_folder() as second:
            assert first != second
        assert first.is_dir()


def test_folder_of_a_dead_process_is_removed_when_work_begins(temp: Path) -> None:
    steps = [
        "import os, signal",
        "from stitcher_service.engine.workfolder import work_folder",
        "with work_folder() as folder:",
        "    (folder / 'film').touch()",
        "    os.kill(os.getpid(), signal.SIGKILL)",
    ]
    killed = [sys.executable, "-c", "\n".join(steps)]
    subprocess.run(killed, cwd=Path(__file__).parents[2], env={**os.environ, "TMPDIR": str(temp)}, check=False)
    (stale,) = temp.iterdir()
    assert (stale / "film").exists()

    with work_folder():
        assert not stale.exists()


def test_published_film_replaces_the_older_one(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "film.mp4").write_text("old")

    publish(tmp_path / "new", tmp_path / "film.mp4")

    assert (tmp_path / "film.mp4").read_text() == "new"


def test_film_is_published_into_another_mount_of_the_same_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new").write_text("new")
    out = tmp_path / "out" / "film.mp4"
    out.parent.mkdir()
    rename = Path.replace

    def as_between_mounts(source: Path, target: Path) -> Path:
        if source.parent != target.parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(source, target)

    monkeypatch.setattr(Path, "replace", as_between_mounts)
    publish(tmp_path / "new", out)

    assert [(path.name, path.read_text()) for path in out.parent.iterdir()] == [("film.mp4", "new")]


def test_only_the_film_appears_when_published_from_another_disk(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new" * 1_000_000)
    out = tmp_path / "out" / "film.mp4"
    out.parent.mkdir()
    out.write_text("old")

    publish_across_disks(tmp_path / "new", out)

    assert out.read_text() == "new" * 1_000_000
    assert list(out.parent.iterdir()) == [out]
