"""What every `ArtifactStore` promises, in memory and in Cloud Storage alike."""

from collections.abc import Callable
from pathlib import Path

import pytest

from promptreel.adapters import gcs
from promptreel.adapters.gcs import GcsArtifacts
from promptreel.errors import NotFound
from promptreel.ports.storage import ArtifactStore


def test_artifact_is_returned_by_its_uri(artifacts: ArtifactStore) -> None:
    uri = artifacts.put("jobs/j/a.txt", b"one", "text/plain")

    assert uri == artifacts.uri("jobs/j/a.txt")
    assert artifacts.get(uri) == b"one"
    assert artifacts.exists("jobs/j/a.txt")


def test_first_writer_wins_when_an_artifact_is_put_twice(
    artifacts: ArtifactStore, supports_generation_preconditions: bool, tmp_path: Path
) -> None:
    uri = artifacts.put("jobs/j/a.txt", b"one", "text/plain")
    other = tmp_path / "other"
    other.write_bytes(b"three")

    assert artifacts.put("jobs/j/a.txt", b"two", "text/plain") == uri
    assert artifacts.put_file("jobs/j/a.txt", other, "text/plain") == uri
    assert artifacts.get(uri) == (b"one" if supports_generation_preconditions else b"three")


def test_file_is_downloaded_as_uploaded(artifacts: ArtifactStore, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"x" * 300_000)

    artifacts.get_file(artifacts.put_file("jobs/j/clip.mp4", source, "video/mp4"), target)

    assert target.read_bytes() == source.read_bytes()


def test_missing_artifact_is_not_found(artifacts: ArtifactStore, tmp_path: Path) -> None:
    assert not artifacts.exists("jobs/j/none")
    with pytest.raises(NotFound):
        artifacts.get(artifacts.uri("jobs/j/none"))
    with pytest.raises(NotFound):
        artifacts.get_file(artifacts.uri("jobs/j/none"), tmp_path / "none")


def test_list_returns_what_is_below_a_prefix_and_nothing_else(artifacts: ArtifactStore) -> None:
    artifacts.put("jobs/j/clips/a/1.mp4", b"1", "video/mp4")
    artifacts.put("jobs/j/clips/ab/2.mp4", b"22", "video/mp4")

    (found,) = artifacts.list("jobs/j/clips/a/")

    assert (found.uri, found.size) == (artifacts.uri("jobs/j/clips/a/1.mp4"), 1)
    assert artifacts.list("jobs/none/") == []


def test_artifact_can_be_deleted_twice(artifacts: ArtifactStore) -> None:
    uri = artifacts.put("jobs/j/a.txt", b"one", "text/plain")
    kept = artifacts.put("jobs/j/b.txt", b"two", "text/plain")

    artifacts.delete(uri)
    artifacts.delete(uri)

    assert [stored.uri for stored in artifacts.list("jobs/j/")] == [kept]
    with pytest.raises(NotFound):
        artifacts.get(uri)


@pytest.mark.parametrize(("count", "start"), [(1, b"o"), (24, b"one and more")])
def test_first_bytes_of_an_artifact_are_read(artifacts: ArtifactStore, count: int, start: bytes) -> None:
    uri = artifacts.put("jobs/j/a.txt", b"one and more", "text/plain")

    assert artifacts.read_start(uri, count) == start
    with pytest.raises(NotFound):
        artifacts.read_start(artifacts.uri("jobs/j/none.txt"), count)


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 3500])
def test_listed_artifact_is_read_in_parts(artifacts: ArtifactStore, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(gcs, "PART_BYTES", 1000)
    data = bytes(place % 251 for place in range(size))
    uri = artifacts.put("jobs/j/film.mp4", data, "video/mp4")
    (stored,) = artifacts.list("jobs/j/")

    parts = list(artifacts.read_parts(stored))

    assert b"".join(parts) == data
    assert all(len(part) <= 1000 for part in parts)
    assert stored.checksum == artifacts.read_checksum(uri)


@pytest.mark.parametrize("change", ["deleted", "replaced"])
def test_listed_artifact_is_not_found_when_it_is_missing_or_changed(artifacts: ArtifactStore, change: str) -> None:
    uri = artifacts.put("jobs/j/film.mp4", b"one", "video/mp4")
    (stored,) = artifacts.list("jobs/j/")
    artifacts.delete(uri)
    if change == "replaced":
        artifacts.put("jobs/j/film.mp4", b"two", "video/mp4")

    with pytest.raises(NotFound):
        list(artifacts.read_parts(stored))


def test_checksum_depends_on_the_content_only(artifacts: ArtifactStore) -> None:
    uri, same = (artifacts.put(f"jobs/j/{name}.txt", b"one", "text/plain") for name in "ab")
    before = artifacts.read_checksum(uri)
    assert before == artifacts.read_checksum(same)

    artifacts.delete(uri)
    with pytest.raises(NotFound):
        artifacts.read_checksum(uri)
    artifacts.put("jobs/j/a.txt", b"two", "text/plain")

    assert artifacts.read_checksum(uri) != before


def test_copy_stays_when_its_source_is_deleted(artifacts: ArtifactStore) -> None:
    source = artifacts.put("jobs/j/clip.mp4", b"x" * 300_000, "video/mp4")

    copied = artifacts.copy(source, "jobs/k/clip.mp4", artifacts.read_checksum(source))
    artifacts.delete(source)

    assert copied == artifacts.uri("jobs/k/clip.mp4")
    assert artifacts.get(copied) == b"x" * 300_000


def test_copy_keeps_checksum_and_content_type(gcs_artifacts: Callable[[], GcsArtifacts]) -> None:
    artifacts = gcs_artifacts()
    source = artifacts.put("jobs/j/clip.mp4", b"clip", "video/mp4")

    copied = artifacts.copy(source, "jobs/k/clip.mp4", artifacts.read_checksum(source))

    blob = artifacts._blob(copied)
    blob.reload()
    assert (blob.crc32c, blob.content_type) == (artifacts.read_checksum(source), "video/mp4")


def test_copy_is_not_found_and_makes_nothing_when_its_source_is_missing_or_changed(artifacts: ArtifactStore) -> None:
    source = artifacts.put("jobs/j/a.txt", b"one", "text/plain")
    other = artifacts.read_checksum(artifacts.put("jobs/j/b.txt", b"two", "text/plain"))

    for uri in (source, artifacts.uri("jobs/j/none")):
        with pytest.raises(NotFound):
            artifacts.copy(uri, "jobs/k/a.txt", other)

    assert not artifacts.exists("jobs/k/a.txt")


def test_copy_leaves_an_existing_object_as_it_is(
    artifacts: ArtifactStore, supports_preconditions_of_rewrites: bool
) -> None:
    source = artifacts.put("jobs/j/a.txt", b"one", "text/plain")
    existing = artifacts.put("jobs/k/a.txt", b"two", "text/plain")

    assert artifacts.copy(source, "jobs/k/a.txt", artifacts.read_checksum(source)) == existing
    assert artifacts.get(existing) == (b"two" if supports_preconditions_of_rewrites else b"one")
