"""Pack a job and every file it owns into one ZIP archive, written while it is read: nothing is stored for it.

The manifest comes last, because it holds digests of what was sent. An archive whose reading failed has no end, so no
reader takes it for a whole one.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from promptreel.domain.job import Job
from promptreel.ports.storage import StoredObject
from promptreel.services import Services

FORMAT = 1
MANIFEST = "manifest.json"
LEFT_OUT = ("work/",)  # segments of the cut: the film is made of them
_FOLDER = "files/"
_FILE_MODE = 0o100644 << 16  # a regular file, readable by all: without it unzip makes files that nobody may read


def archive_path(uri: str, job_id: str, services: Services) -> str:
    """Where the archive has an artifact. A name that could lead out of the folder that a reader unpacks into cannot."""
    name = uri.removeprefix(services.artifacts.uri(f"jobs/{job_id}/"))
    return _FOLDER + "/".join(map(_quote_segment, name.split("/")))


def archive_job(job: Job, documents: Mapping[str, bytes], services: Services) -> Iterator[bytes]:
    """The archive of a job, part by part: ``documents`` by their names, every file that is stored now, the manifest.

    The parts raise NotFound at a file that was deleted or changed meanwhile.
    """
    return _pack(job, documents, _list_files(job.id, services), services)


def _pack(
    job: Job, documents: Mapping[str, bytes], stored_files: Iterable[StoredObject], services: Services
) -> Iterator[bytes]:
    now = services.clock.now()
    files: list[dict[str, Any]] = []
    sink = _Sink()
    with ZipFile(sink, "w") as archive:
        for name, data in documents.items():
            files.append(_describe(name, hashlib.sha256(data), len(data)))
            archive.writestr(_entry(name, now, ZIP_DEFLATED), data)
            yield sink.take()
        for stored in stored_files:
            path, digest = archive_path(stored.uri, job.id, services), hashlib.sha256()
            entry = _entry(path, stored.created, ZIP_STORED)
            entry.file_size = stored.size  # decides whether the entry needs 64 bits
            with archive.open(entry, "w") as target:
                for part in services.artifacts.read_parts(stored):
                    digest.update(part)
                    target.write(part)
                    yield sink.take()
            stored_as = {"uri": stored.uri, "checksum": stored.checksum}
            files.append({**_describe(path, digest, stored.size), **stored_as})
        about = {"format": FORMAT, "job": job.id, "state": job.state.value, "made": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
        manifest = {**about, "files": files, "left_out": LEFT_OUT}
        archive.writestr(_entry(MANIFEST, now, ZIP_DEFLATED), json.dumps(manifest, indent=1))
    yield sink.take()


def _list_files(job_id: str, services: Services) -> list[StoredObject]:
    left_out = tuple(services.artifacts.uri(f"jobs/{job_id}/{folder}") for folder in LEFT_OUT)
    return [one for one in services.artifacts.list(f"jobs/{job_id}/") if not one.uri.startswith(left_out)]


def _describe(path: str, digest: Any, size: int) -> dict[str, Any]:
    return {"path": path, "bytes": size, "sha256": digest.hexdigest()}


def _entry(name: str, at: datetime, kind: int) -> ZipInfo:
    entry = ZipInfo(name, at.timetuple()[:6])
    entry.compress_type, entry.external_attr = kind, _FILE_MODE
    return entry


def _quote_segment(segment: str) -> str:
    """One part of a path, never one that means another folder, and different for different parts."""
    return quote(segment, safe="") if segment.strip(".") else segment.replace(".", "%2E") or "%"


class _Sink(io.RawIOBase):
    """A file for `ZipFile` to write to, which keeps only what was not taken yet."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def write(self, data: Any) -> int:
        """Keep a copy: the caller may reuse its buffer."""
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken, self._parts = b"".join(self._parts), []
        return taken
