"""The work folder is always removed; a film is published whole or not at all."""

import errno
import os
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


@pytest.mark.parametrize("owner", ["999999999-5", f"{os.getpid()}-1"], ids=["dead", "pid reused"])
def test_folder_of_a_dead_process_is_removed_when_work_begins(temp: Path, owner: str) -> None:
    stale = temp / f"promptreel-stitch-{owner}-abc"
    stale.mkdir()
    (stale / "film.mp4").touch()
    others = temp / "promptreel-stitch-notes"
    others.mkdir()

    with work_folder():
        assert not stale.exists()
    assert others.exists()


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
