"""A film that would not fit on the disk is refused before the first byte is downloaded."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from promptreel.errors import Broken, Transient
from stitcher_service.jobs.downloads import check_disk_space, download_all, stored_sizes
from stitcher_service.jobs.services import read_disk_bytes
from tests.fakes.services import FakeServices
from tests.stitcher.jobs import stitcher_services

MB = 1_000_000


def test_disk_check_passes_when_the_film_is_under_the_limit(tmp_path: Path) -> None:
    check_disk_space(10 * MB, 10.0, tmp_path, limit_bytes=40 * MB)


def test_disk_check_fails_and_names_the_setting_when_the_film_is_over_the_limit(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="needs 38 MB of disk, 37 MB are allowed") as refused:
        check_disk_space(10 * MB, 10.0, tmp_path, limit_bytes=37 * MB)

    assert "STITCHER_DISK_MB" in refused.value.remedy


def test_disk_check_is_transient_when_too_little_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=5 * MB)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)

    with pytest.raises(Transient, match="5 MB are free here"):
        check_disk_space(10 * MB, 10.0, tmp_path, limit_bytes=100 * MB)


def test_stored_sizes_are_of_exactly_the_named_files_in_any_folder(world: FakeServices) -> None:
    own = world.artifacts.put("jobs/job-1/clips/a.mp4", b"12345", "video/mp4")
    world.artifacts.put("jobs/job-1/clips/a.mp4.bak", b"1", "video/mp4")
    shared = world.artifacts.put("cache/b.mp4", b"123", "video/mp4")
    missing = world.artifacts.uri("jobs/job-1/none.mp4")

    assert stored_sizes("job-1", [own, shared, missing], world.artifacts) == {own: 5, shared: 3}


def test_files_are_downloaded_under_names_that_the_stitcher_chooses(world: FakeServices, tmp_path: Path) -> None:
    uri = world.artifacts.put("jobs/job-1/clips/x/../a.mp4", b"12345", "video/mp4")

    files = download_all({uri: "scene-01"}, "job-1", 4.0, tmp_path, stitcher_services(world, disk_bytes=10 * MB))

    assert files == {uri: tmp_path / "source-0"}
    assert files[uri].read_bytes() == b"12345"


def test_scene_of_a_missing_file_is_named_before_anything_is_downloaded(world: FakeServices, tmp_path: Path) -> None:
    uri = world.artifacts.put("jobs/job-1/clips/a.mp4", b"12345", "video/mp4")
    wanted = {uri: "scene-01", world.artifacts.uri("jobs/job-1/none.mp4"): "scene-02"}

    with pytest.raises(Broken, match="scene-02: its clip or picture is gone"):
        download_all(wanted, "job-1", 4.0, tmp_path, stitcher_services(world, disk_bytes=10 * MB))
    assert list(tmp_path.iterdir()) == []


def test_disk_limit_comes_from_the_environment() -> None:
    assert read_disk_bytes({"STITCHER_DISK_MB": "500"}) == 500 * MB
    assert read_disk_bytes({}) == 5_000 * MB


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_disk_limit_is_misconfigured_when_it_is_no_number_of_megabytes(value: Any) -> None:
    with pytest.raises(Broken, match="STITCHER_DISK_MB must be a whole number"):
        read_disk_bytes({"STITCHER_DISK_MB": value})
