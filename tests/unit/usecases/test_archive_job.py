"""The archive of a job: whole or without an end, in constant memory, and safe to unpack."""

import hashlib
import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any
from zipfile import BadZipFile, ZipFile

import pytest

from promptreel.domain.job import Job
from promptreel.errors import NotFound
from promptreel.ports.storage import StoredObject
from promptreel.usecases.archive_job import archive_job, archive_path
from tests.fakes.services import FakeServices

DOCUMENTS = {"job.json": b'{"id": 1}', "ledger.csv": b"at,id\r\n"}


@pytest.fixture
def job(world: FakeServices) -> Job:
    return world.opened()


def put(world: FakeServices, job: Job, name: str, data: bytes) -> str:
    return world.artifacts.put(f"jobs/{job.id}/{name}", data, "video/mp4")


def unpack(data: bytes) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def packed(world: FakeServices, job: Job) -> dict[str, bytes]:
    return unpack(b"".join(archive_job(job, DOCUMENTS, world)))


def test_archive_holds_documents_and_files_and_a_manifest_of_both(world: FakeServices, job: Job) -> None:
    film = bytes(range(256)) * 40
    uri = put(world, job, "output/film-1.mp4", film)
    put(world, job, "clips/scene-01/call-1/sample_0.mp4", b"")

    found = packed(world, job)
    manifest = json.loads(found.pop("manifest.json"))

    assert found == {
        **DOCUMENTS,
        "files/output/film-1.mp4": film,
        "files/clips/scene-01/call-1/sample_0.mp4": b"",
    }
    assert {file["path"]: (file["bytes"], file["sha256"]) for file in manifest["files"]} == {
        name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in found.items()
    }
    (shown,) = (file for file in manifest["files"] if file.get("uri") == uri)
    assert shown["checksum"] == world.artifacts.read_checksum(uri)
    assert (manifest["format"], manifest["job"], manifest["state"]) == (1, job.id, "PENDING")


def test_segments_of_the_cut_and_files_of_other_jobs_are_left_out(world: FakeServices, job: Job) -> None:
    put(world, job, "work/scene-01-a.mp4", b"segment")
    world.artifacts.put(f"jobs/{job.id}x/film.mp4", b"another", "video/mp4")

    found = packed(world, job)

    assert set(found) == {*DOCUMENTS, "manifest.json"}
    assert json.loads(found["manifest.json"])["left_out"] == ["work/"]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/../../b", "/etc/passwd", "..", "a\\..\\b", "C:\\x", "a\nb", "ä %"]
)
def test_file_is_unpacked_inside_the_folder_when_its_name_leads_out(world: FakeServices, job: Job, name: str) -> None:
    put(world, job, name, b"1")

    (path,) = set(packed(world, job)) - {*DOCUMENTS, "manifest.json"}

    assert path.startswith("files/")
    assert not {"", ".", ".."} & set(path.split("/"))
    assert path.isascii()
    assert not set('\\:"*?<>|\n') & set(path)


def test_names_stay_apart_when_they_are_quoted(world: FakeServices, job: Job) -> None:
    names = ["a//b", "a/%/b", "a/./b", "a/%2E/b", "a/%25/b"]

    paths = {archive_path(world.artifacts.uri(f"jobs/{job.id}/{name}"), job.id, world) for name in names}

    assert len(paths) == len(names)


@pytest.mark.parametrize("fault", ["deleted", "replaced"])
def test_archive_has_no_end_when_a_file_changes_meanwhile(world: FakeServices, job: Job, fault: str) -> None:
    put(world, job, "a.mp4", b"1" * 5000)
    last = put(world, job, "b.mp4", b"2" * 5000)
    steps = archive_job(job, DOCUMENTS, world)
    sent = [next(steps) for _ in range(4)]
    world.artifacts.delete(last)
    if fault == "replaced":
        put(world, job, "b.mp4", b"3" * 5000)

    with pytest.raises(NotFound):
        sent.extend(steps)

    with pytest.raises(BadZipFile):
        unpack(b"".join(sent))


def test_large_film_is_packed_without_its_size_in_memory(world: FakeServices, job: Job) -> None:
    stored = StoredObject(world.artifacts.uri(f"jobs/{job.id}/film.mp4"), world.clock.now(), 200_000_000, "c")
    part = bytes(1_000_000)

    class Large:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.artifacts, name)

    large: Any = Large()
    large.list = lambda prefix: [stored]

    def read_parts(one: StoredObject) -> Iterator[bytes]:
        return (part for _ in range(200))

    large.read_parts = read_parts
    world_with_large = FakeServices()
    world_with_large.artifacts = large

    tracemalloc.start()
    sent = sum(map(len, archive_job(job, {}, world_with_large)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sent > 200_000_000
    assert peak < 10_000_000
